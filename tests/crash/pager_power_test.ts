/**
 * Power cuts while random programs change the pages of a few chunks, and the journal takes and
 * gives back the chunks around them: the file opens with a commit, at least the last durable one,
 * and a page that the commit did not have is free.
 *
 * The process is killed after steps, too. Pages are taken at the end of the file, given back and
 * rolled back, so that chunks pass between pages, the journal and the tail that is cut. A failed
 * program names its seed; QUIRE_SEED=N begins with that one. QUIRE_PAGER=N runs N programs.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Flight, format, header, type Pager, type PagerOptions } from "../../pager/mod.ts";
import { Blocks } from "../support/files/blocks.ts";
import { makeImage, plansAt } from "../support/files/crash_images.ts";
import { PowerFile, PowerWalk } from "../support/files/power_file.ts";
import { Random } from "../support/random.ts";
import {
  allocate,
  dataPages,
  expectContent,
  makeFile,
  openNodes,
  write,
} from "../support/trees/pages.ts";
import { TURN } from "../support/turn.ts";

const { CHUNK_PAGES, chunksOf } = format;
const PROGRAMS = Number(Deno.env.get("QUIRE_PAGER") ?? 1);
const LIVES = 2;
const CUTS = 20;
const IMAGE_OPTIONS = { garbage: "none", rotPages: [], limit: 3 } as const;
const BASE = dataPages(1100);
/** Chunks in which programs take pages, and the slots that they take there. */
const CHUNKS = 20;
const SLOTS = Array.from({ length: 12 }, (_, i) => 4 + i * 3);
const OPTIONS = { journalBytes: 4 * 1024 * 1024, tailBytes: 0 };

type Step =
  | ("reopen" | "kill" | "take" | "take and undo" | "give back" | "write" | "write much")
  | ("flush" | "slice" | "checkpoint" | "request" | "move" | "fly");

/** The steps of a session, of which a program replaces one in four. */
const LIFE: readonly Step[] = [
  // A chunk that a running checkpoint has not reached yet is cut off, and the journal takes it.
  ...["reopen", "write", "take", "give back", "flush", "slice", "write", "flush", "write much"],
  ...["flush", "slice", "checkpoint"],
  // Recovery leaves chunks, and the next session goes on with what the last one had begun.
  ...["write much", "flush", "kill", "slice", "write", "flush", "kill", "write", "take", "flush"],
  ...["slice", "kill", "write", "fly", "fly", "request", "fly", "fly", "fly", "kill", "checkpoint"],
  // An area grows at the switch of a flight.
  ...["reopen", "write", "fly", "fly", "take and undo", "fly", "request", "fly", "write much"],
  ...["fly", "fly", "fly", "request", "fly", "fly", "write much", "move", "fly", "fly", "fly"],
  ...["take", "give back", "write", "request", "fly", "fly", "write", "fly", "fly"],
] as Step[];

/** Options of which recovery replays everything at once, or leaves what it can. */
function optionsOf(random: Random): PagerOptions {
  return { ...OPTIONS, replayRecords: random.once(2) ? 0 : Infinity };
}

/** The salt of each page in use. */
type Contents = ReadonlyMap<number, number>;

/** What may be found after a cut: the contents at each version, and when it became durable. */
interface History {
  readonly file: PowerFile;
  readonly contents: Map<number, Contents>;
  /** The last durable version after a number of operations. */
  readonly durable: { readonly done: number; readonly version: number }[];
}

/** A program in the course of its run. */
class Program implements History {
  readonly file: PowerFile;
  readonly contents = new Map<number, Contents>();
  readonly durable: { done: number; version: number }[] = [];
  readonly #random: Random;
  #pager: Pager;
  readonly #reserved = new Set<number>();
  #now = new Map<number, number>();
  #salt = 0;
  #flight: Flight | undefined;

  constructor(seed: number) {
    this.#random = new Random(seed);
    const start = new Blocks();
    const bytes = makeFile(BASE.length).content();
    start.write(bytes, 0, bytes.length, 0);
    this.file = new PowerFile(start);
    this.#pager = this.#open();
    for (const page of BASE) this.#now.set(page, page);
    this.#note();
  }

