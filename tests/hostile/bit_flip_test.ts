/**
 * One flipped bit anywhere in a small database: every way of reading yields correct data or a
 * `CorruptionError`, never wrong data or another error; and nothing is written.
 *
 * It flips all bits of the headers in use and of the superblocks' fields, and a sample of the
 * others: one bit of every 19 bytes. A run takes every second one of these, other runs the
 * others; QUIRE_FLIP_STEP=N takes all, and one bit of every N bytes. QUIRE_EVERY_BIT=1 flips every
 * bit of the files, also of a database of 64 pages and of the batches of a journal, which takes
 * hours; QUIRE_BIT_STEP=N then flips one bit of every N bytes of these two, and
 * QUIRE_FLIP_PAGES=0-15 only these of the 64 pages, so that processes can share the work.
 *
 * The last batch of a journal is a special case: nothing after it proves that it had been on the
 * medium, so a flipped bit in it ends the journal before it, as if that commit had been
 * interrupted.
 *
 * QUIRE_FLIPS=N flips N bits of a database larger than its cache, chosen by QUIRE_SEED.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, type File, format, MemoryFile } from "../../pager/mod.ts";
import type { Database } from "../../store/database.ts";
import {
  assertContent,
  bytesOf,
  change,
  type Content,
  contentOf,
  openOn,
  sameBytes,
} from "../support/databases/database.ts";
import { FaultyFile } from "../support/files/faulty_file.ts";
import { Random } from "../support/random.ts";
import { flipBit } from "../support/trees/pages.ts";
import { makeSample, type Sample } from "../support/trees/sample.ts";
import { isInTurn } from "../support/turn.ts";
import { makeBases } from "./support/hostile_bases.ts";
import { HostileImage } from "./support/hostile_image.ts";

const bases = makeBases();
const { CHUNK_PAGES, FRESH_PAGES, HEADER_BYTES, PAGE_BYTES, SUPERBLOCK } = format;
const EVERY_BIT = Deno.env.get("QUIRE_EVERY_BIT") === "1";
const BIT_STEP = Number(Deno.env.get("QUIRE_BIT_STEP") ?? 0);
const [FIRST_PAGE, LAST_PAGE] = (Deno.env.get("QUIRE_FLIP_PAGES") ?? "0-63").split("-").map(Number);
/** Elsewhere, one bit in this many bytes is flipped. */
const STEP = Number(Deno.env.get("QUIRE_FLIP_STEP") ?? 19);
const EVERY = EVERY_BIT || Deno.env.has("QUIRE_FLIP_STEP") ? 1 : 2;
const LARGE_ENTRIES = 5000;
const LARGE_FLIPS = Number(Deno.env.get("QUIRE_FLIPS") ?? 150);
const LARGE_SEED = Number(Deno.env.get("QUIRE_SEED") ?? 5);

describe("a flip of every bit in a small database", () => {
  const sample = makeSample();
  const headersEnd = sample.bytes.length / PAGE_BYTES * HEADER_BYTES;

  it("in the headers gives correct data or CorruptionError", () => {
    flipAll("headers", sample, [...allBits(0, headersEnd), ...someBits(headersEnd, PAGE_BYTES)]);
  });

  it("in the superblocks gives correct data", () => {
    const bits: number[] = [];
    for (let page = 1; page < FRESH_PAGES; page++) {
      const start = page * PAGE_BYTES;
      bits.push(...allBits(start, start + SUPERBLOCK.reserved));
      bits.push(...someBits(start + SUPERBLOCK.reserved, start + SUPERBLOCK.sum));
      bits.push(...allBits(start + SUPERBLOCK.sum, start + PAGE_BYTES));
    }
    const { refused } = flipAll("superblocks", sample, bits);
    assertEquals(refused, 0, "the other superblock is used");
  });

  it("in the pages gives correct data or CorruptionError", () => {
    flipAll("pages", sample, someBits(FRESH_PAGES * PAGE_BYTES, sample.bytes.length));
  });

  it("in the headers, then a change, gives correct data or a refusal that writes nothing", () => {
    let changed = 0;
    const bits = inTurn(allBits(0, headersEnd));
    for (const bit of bits) if (changeAfterFlip(sample, bit)) changed++;
    console.log(`changes after a flip: ${bits.length}, of which ${changed} went through`);
    assert(changed < bits.length);
  });
});

