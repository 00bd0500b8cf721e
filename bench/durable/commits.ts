/**
 * Single durable commits a second, sequential and concurrent, beside a bare write that reaches the
 * medium.
 */

import type { Engine, Store } from "../engines/engine.ts";
import { quireEngine, QuireStore } from "../engines/quire.ts";
import { type Figure, figureOf, short, timeMs } from "../measure/figures.ts";
import { Keys, Values, xorshift } from "../measure/keys.ts";
import { BareFile } from "../measure/machine.ts";
import { type DurableSize, openFilled, type Section } from "./fixture.ts";

const ENTRIES = 20_000;
const COMMITS_A_TURN = 25;
/** The smallest journal: a checkpoint falls on every few hundred commits. */
const SMALL_JOURNAL_BYTES = 2 * 1024 * 1024;
/** Deno KV takes thousands of concurrent sets one by one, so it is given fewer. */
const KV_CONCURRENT = 1000;

/** A way to commit, and its commits a second in each round. */
interface Contender {
  readonly name: string;
  readonly samples: number[];
  /** Commits so far. */
  done: number;
  commit(index: number): unknown;
  close(): unknown;
}

/** One commit after another. */
export async function commitSection(
  engines: readonly Engine[],
  folder: string,
  size: DurableSize,
): Promise<Section> {
  const keys = new Keys(ENTRIES);
  const contenders = await openContenders(engines, folder, keys);
  const random = xorshift(2463534242);
  for (let round = -1; round < size.rounds; round++) {
    const rates = await commitRound(contenders, size.commits, random);
    // The first round is a warm-up.
    if (round >= 0) contenders.forEach(({ samples }, at) => samples.push(rates[at]!));
  }
  for (const contender of contenders) await contender.close();
  return rateSection("Durable commits, one after another, a second", contenders, [
    `Updates of random keys among ${ENTRIES}.`,
    `${size.commits} commits a round, ${COMMITS_A_TURN} a turn.`,
    `"journal 2 MiB" has a checkpoint about every 500 commits and pays for it here.`,
  ]);
}

/**
 * Alternates between all, a few commits at a time and in another order each time, so that a
 * disturbance affects all of them, and none always follows the same one.
 */
async function commitRound(
  contenders: readonly Contender[],
  commits: number,
  random: () => number,
): Promise<number[]> {
  const spent = contenders.map(() => 0);
  for (let done = 0; done < commits; done += COMMITS_A_TURN) {
    for (const contender of shuffle(contenders, random)) {
      const ms = await timeMs(() => commitMany(contender, COMMITS_A_TURN));
      spent[contenders.indexOf(contender)]! += ms;
    }
  }
  return spent.map((ms) => commits / ms * 1000);
}

function shuffle<T>(all: readonly T[], random: () => number): T[] {
  const order = all.map((one) => ({ one, place: random() }));
  return order.sort((a, b) => a.place - b.place).map(({ one }) => one);
}

async function commitMany(contender: Contender, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const later = contender.commit(contender.done++);
    if (later instanceof Promise) await later;
  }
}

async function openContenders(
  engines: readonly Engine[],
  folder: string,
  keys: Keys,
): Promise<Contender[]> {
  const values = new Values();
  const contenders: Contender[] = [];
  const add = async (engine: Engine, name: string, commit = commitOf) => {
    const store = await openFilled(engine, `${folder}/${contenders.length}.db`, keys, values);
    const set = commit(store);
    contenders.push({
      name,
      samples: [],
      done: 0,
      commit: (i) => set(keys.at(keys.shuffled(i)), values.at(i)),
      close: () => store.close(),
    });
  };
  for (const engine of engines) {
    if (engine.name === "Quire") {
      await add(engine, "Quire, await set");
      await add(engine, "Quire, writeSync", commitSyncOf);
      const small = quireEngine({ journalBytes: SMALL_JOURNAL_BYTES });
      await add(small, "Quire, await set, journal 2 MiB");
    } else await add(engine, engine.name);
  }
  const bare = new BareFile(`${folder}/bare`);
  const close = () => {};
  const through = () => bare.writeThrough();
  contenders.push({
    name: "bare 4 KiB O_DSYNC write",
    samples: [],
    done: 0,
    commit: through,
    close,
  });
  contenders.push({
    name: "bare 4 KiB write + fdatasync",
    samples: [],
    done: 0,
    commit: () => bare.writeAndSync(),
    close: () => bare[Symbol.dispose](),
  });
  return contenders;
}

function commitOf(store: Store): Store["commit"] {
  return (key, value) => store.commit(key, value);
}

function commitSyncOf(store: Store): Store["commit"] {
  if (!(store instanceof QuireStore)) throw new Error("only Quire is asked for this");
  return (key, value) => store.commitSync(key, value);
}

/** Many concurrent commits, on databases with a number of entries. */
export async function concurrentSection(
  engines: readonly Engine[],
  folder: string,
  size: DurableSize,
  entryCount: number,
): Promise<Section> {
  const keys = new Keys(entryCount);
  const values = new Values();
  const contenders = [];
  for (const engine of engines) {
    // Filling it with more would take it minutes.
    if (engine.name === "Deno KV" && entryCount > ENTRIES) continue;
    const path = `${folder}/concurrent${entryCount}-${contenders.length}.db`;
    const store = await openFilled(engine, path, keys, values);
    contenders.push({ name: engine.name, store, samples: [] as number[] });
  }
  for (let round = -1; round < size.rounds; round++) {
    for (const { name, store, samples } of rotate(contenders, round + 1)) {
      const count = name === "Deno KV" ? KV_CONCURRENT : size.concurrent;
      const entries = Array.from({ length: count }, (_, i): [Uint8Array, Uint8Array] => {
        const at = (round + 1) * count + i;
        return [keys.at(keys.shuffled(at)).slice(), values.at(at + 1)];
      });
      const ms = await timeMs(() => store.commitAll(entries));
      if (round >= 0) samples.push(count / ms * 1000);
    }
  }
  for (const { store } of contenders) await store.close();
  return rateSection(`${size.concurrent} durable sets at once, a second`, contenders, [
    `Updates of random keys among ${entryCount}.`,
    "node:sqlite runs nothing at once: it makes them in one transaction, with one statement.",
    `Deno KV has ${KV_CONCURRENT} at once.`,
  ]);
}

/** Runs each in turn, starting with another one in each round. */
function rotate<T>(all: readonly T[], by: number): T[] {
  return [...all.slice(by % all.length), ...all.slice(0, by % all.length)];
}

function rateSection(
  title: string,
  contenders: readonly { name: string; samples: readonly number[] }[],
  notes: readonly string[],
): Section {
  const data: Record<string, Figure> = {};
  for (const { name, samples } of contenders) data[name] = figureOf(samples);
  const first = contenders[0]!.samples;
  return {
    title,
    heads: ["", "median", "slowest", "fastest", "us each", `${contenders[0]!.name} is`],
    rows: contenders.map(({ name, samples }) => {
      const { median, least, most } = data[name]!;
      const ratios = samples.map((sample, round) => first[round]! / sample);
      const ratio = figureOf(ratios).median.toFixed(2);
      return [name, short(median), short(least), short(most), short(1e6 / median), `${ratio} x`];
    }),
    data,
    notes,
  };
}