  #open(): Pager {
    const pager = openNodes(this.file, optionsOf(this.#random));
    this.#reserved.clear();
    pager.listen({
      committed: () => {},
      rolledBack: () => {},
      snapshotEnded: () => {},
      chunkChanged: (chunk) => this.#reserved.delete(chunk),
      chunkReserved: (chunk) => this.#reserved.add(chunk),
    });
    return pager;
  }

  run(): History {
    for (let life = 0; life < LIVES; life++) {
      for (const step of LIFE) {
        this.#step(this.#random.once(4) ? this.#random.pick(LIFE) : step);
        const { durableVersion: version } = this.#pager;
        this.durable.push({ done: this.file.operations.length, version });
      }
    }
    return this;
  }

  #note(): void {
    this.contents.set(this.#pager.meta.version, new Map(this.#now));
  }

  #step(step: Step): void {
    switch (step) {
      case "reopen":
        this.#flight = undefined;
        this.#pager.close();
        this.#pager = this.#open();
        return;
      case "kill":
        return this.#kill();
      case "take":
        return this.#change(true, () => this.#takeFar());
      case "take and undo":
        return this.#change(false, () => this.#takeEnd());
      case "give back":
        return this.#change(true, () => this.#giveBack());
      case "write":
        return this.#change(true, () => this.#write(1 + this.#random.below(20)));
      case "write much":
        return this.#change(true, () => this.#write(200 + this.#random.below(400)));
      case "flush":
        return this.#pager.flush(this.#random.pick(["sync", "buffered"]), true);
      case "slice":
        return void this.#pager.checkpointSlice();
      case "checkpoint":
        return this.#pager.checkpoint();
      case "request":
        return this.#pager.flights.requestCheckpoint();
      case "move":
        if (this.#flight === undefined) this.#pager.flights.beginMove(this.#random.once(2));
        return;
      case "fly":
        return this.#fly();
    }
  }

  /** Opens the file again as a killed process has left it. */
  #kill(): void {
    if (this.#flight !== undefined) this.file.endSync();
    this.#flight = undefined;
    this.#pager = this.#open();
    const { recovery, meta } = this.#pager;
    this.#now = new Map(this.contents.get(recovery?.version ?? meta.version));
    // A recovery skips versions.
    this.#note();
  }

  /** Takes off, or lands. */
  #fly(): void {
    const { flights } = this.#pager;
    if (this.#flight === undefined) {
      this.#flight = flights.takeOff();
    } else {
      this.file.endSync();
      flights.land(this.#flight);
      this.#flight = undefined;
    }
  }

  /** Changes pages in a transaction, which commits or is rolled back. */
  #change(commits: boolean, body: () => void): void {
    const before = new Map(this.#now);
    this.#pager.begin();
    this.#salt++;
    body();
    if (commits) {
      this.#pager.commit();
      this.#note();
    } else {
      this.#pager.rollback();
      this.#now = before;
    }
  }

  /** Begins chunks at the end of the file. */
  #takeEnd(): void {
    for (let count = this.#random.below(5); count >= 0; count--) {
      this.#take(chunksOf(this.#pager.meta.pageCount));
    }
  }