describe("a flip of a bit in a database larger than its cache", () => {
  it("gives correct data or CorruptionError, with pages loaded singly or by extents", () => {
    const file = makeLarge();
    const random = new Random(LARGE_SEED);
    let refused = 0;
    for (let i = 0; i < LARGE_FLIPS; i++) {
      const page = FRESH_PAGES + random.below(file.size() / PAGE_BYTES - FRESH_PAGES);
      const slot = page % CHUNK_PAGES;
      const inHeader = slot !== 0 && random.once(3);
      const byte = inHeader
        ? (page - slot) * PAGE_BYTES + slot * HEADER_BYTES + random.below(HEADER_BYTES)
        : page * PAGE_BYTES + random.below(PAGE_BYTES);
      flipBit(file, byte, i % 8);
      if (!holdsOrCorrupt(() => readLarge(file, i % 2 === 0), byte * 8 + i % 8)) refused++;
      flipBit(file, byte, i % 8);
    }
    readLarge(file, true);
    console.log(`flips in a large database: ${LARGE_FLIPS}, of which ${refused} were refused`);
    assert(refused > LARGE_FLIPS / 2);
  });
});

describe("a flip of a bit in a database of 64 pages", () => {
  const { bytes, content } = bases.deep;

  it("gives correct data or CorruptionError when the page is read", () => {
    assertEquals(bytes.length, 64 * PAGE_BYTES);
    const file = new MemoryFile(bytes);
    let [flips, refused] = [0, 0];
    for (let page = FIRST_PAGE!; page <= LAST_PAGE!; page++) {
      const needs = needsOf(page!, bytes, content);
      for (const bit of inTurn(sampled(page! * PAGE_BYTES, (page! + 1) * PAGE_BYTES, 131))) {
        flips++;
        flipBit(file, Math.floor(bit / 8), bit % 8);
        if (!holdsOrCorrupt(() => readNeeded(file, needs), bit)) refused++;
        else assert(page! < FRESH_PAGES, `bit ${bit} of page ${page} was not noticed`);
        flipBit(file, Math.floor(bit / 8), bit % 8);
      }
      if (EVERY_BIT) console.log(`to page ${page}: ${flips} flips, ${refused} refused`);
    }
    assert(sameBytes(file.content(), bytes), "the file is as it was");
    console.log(`flips in 64 pages: ${flips}, of which ${refused} were refused`);
  });
});

describe("a flip of a bit in a file that was not closed", () => {
  const { bytes, content, earlier } = bases.open;
  const { batches } = new HostileImage(bytes);

  it("in a batch before the last is refused, and past its records does not matter", () => {
    assertEquals(batches.length, 5);
    const { flips, refused, older } = flipOpen(batches.slice(0, -1), 41);
    console.log(`flips in batches: ${flips}, of which ${refused} were refused`);
    assertEquals(older, 0);
    assert(refused > 0);
  });

  it("in the last batch gives the state before it, and no mixture", () => {
    const { flips, refused, older } = flipOpen(batches.slice(-1), 41);
    console.log(`flips in the last batch: ${flips}, of which ${older} ended before it`);
    assertEquals(refused, 0);
    assert(older > 0);
  });

  it("in superblocks, or in pages that the journal does not restore, is noticed", () => {
    const pages = Array.from({ length: 24 }, (_, page) => ({
      position: page * PAGE_BYTES,
      length: PAGE_BYTES,
    }));
    const { flips, refused, older } = flipOpen(pages, 211);
    console.log(`flips in pages under a journal: ${flips}, of which ${refused} were refused`);
    assertEquals(older, 0);
  });

  /** Flips bits in parts of the file. Returns how many gave an error or an older state. */
  function flipOpen(parts: readonly { position: number; length: number }[], step: number) {
    const file = new MemoryFile(bytes);
    const found = { flips: 0, refused: 0, older: 0 };
    for (const { position, length } of parts) {
      for (const bit of sampled(position, position + length, step)) {
        found.flips++;
        flipBit(file, Math.floor(bit / 8), bit % 8);
        const state = stateOf(file, bit);
        if (state === undefined) found.refused++;
        else if (!isContent(state, content)) {
          assertContent(state, earlier[0]!, `bit ${bit}`);
          found.older++;
        }
        flipBit(file, Math.floor(bit / 8), bit % 8);
      }
    }
    assert(sameBytes(file.content(), bytes), "the file is as it was");
    return found;
  }

  /** The content of a file, or undefined if it is refused. */
  function stateOf(file: File, bit: number): Content | undefined {
    let state: Content | undefined;
    holdsOrCorrupt(() => {
      const db = openOn(file, { readOnly: true, cacheBytes: 8 * 1024 * 1024 });
      state = contentOf(db);
      db.close();
    }, bit);
    return state;
  }
});

