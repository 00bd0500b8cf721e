// The tree against a model: random puts, updates, deletes and range deletes of keys of every
// family and values of every size, in transactions that commit or roll back, with savepoints,
// through reopening, and in a cache much smaller than the data. After each batch the tree is
// sound, every key reads back, and every page in use is the tree's.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import type { PagerOptions } from "../pager/mod.ts";
import { CACHE_BYTES_MIN } from "../pager/recovery/options.ts";
import type { Random } from "../tests/support/random.ts";
import { usedPages } from "../tests/support/trees/space.ts";
import {
  bytesOf,
  eachSeed,
  expectSound,
  KEY_FAMILIES,
  keyOf,
  plant,
  TreeModel,
} from "../tests/support/trees/trees.ts";

type Family = (random: Random) => Uint8Array;

const SMALL_SIZES = [0, 1, 8, 30, 100, 300];
const EDGE_SIZES = [127, 128, 900, 1024, 1025, 2048, 2600, 3900, 8191, 8192, 8193, 20_000];
const HUGE_SIZES = [255 * 8192, 256 * 8192];

function someSize(random: Random): number {
  if (random.once(1500)) return random.pick(HUGE_SIZES);
  return random.pick(random.once(5) ? EDGE_SIZES : SMALL_SIZES);
}

/** A key of the tree, most of the time, or one of the family. */
function someKey(random: Random, family: Family, names: readonly string[]): Uint8Array {
  return names.length === 0 || random.once(4) ? family(random) : bytesOf(random.pick(names));
}

/** Random changes; `growth` of 10 of them are puts of new keys. */
function change(model: TreeModel, random: Random, family: Family, growth: number): void {
  const names = [...model.entries.keys()];
  for (let i = 0; i < 150; i++) {
    const what = random.below(100);
    if (what < growth * 10) model.put(family(random), someSize(random));
    else if (what < growth * 10 + 8) model.put(someKey(random, family, names), someSize(random));
    else if (what < 99 || random.once(3)) model.delete(someKey(random, family, names));
    else {
      const [from, to] = [0, 1].map(() => {
        return random.once(8) ? undefined : someKey(random, family, names);
      });
      model.deleteRange(from, to);
    }
  }
}

/** A batch: changes, perhaps with savepoints inside, kept or undone. */
function batch(model: TreeModel, random: Random, family: Family, growth: number): void {
  model.begin();
  for (let part = random.below(3); part >= 0; part--) {
    const nested = random.once(3);
    if (nested) model.begin();
    change(model, random, family, growth);
    if (!nested) continue;
    if (random.once(2)) model.rollback();
    else model.commit();
  }
  if (random.once(4)) model.rollback();
  else model.commit();
}

/** Batches that grow the tree, then shrink it, then empty it. */
function live(random: Random, family: Family, options: PagerOptions = {}): void {
  const model = new TreeModel(plant(options));
  for (let round = 0; round < 10; round++) {
    batch(model, random, family, round < 6 ? 7 : 2);
    model.check();
    if (round % 4 !== 3) continue;
    model.reopen(options);
    model.check();
  }
  const names = model.names();
  model.begin();
  while (names.length > 0) model.delete(bytesOf(names.splice(random.below(names.length), 1)[0]!));
  model.commit();
  model.check();
  assertEquals(usedPages(model.bed.context), [model.bed.tree.root]);
}

describe("BTree: random changes", () => {
  for (const [name, family] of Object.entries(KEY_FAMILIES)) {
    it(`agree with the model: ${name}`, () => eachSeed(10, (random) => live(random, family)));
  }

  it("agree with the model: keys of all families in one tree", () => {
    const families = Object.values(KEY_FAMILIES);
    eachSeed(10, (random) => live(random, () => random.pick(families)(random)));
  });

  it("agree with the model: sequences that fast-check makes, and makes smaller", () => {
    const key = fc.oneof(
      fc.constantFrom("", "\0", "\0\0", "\xff", "\xff\xff", "a".repeat(2048), "a".repeat(2047)),
      fc.string({ unit: fc.constantFrom("a", "b", "\0", "\xff"), maxLength: 5 }),
      fc.nat(60).map((number) => `prefix of some length ${number}`),
      fc.nat(20).map((number) => "p".repeat(2000) + number),
    ).map(bytesOf);
    const size = fc.constantFrom(0, 1, 100, 500, 1024, 1025, 2049, 8193);
    const steps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.tuple(fc.constant("put" as const), key, size) },
        { weight: 3, arbitrary: fc.tuple(fc.constant("delete" as const), key, size) },
        { weight: 1, arbitrary: fc.tuple(fc.constant("range" as const), key, size, key) },
        { weight: 1, arbitrary: fc.tuple(fc.constant("rollback" as const), key, size) },
      ),
      { maxLength: 120, size: "max" },
    );
    fc.assert(
      fc.property(steps, (steps) => {
        const model = new TreeModel(plant());
        model.begin();
        for (const [what, key, bytes, to] of steps) {
          if (what === "put") model.put(key, bytes);
          else if (what === "delete") model.delete(key);
          else if (what === "range") model.deleteRange(key, to);
          else {
            model.rollback();
            model.begin();
          }
        }
        model.commit();
        model.check();
      }),
      { numRuns: 200 },
    );
  });
});

describe("BTree: random changes in a small cache", () => {
  const options = { cacheBytes: CACHE_BYTES_MIN };

  it("agree with the model, the data several times larger", () => {
    eachSeed(2, (random) => {
      const model = new TreeModel(plant(options));
      for (let round = 0; round < 12; round++) {
        model.begin();
        for (let i = 0; i < 1200; i++) model.put(keyOf(random.u32()), 1000 + random.below(1100));
        const names = [...model.entries.keys()];
        for (let i = 0; i < 250; i++) {
          const key = bytesOf(random.pick(names));
          if (random.once(2)) model.delete(key);
          else model.put(key, random.pick([5, 2000, 2049, 40_000]));
        }
        if (round % 5 === 4) model.rollback();
        else model.commit();
        expectSound(model.bed);
        if (round % 6 !== 5) continue;
        assert(model.bed.file.size() > 2 * CACHE_BYTES_MIN, `${model.bed.file.size()} bytes`);
        model.reopen(options);
        model.check();
      }
      model.begin();
      model.deleteRange(keyOf(2 ** 30), keyOf(3 * 2 ** 30));
      model.commit();
      model.check();
      model.reopen(options);
      model.check();
    });
  });

  it("agree with the model: keys of every family, values of several MiB", () => {
    Object.values(KEY_FAMILIES).forEach((family, index) => {
      eachSeed(1, (random) => {
        const model = new TreeModel(plant(options));
        for (let round = 0; round < 4; round++) {
          model.begin();
          for (let i = 0; i < 3; i++) {
            model.put(bytesOf(`big ${index} ${i}`), 3 * 1024 * 1024 + random.below(5_000_000));
          }
          model.commit();
          batch(model, random, family, 7);
          expectSound(model.bed);
        }
        model.reopen(options);
        model.check();
      });
    });
  });
});
