/**
 * The simulated file and its power cuts: the images that a cut can leave, and those that it cannot.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BLOCK_BYTES, type Blocks } from "../support/files/blocks.ts";
import {
  describePlan,
  type ImageOptions,
  makeImage,
  plansAt,
} from "../support/files/crash_images.ts";
import { PowerFile, PowerWalk } from "../support/files/power_file.ts";
import { Random } from "../support/random.ts";

const OPTIONS: ImageOptions = { garbage: "none", rotPages: [], limit: 1000 };

/** The images of a cut after all operations of a file, as text with one character a block. */
function imagesOf(file: PowerFile, options = OPTIONS): Set<string> {
  const walk = walkOf(file);
  const plans = plansAt(walk, options, new Random(1));
  return new Set(plans.map((plan) => textOf(makeImage(walk, plan))));
}

function walkOf(file: PowerFile): PowerWalk {
  const walk = new PowerWalk(file.start);
  for (const operation of file.operations) {
    walk.issue(operation);
    walk.complete(operation);
  }
  return walk;
}

/** The first byte of each block as a letter, or a dot for zero. */
function textOf(content: Blocks): string {
  const bytes = content.content();
  let text = "";
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    text += bytes[at] === 0 ? "." : String.fromCharCode(bytes[at]!);
  }
  return text;
}

/** A file of blocks, each filled with one letter. */
function write(file: PowerFile, block: number, letters: string, through = false): void {
  const bytes = new Uint8Array(letters.length * BLOCK_BYTES);
  [...letters].forEach((letter, i) => {
    bytes.fill(letter.charCodeAt(0), i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
  });
  if (through) file.writeThroughAt(bytes, 0, bytes.length, block * BLOCK_BYTES);
  else file.writeAt(bytes, 0, bytes.length, block * BLOCK_BYTES);
}

describe("PowerFile", () => {
  it("returns the bytes written, and so does a fork", () => {
    const file = new PowerFile();
    const random = new Random(1);
    const model = new Uint8Array(60_000);
    for (let i = 0; i < 200; i++) {
      const length = random.below(9000);
      const bytes = Uint8Array.from({ length }, () => random.below(256));
      const position = random.below(model.length - length);
      file.writeAt(bytes, 0, length, position);
      model.set(bytes, position);
      if (random.once(10)) {
        const size = random.below(model.length);
        file.truncate(size);
        model.fill(0, size);
      }
      if (random.once(10)) file.sync();
    }
    file.truncate(model.length);
    assertEquals(file.snapshot().content(), model);
    const read = new Uint8Array(5000);
    assertEquals(file.readAt(read, 1000, 3000, 7777), 3000);
    assertEquals(read.subarray(1000, 4000), model.subarray(7777, 10_777));
    assertEquals(file.readAt(read, 0, 10, model.length), 0);
    assertEquals(file.snapshot().hash(), new PowerFile(file.snapshot()).snapshot().hash());
  });

  it("leaves forks alone", () => {
    const file = new PowerFile();
    write(file, 0, "abc");
    const fork = new PowerFile(file.snapshot());
    write(fork, 1, "x");
    write(file, 2, "y");
    assertEquals(textOf(fork.snapshot()), "axc");
    assertEquals(textOf(file.snapshot()), "aby");
  });
});

describe("plansAt()", () => {
  it("loses or keeps each write since the last sync, and none before it", () => {
    const file = new PowerFile();
    write(file, 0, "abc");
    file.sync();
    write(file, 0, "x");
    write(file, 2, "y");
    assertEquals(imagesOf(file), new Set(["abc", "xbc", "aby", "xby"]));
  });

  it("never loses a write-through that has returned, and keeps its place in the order", () => {
    const file = new PowerFile();
    write(file, 0, "abc");
    file.sync();
    write(file, 1, "x");
    write(file, 1, "T", true);
    write(file, 0, "y");
    assertEquals(imagesOf(file), new Set(["aTc", "yTc"]));
  });

  it("loses or keeps truncations and extensions", () => {
    const file = new PowerFile();
    write(file, 0, "abc");
    file.sync();
    file.truncate(BLOCK_BYTES);
    write(file, 3, "d");
    assertEquals(imagesOf(file), new Set(["abc", "a", "abcd", "a..d", "abc.", "a..."]));
  });

  it("tears writes at blocks and sectors", () => {
    const file = new PowerFile();
    write(file, 0, "abc");
    file.sync();
    write(file, 0, "xyz");
    const found = imagesOf(file);
    for (const text of ["abc", "xyz", "xbc", "abz", "xyc", "ayz"]) assert(found.has(text), text);
    const walk = walkOf(file);
    const plans = plansAt(walk, OPTIONS, new Random(1));
    const isMixed = (image: Uint8Array) => image[0] !== image[BLOCK_BYTES - 512];
    assert(plans.some((plan) => isMixed(makeImage(walk, plan).content())));
    assert(plans.some((plan) => describePlan(walk, plan).includes("torn at 512")));
  });

  it("corrupts sectors of a torn write only on request", () => {
    const file = new PowerFile();
    write(file, 0, "aaa");
    file.sync();
    write(file, 1, "a");
    assertEquals(imagesOf(file), new Set(["aaa"]));
    assertEquals(imagesOf(file, { ...OPTIONS, garbage: "changed" }), new Set(["aaa"]));
    const found = imagesOf(file, { ...OPTIONS, garbage: "any" });
    assertEquals([...found].every((text) => /^a.a$/s.test(text)), true);
    assertEquals(found.size > 2, true);
  });

  it("rots only pages that are completely on the medium", () => {
    const options = { ...OPTIONS, rotPages: [1] };
    const file = new PowerFile();
    write(file, 0, "aabbcc");
    file.sync();
    const walk = walkOf(file);
    const rotten = plansAt(walk, options, new Random(1)).filter(({ rot }) => rot !== undefined);
    assertEquals(rotten.length, 2);
    for (const plan of rotten) {
      const changed = makeImage(walk, plan).content();
      const before = walk.base.content();
      const places = [...changed.keys()].filter((i) => changed[i] !== before[i]);
      assert(places.length > 0 && places.every((at) => at >= 8192 && at < 16384));
    }
    write(file, 0, "x");
    assertEquals(plansAt(walkOf(file), options, new Random(1)).some(({ rot }) => rot), false);
  });

  it("samples many writes: none, all, one, all but one, first and last ones", () => {
    const file = new PowerFile();
    write(file, 0, "a".repeat(12));
    file.sync();
    for (let i = 0; i < 12; i++) write(file, i, "x");
    const found = imagesOf(file);
    const of = (mask: (i: number) => boolean) => {
      return Array.from({ length: 12 }, (_, i) => mask(i) ? "x" : "a").join("");
    };
    for (let at = 0; at < 12; at++) {
      for (
        const mask of [
          (i: number) => i <= at,
          (i: number) => i >= at,
          (i: number) => i === at,
          (i: number) => i !== at,
        ]
      ) assert(found.has(of(mask)), of(mask));
    }
    assert(found.has("a".repeat(12)));
  });
});