/** One bit of every `usual` bytes, or of as many as the environment sets, or every bit. */
function sampled(start: number, end: number, usual: number): number[] {
  if (EVERY_BIT) return allBits(start, end);
  const bits: number[] = [];
  for (let byte = start; byte < end; byte += BIT_STEP || usual) {
    bits.push(byte * 8 + bits.length % 8);
  }
  return bits;
}

/** An entry whose reading needs a data page; undefined for other pages. */
function needsOf(page: number, bytes: Uint8Array, content: Content): Need | undefined {
  if (page < FRESH_PAGES) return undefined;
  const file = new MemoryFile(bytes);
  flipBit(file, page * PAGE_BYTES);
  const db = openOn(file, { readOnly: true });
  for (const [name, entries] of content) {
    for (const [key, value] of entries) {
      if (!holdsOrCorrupt(() => db.tree(name).get(key), page * PAGE_BYTES * 8)) {
        return { name, key, value };
      }
    }
  }
  throw new Error(`no entry needs page ${page}`);
}

/** An entry. */
interface Need {
  readonly name: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Reads one entry, or all of them. */
function readNeeded(file: File, need: Need | undefined): void {
  const db = openOn(file, { readOnly: true, cacheBytes: 8 * 1024 * 1024 });
  if (need === undefined) assertContent(contentOf(db), bases.deep.content);
  else assert(sameBytes(db.tree(need.name).get(need.key), need.value), "another value");
  db.close();
}

function isContent(a: Content, b: Content): boolean {
  return [...a.keys()].join() === [...b.keys()].join() && [...b].every(([name, entries]) => {
    const found = a.get(name)!;
    return found.length === entries.length && entries.every(([key, value], i) => {
      return sameBytes(found[i]![0], key) && sameBytes(found[i]![1], value);
    });
  });
}

/** Makes a database of about 14 MiB, half of which fits in the smallest cache. */
function makeLarge(): MemoryFile {
  const file = new MemoryFile();
  const db = openOn(file);
  const entries = Array.from({ length: LARGE_ENTRIES }, (_, i) => {
    return [`key ${10_000 + i}`, largeValue(i)] as const;
  });
  change(db, "large", (tree) => tree.load(entries));
  db.close();
  return file;
}

function largeValue(i: number): Uint8Array {
  return new Uint8Array(2000).fill(i * 7).fill(i >>> 8, 0, 100);
}

function readLarge(file: File, reverse: boolean): void {
  const db = openOn(file, { readOnly: true, cacheBytes: 8 * 1024 * 1024 });
  const tree = db.tree("large");
  let at = reverse ? LARGE_ENTRIES - 1 : 0;
  for (const [key, value] of tree.entries({ reverse })) {
    assertEquals(new TextDecoder().decode(key), `key ${10_000 + at}`);
    assert(sameBytes(value, largeValue(at)), `value ${at}`);
    at += reverse ? -1 : 1;
  }
  assertEquals(at, reverse ? -1 : LARGE_ENTRIES);
  assertEquals(tree.count(), LARGE_ENTRIES);
  for (let i = 0; i < LARGE_ENTRIES; i += 97) {
    assert(sameBytes(tree.get(`key ${10_000 + i}`), largeValue(i)), `value ${i}`);
  }
  db.close();
}

function allBits(start: number, end: number): number[] {
  return Array.from({ length: (end - start) * 8 }, (_, i) => start * 8 + i);
}

/** One bit of every few bytes, the next of the eight each time. */
function someBits(start: number, end: number): number[] {
  if (EVERY_BIT) return allBits(start, end);
  const bits: number[] = [];
  for (let byte = start; byte < end; byte += STEP) bits.push(byte * 8 + bits.length % 8);
  return bits;
}

/** Those of the bits that this run takes. */
function inTurn(bits: readonly number[]): number[] {
  return bits.filter((_, index) => isInTurn(index, EVERY));
}

/** Flips each bit alone, and reads. Returns how many of the files were refused in any way. */
function flipAll(what: string, sample: Sample, all: readonly number[]): { refused: number } {
  const bits = inTurn(all);
  const file = new MemoryFile(sample.bytes);
  let refused = 0;
  for (const [i, bit] of bits.entries()) {
    flipBit(file, Math.floor(bit / 8), bit % 8);
    if (!readsRight(file, sample, bit, i % 2 === 0)) refused++;
    const at = Math.floor(bit / 8);
    file.writeAt(sample.bytes, at, 1, at);
  }
  assert(sameBytes(file.content(), sample.bytes), "the file is as it was");
  console.log(`flips in ${what}: ${bits.length}, of which ${refused} were refused`);
  return { refused };
}

/**
 * Whether all reads give correct data. Fails if one gives wrong data, or writes anything except
 * a superblock that is repaired from its copy.
 */
function readsRight(content: File, sample: Sample, bit: number, readOnly: boolean): boolean {
  const file = new FaultyFile(content);
  let right = true;
  const attempt = (action: () => void) => {
    if (!holdsOrCorrupt(action, bit)) right = false;
  };
  attempt(() => {
    const db = openOn(file, { readOnly });
    for (const read of waysToRead(sample)) attempt(() => read(db));
    db.close();
  });
  const repairs = file.writes.filter(({ position, length }) => {
    return !readOnly && length === PAGE_BYTES && [1, 2].includes(position / PAGE_BYTES);
  });
  const changes = file.writes.length - repairs.length + file.counts.truncate;
  assertEquals(changes, 0, `bit ${bit}: something was written`);
  return right;
}

/** Whether an operation works. Fails if it throws anything except a `CorruptionError`. */
function holdsOrCorrupt(action: () => void, bit: number): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof CorruptionError) return false;
    throw new Error(`bit ${bit}, byte ${Math.floor(bit / 8)}`, { cause: error });
  }
}