  /** Takes free pages of one chunk, or begins a chunk at the end of the file. */
  #takeFar(): void {
    const end = Math.min(CHUNKS, chunksOf(this.#pager.meta.pageCount));
    this.#take(this.#random.once(2) ? end : this.#random.below(end));
  }

  #take(chunk: number): void {
    for (const slot of SLOTS) {
      const page = chunk * CHUNK_PAGES + slot;
      if (this.#now.has(page) || this.#isTaken(chunk)) continue;
      allocate(this.#pager, page, this.#salt);
      this.#now.set(page, this.#salt);
    }
  }

  /** Whether the journal has a chunk, or is about to take it or to give it back. */
  #isTaken(chunk: number): boolean {
    const { areas } = this.#pager.inspection().journal()!;
    return this.#reserved.has(chunk) || areas.some(({ chunks }) => chunks.includes(chunk));
  }

  /** Gives back all pages of the last chunks that have some. */
  #giveBack(): void {
    const far = [...this.#now.keys()].filter((page) => page > BASE.at(-1)!);
    const least = this.#random.once(2)
      ? 0
      : chunksOf(Math.max(0, ...far)) - 1 - this.#random.below(3);
    for (const page of far.filter((page) => page >= least * CHUNK_PAGES)) {
      this.#pager.release(page, 1);
      this.#now.delete(page);
    }
  }

  #write(count: number): void {
    const pages = [...this.#now.keys()];
    for (let i = 0; i < count; i++) {
      const page = this.#random.pick(pages);
      write(this.#pager, page, this.#salt);
      this.#now.set(page, this.#salt);
    }
  }
}

/** Fails unless the file has the contents of a version that it may have after a cut. */
function expectHistory(pager: Pager, { contents, durable }: History, done: number): void {
  const least = durable.findLast((entry) => entry.done <= done)?.version ?? 0;
  const version = pager.recovery?.version ?? pager.meta.version;
  assert(version >= least, `version ${version} was found, and ${least} was durable`);
  const expected = contents.get(version)!;
  assert(expected !== undefined, `version ${version} was never committed`);
  for (const [page, salt] of expected) expectContent(pager, page, salt);
  for (let chunk = 0; chunk < chunksOf(pager.meta.pageCount); chunk++) {
    expectFreeSlots(pager, chunk, expected);
  }
}

/** Fails if a page of a chunk is in use that should be free. */
function expectFreeSlots(pager: Pager, chunk: number, expected: Contents): void {
  const { areas } = pager.inspection().journal()!;
  if (areas.some(({ chunks }) => chunks.includes(chunk))) return;
  const place = pager.headerPage(chunk);
  const frame = pager.frames[place >>> format.CHUNK_SHIFT]!;
  for (let slot = chunk === 0 ? format.FRESH_PAGES : 1; slot < CHUNK_PAGES; slot++) {
    const page = chunk * CHUNK_PAGES + slot;
    const isUsed = header.isInUse(frame, place & format.SLOT_MASK, slot);
    assertEquals(isUsed, expected.has(page), `whether page ${page} is in use`);
  }
}

/** Fails unless the file keeps its contents once it is closed. */
function expectClosed(file: PowerFile, pager: Pager, history: History, done: number): void {
  const { version } = pager.recovery ?? pager.meta;
  pager.close();
  const again = openNodes(file, OPTIONS);
  assertEquals(again.recovery, undefined);
  const contents = new Map([[again.meta.version, history.contents.get(version)!]]);
  expectHistory(again, { ...history, contents, durable: [] }, done);
  again.close();
}

/** Cuts a program at some of its operations; returns the number of images. */
function cut(history: History, seed: number): number {
  const random = new Random(seed);
  const walk = new PowerWalk(history.file.start);
  const { operations } = history.file;
  let images = 0;
  operations.forEach((operation, done) => {
    walk.issue(operation);
    const isCut = random.below(operations.length) < CUTS;
    const plans = isCut ? plansAt(walk, IMAGE_OPTIONS, random) : [];
    const isKilled = random.once(2) && history.durable.some((step) => step.done === done + 1);
    if (isKilled) plans.push({ fates: walk.pending.map(() => "kept"), salt: 0 });
    for (const plan of plans) {
      const file = new PowerFile(makeImage(walk, plan), false);
      const pager = openNodes(file, optionsOf(random));
      expectHistory(pager, history, done);
      if (isKilled) expectClosed(file, pager, history, done);
    }
    images += plans.length;
    walk.complete(operation);
  });
  return images;
}

describe("power cuts of random programs of the pager", () => {
  for (let seed = TURN; seed < TURN + PROGRAMS; seed++) {
    it(`leave a commit, and at least the last durable one, with seed ${seed}`, () => {
      const history = new Program(seed).run();
      console.log(`power cuts of the pager, seed ${seed}: ${cut(history, seed)} images`);
    });
  }
});