/** Every way to read, each separately, so that a refusal does not hide the next. */
function waysToRead({ content }: Sample): ((db: Database) => void)[] {
  const ways: ((db: Database) => void)[] = [
    (db) => assertEquals(db.trees(), [...content.keys()]),
    (db) => assertContent(contentOf(db), content),
  ];
  for (const [name, entries] of content) {
    ways.push((db) => assertEquals(db.tree(name).count(), entries.length));
    ways.push((db) => {
      const found = [...db.tree(name).entries({ reverse: true })].reverse();
      assertContent(new Map([[name, found]]), new Map([[name, entries]]));
    });
    for (const [key, value] of entries) {
      ways.push((db) => assert(sameBytes(db.tree(name).get(key), value), `value in ${name}`));
    }
    ways.push((db) => assertEquals(db.tree(name).has("absent"), false));
  }
  return ways;
}

/** Flips a bit, changes something and reopens. Returns whether the change succeeded. */
function changeAfterFlip(sample: Sample, bit: number): boolean {
  const file = new FaultyFile(new MemoryFile(sample.bytes));
  flipBit(file, Math.floor(bit / 8), bit % 8);
  file.counts.write = 0;
  const value = bytesOf(bit, 20_000);
  const changed = holdsOrCorrupt(() => {
    const db = openOn(file);
    let refused: unknown;
    try {
      change(db, "runs", (tree) => tree.set("new", value));
    } catch (error) {
      refused = error;
    }
    db.close();
    if (refused !== undefined) throw refused;
  }, bit);
  if (!changed) {
    assertEquals(file.counts.write, 0, `bit ${bit}: refused, and something was written`);
    return false;
  }
  const db = openOn(file, { readOnly: true });
  const expected = new Map(sample.content);
  expected.set("runs", [...sample.content.get("runs")!, [new TextEncoder().encode("new"), value]]);
  expected.get("runs")!.sort(([a], [b]) => a < b ? -1 : 1);
  holdsOrCorrupt(() => assertContent(contentOf(db), expected, `after bit ${bit}`), bit);
  db.close();
  return true;
}
