/**
 * The workloads of the crash tests: small databases, so that very many images can be opened.
 */

import { Random } from "../../support/random.ts";
import type { Step, Workload } from "./crash_recorder.ts";
import type { Change, Durability, EngineOptions, StreamEnd } from "./engine.ts";

const LEVELS: readonly Durability[] = ["sync", "buffered", "none"];
const MIB = 1024 * 1024;
const PAGE_BYTES = 8192;
const STREAM_ENDS: readonly StreamEnd[] = ["finish", "finish", "release", "leave"];
const SMALL_CACHE = 8 * MIB;

/** A named workload, and how many of its images to try. */
export interface NamedWorkload {
  /** The most images of one cut in a short run. */
  readonly limit: number;
  /** One cut in this many kills the process, and one image in this many is cut again. */
  readonly rare?: { readonly killEvery: number; readonly nestedEvery: number };
  /** Whether only long runs include it. */
  readonly isHeavy?: boolean;
  /** The workload for a seed. */
  make(seed: number, options: EngineOptions): Workload;
}

/** Bytes that identify their key and commit. */
export function valueOf(key: string, commit: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = Math.imul(commit + 1, 0x9e3779b1);
  for (let i = 0; i < key.length; i++) state = Math.imul(state ^ key.charCodeAt(i), 0x01000193);
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** An entry of a commit. */
export function set(tree: string, key: string, commit: number, length = 20): Change {
  return { tree, key: new TextEncoder().encode(key), value: valueOf(key, commit, length) };
}

/** An entry that is deleted. */
export function remove(tree: string, key: string): Change {
  return { tree, key: new TextEncoder().encode(key), value: undefined };
}

/** A commit. */
export function write(changes: readonly Change[], durability: Durability = "sync"): Step {
  return { do: "write", changes, durability };
}

/** Keys that sort by their numbers. */
function keyAt(number: number): string {
  return `key ${String(number).padStart(4, "0")}`;
}

/** A value written in parts. */
export function stream(change: Change, pages: number, end: StreamEnd = "finish"): Step {
  return { do: "stream", change, partBytes: pages * PAGE_BYTES, end };
}

/** Entries with more pages than a small transaction may have. */
function manyEntries(count: number, commit: number): Change[] {
  return times(count, (i) => set("main", keyAt(i), commit, 1_900));
}

function times<T>(count: number, of: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => of(i));
}

/**
 * A workload of fixed steps. They are functions, because the values of all workloads together take
 * most of a second to make, and most processes run one workload.
 */
function scripted(
  limit: number,
  steps: () => readonly Step[],
  prelude?: () => readonly Step[],
): NamedWorkload {
  return {
    limit,
    make: (_, options) => ({
      options,
      steps: steps(),
      ...(prelude !== undefined && { prelude: prelude() }),
    }),
  };
}

/** As `scripted`, with the options that the workload tests. */
function tuned(own: EngineOptions, workload: NamedWorkload): NamedWorkload {
  const { make } = workload;
  return { ...workload, make: (seed, options) => make(seed, { ...options, ...own }) };
}

/** A workload whose images take long to open, so few cuts are nested. */
function slow(workload: NamedWorkload): NamedWorkload {
  return { ...workload, rare: { killEvery: 80, nestedEvery: 500 } };
}

/** A workload for long runs. */
function heavy(workload: NamedWorkload): NamedWorkload {
  return { ...workload, isHeavy: true, rare: { killEvery: 0, nestedEvery: 0 } };
}

const CHECKPOINT: Step = { do: "checkpoint" };
const STEP: Step = { do: "step" };
const REOPEN: Step = { do: "reopen" };
const SLICE: Step = { do: "slice" };
const TAKE_OFF: Step = { do: "takeOff" };
const LAND: Step = { do: "land" };
const COMPACT: Step = { do: "compact" };
const COMPACT_STEP: Step = { do: "compactStep" };
const REQUEST: Step = { do: "requestCheckpoint" };
const BEGIN_MOVE: Step = { do: "beginMove" };
/** Flights of which one confirms, and others take a checkpoint and a move to their end. */
const FLIGHTS: readonly Step[] = times(8, () => [TAKE_OFF, LAND]).flat();

/** The flights after the one that begins a growth, and what follows them. */
const GROWTH_ENDS = [
  { flights: 4, writes: 3, act: STEP },
  { flights: 1, writes: 4, act: REQUEST },
  { flights: 1, writes: 6, act: CHECKPOINT },
];

const someEntries = () => times(40, (i) => set("main", `key ${i}`, 0, 30 + i));

/** Data of four chunks: the areas of the journal are bounded by the data, and grow only then. */
const inChunks = (): readonly Step[] => [
  write(times(4, (i) => set("kept", `key ${i}`, 0, 1_900_000))),
];

/** The trees "low" and "high" in two chunks: the first chunk is full, and stays so. */
const inTwoChunks = (): readonly Step[] => [
  write(times(6, (i) => set("low", `key ${i}`, 0, 400))),
  ...times(5, (i) => write([set("full", keyAt(i), 0, 400_000)])),
  write(times(20, (i) => set("full", keyAt(10 + i), 0, 8_000))),
  write(times(6, (i) => set("high", `key ${i}`, 0, 400))),
];

/** Nodes, roots, shared pages and values behind a tree that will be dropped, and a value. */
const withGaps = (): readonly Step[] => [
  write(times(3, (i) => set("gone", `key ${i}`, 0, 900_000))),
  write([set("main", "gone", 0, 900_000)]),
  write(times(40, (i) => set("main", `key ${i}`, 0, 1_900))),
  write([set("main", "large", 1, 200_000), set("late", "a", 1, 5_000)]),
  write(times(5, (i) => set("late", `key ${i}`, 1, 2_600))),
];

/** Changes in two chunks. */
const FAR_APART = slow(scripted(16, () => [
  ...times(12, (i): Step[] => [
    write([set("low", `key ${i % 5}`, i, 300), set("high", `key ${i % 5}`, i)], LEVELS[i % 3]),
    STEP,
    // While the checkpoint has written the first chunk, and not yet the other one.
    write([set("high", `key ${i % 4}`, 50 + i)], LEVELS[(i + 1) % 3]),
    STEP,
  ]).flat(),
  REOPEN,
], inTwoChunks));

/** All workloads by name. */
export const WORKLOADS: Readonly<Record<string, NamedWorkload>> = {
  firstCommit: scripted(200, () => [write([set("main", "a", 1)]), REOPEN]),
  createTrees: scripted(120, () => [
    ...times(6, (i) => write([set(`tree ${i}`, "a", i), set("main", `key ${i}`, i)])),
    REOPEN,
    write([set("late", "a", 9)], "buffered"),
    REOPEN,
  ]),
  levels: scripted(100, () => [
    ...times(24, (i) => write([set("main", `key ${i % 7}`, i)], LEVELS[i * 5 % 7 % 3])),
    CHECKPOINT,
    ...times(12, (i) => write([set("main", `key ${i % 5}`, 50 + i)], LEVELS[i % 3])),
    REOPEN,
  ]),
  groups: scripted(
    100,
    () =>
      times(8, (group) => [
        ...times(group % 4 + 1, (i) => write([set("main", `key ${i}`, group)], "buffered")),
        write([remove("main", "key 1"), set("main", `sync ${group % 3}`, group)]),
      ]).flat(),
  ),
  largeValues: scripted(100, () => [
    write([set("main", "large", 1, 60_000), set("main", "small", 1)]),
    write([set("main", "large", 2, 9_000)]),
    CHECKPOINT,
    write([set("main", "large", 3, 100_000)], "buffered"),
    write([remove("main", "large"), set("main", "other", 4, 50_000)]),
    CHECKPOINT,
    REOPEN,
  ]),
  sharedValues: scripted(100, () => [
    write(times(6, (i) => set("main", `key ${i}`, 1, 2_100 + i))),
    write([set("main", "key 1", 2, 2_101), set("main", "key 2", 2, 2_300)]),
    write([set("main", "key 3", 3, 3_900), remove("main", "key 4")], "buffered"),
    CHECKPOINT,
    write([set("main", "key 0", 4, 2_100), set("gone", "a", 4, 2_500)], "none"),
    { do: "abort", changes: [set("main", "key 1", 5, 2_600), remove("main", "key 2")] },
    write(times(4, (i) => set("gone", `key ${i}`, 6, 2_700))),
    STEP,
    write([remove("main", "key 0"), remove("main", "key 1"), set("main", "new", 7, 4_000)]),
    { do: "drop", tree: "gone" },
    write([set("main", "key 2", 8, 40), set("main", "key 5", 8, 30_000)], "buffered"),
    REOPEN,
    write([remove("main", "new"), set("main", "key 3", 9, 2_600), set("main", "key 4", 9, 2_600)]),
    CHECKPOINT,
    REOPEN,
  ]),
  fragments: scripted(30, () => [
    write(times(5, (i) => set("main", `key ${i}`, 1, 5_500 + i))),
    write([set("main", "key 1", 2, 5_501), set("main", "key 2", 2, 12_000)]),
    write([set("main", "key 3", 3, 6_000), remove("main", "key 4")], "buffered"),
    CHECKPOINT,
    write([set("gone", "a", 4, 19_000), set("main", "key 2", 4, 12_000)], "none"),
    { do: "abort", changes: [set("main", "key 1", 5, 3_000), remove("main", "key 3")] },
    write(times(3, (i) => set("gone", `key ${i}`, 6, 5_200))),
    STEP,
    write([remove("main", "key 0"), set("main", "key 1", 7, 12_345), set("main", "b", 7, 5_500)]),
    { do: "drop", tree: "gone" },
    write([set("main", "key 3", 8, 40), set("main", "key 5", 8, 5_700)], "buffered"),
    REOPEN,
    write([remove("main", "b"), set("main", "key 2", 9, 2_600), set("main", "key 4", 9, 9_000)]),
    CHECKPOINT,
    REOPEN,
  ]),
  splits: scripted(100, () => [
    write(someEntries()),
    ...times(6, (i) => write(times(20, (j) => set("main", `key ${i * 3 + j * 5}`, i, 900)))),
    ...times(4, (i) => write(times(30, (j) => remove("main", `key ${i * 20 + j}`)))),
    CHECKPOINT,
    REOPEN,
  ], () => [write(someEntries())]),
  drop: scripted(100, () => [
    write([set("main", "a", 1)]),
    { do: "drop", tree: "gone" },
    write([set("gone", "again", 2, 3_000)], "buffered"),
    CHECKPOINT,
    { do: "drop", tree: "gone" },
    REOPEN,
  ], () => [write(times(200, (i) => set("gone", `key ${i}`, 0, 400)))]),
  streams: scripted(60, () => [
    stream(set("main", "a", 1, 70_000), 3),
    write([set("main", "b", 1)], "none"),
    stream(set("new", "a", 2, 50_000), 2, "release"),
    stream(set("main", "a", 3, 40_000), 2, "leave"),
    write([set("main", "b", 4, 3_000)], "buffered"),
    STEP,
    stream(set("main", "a", 5, 90_000), 4),
    stream(set("new", "c", 6, 30_000), 1, "leave"),
    CHECKPOINT,
    { do: "abort", changes: [set("main", "a", 7, 20_000)] },
    stream(set("main", "b", 8, 60_000), 5),
    stream(set("main", "d", 9, 60_000), 3, "leave"),
    REOPEN,
    write([remove("main", "a")]),
    stream(set("new", "a", 10, 30_000), 3),
    REOPEN,
  ]),
  streamBypass: slow(scripted(12, () => [
    stream(set("main", "a", 1, 1_400_000), 70),
    write([set("main", "b", 1)], "none"),
    stream(set("main", "b", 2, 1_200_000), 65, "leave"),
    CHECKPOINT,
    write([remove("main", "a")], "none"),
    stream(set("main", "c", 3, 1_100_000), 66, "release"),
    stream(set("main", "c", 4, 1_300_000), 80),
    REOPEN,
    stream(set("main", "a", 5, 1_200_000), 70),
    STEP,
    REOPEN,
  ])),
  rollback: scripted(100, () => [
    { do: "abort", changes: [set("main", "a", 1), set("gone", "a", 1), set("main", "b", 1)] },
    { do: "abort", changes: [set("main", "a", 1)] },
    ...times(6, (i): Step[] => [
      write([set("main", `key ${i}`, i, 500)], LEVELS[i % 3]),
      { do: "abort", changes: times(30, (j) => set("main", `key ${j}`, 100 + i, 700)) },
      { do: "abort", changes: [set(`tree ${i}`, "a", i, 5_000), remove("main", "key 0")] },
    ]).flat(),
    CHECKPOINT,
  ]),
  slices: scripted(50, () => [
    ...times(30, (i): Step[] => [
      write([set("main", `key ${i % 9}`, i, 300), set(`tree ${i % 3}`, "a", i)], LEVELS[i % 3]),
      STEP,
    ]).flat(),
    REOPEN,
  ]),
  twoChunks: slow(scripted(40, () => [
    ...times(20, (i): Step[] => [
      write([set("main", `key ${i * 13 % 40}`, i, 1500), set("main", "large", i, 20_000)]),
      STEP,
    ]).flat(),
    REOPEN,
  ], () => [write(times(40, (i) => set("main", `key ${i}`, 0, 60_000)))])),
  farApart: FAR_APART,
  deferred: tuned({ replayRecords: 0 }, FAR_APART),
  pressure: tuned(
    { cacheBytes: SMALL_CACHE },
    heavy(scripted(2, () => [
      write(times(60, (i) => set("main", keyAt(i * 90), 1, 1_900)), "none"),
      { do: "abort", changes: times(600, (i) => set("main", keyAt(i * 9 + 2), 2, 1_900)) },
      write(times(10, (i) => set("main", keyAt(i * 500), 3, 1_900))),
    ], () => [
      {
        do: "load",
        changes: times(5_500, (i) => set("main", keyAt(i), 0, 1_900)),
        durability: "sync",
      },
    ])),
  ),
  bigCommit: scripted(12, () => [
    write([set("main", "a", 1)]),
    write(times(60, (i) => set("main", `key ${i}`, 2, 20_000 + i)), "buffered"),
    write(times(50, (i) => set("main", `key ${i}`, 3, 1_500))),
    CHECKPOINT,
    write([set("main", "a", 4)]),
  ]),
  journalGrowth: tuned(
    { journalBytes: 4 * MIB },
    slow(scripted(8, () => [
      ...times(12, (i) => write([set("main", `key ${i}`, i, 450_000)], LEVELS[i % 2])),
      ...times(3, (i) => write(times(5, (j) => set("main", `key ${j}`, 20 + i, 90_000)))),
      REOPEN,
    ], inChunks)),
  ),
  bypass: slow(scripted(12, () => [
    write([set("main", "a", 1), set("main", "large", 1, 600_000)]),
    write([set("main", "a", 2)], "none"),
    write([remove("main", "large")], "none"),
    write([set("main", "again", 3, 560_000)], "buffered"),
    write([set("main", "again", 4, 10_000), set("main", "b", 4, 1_000)], "none"),
    CHECKPOINT,
    write([set("main", "large", 5, 700_000)], "none"),
    write([remove("main", "large"), set("main", "again", 6, 530_000)]),
    { do: "abort", changes: [set("main", "lost", 7, 800_000), remove("main", "a")] },
    write([set("main", "large", 8, 640_000)]),
    REOPEN,
  ])),
  newLeaves: slow(scripted(12, () => [
    write(times(300, (i) => set("main", `key ${i}`, 1, 1_900))),
    write(times(40, (i) => set("main", `key ${i * 7}`, 2, 1_900)), "buffered"),
    write(times(200, (i) => remove("main", `key ${i + 50}`)), "none"),
    CHECKPOINT,
    write(times(280, (i) => set("tree 1", `key ${i}`, 3, 1_950)), "none"),
    write(times(20, (i) => set("tree 1", `key ${i * 11}`, 4, 100))),
    { do: "drop", tree: "tree 1" },
    write(times(280, (i) => set("tree 2", `key ${i}`, 5, 1_950))),
    REOPEN,
  ])),
  renewed: slow(scripted(12, () => [
    write(times(120, (i) => set("main", `key ${i}`, 1, 1_900)), "none"),
    write(times(120, (i) => remove("main", `key ${i}`)), "none"),
    write(times(300, (i) => set("main", `key ${i}`, 2, 1_900))),
    ...times(4, (i) => write(times(60, (j) => set("main", `key ${i + j * 5}`, 3, 1_900)))),
    STEP,
    STEP,
    CHECKPOINT,
    REOPEN,
  ], () => [write([set("main", "full", 0, 1_500_000)])])),
  shrink: slow(scripted(12, () => [
    write([set("main", "a", 1)]),
    write(times(6, (i) => set("main", `key ${i}`, 1, 400_000))),
    write(times(6, (i) => remove("main", `key ${i}`))),
    STEP,
    write([set("main", "key 1", 2, 300_000)], "none"),
    STEP,
    STEP,
    write([remove("main", "key 1"), set("main", "a", 3)], "buffered"),
    CHECKPOINT,
    { do: "abort", changes: [set("main", "key 2", 4, 600_000)] },
    write(times(3, (i) => set("main", `key ${i}`, 4, 200_000))),
    write(times(3, (i) => remove("main", `key ${i}`)), "none"),
    CHECKPOINT,
    REOPEN,
  ])),
  journalTurns: tuned(
    { journalBytes: 2 * MIB },
    scripted(20, () => [
      ...times(60, (i) => write([set("main", `key ${i % 4}`, i, 90_000)], LEVELS[i % 3])),
      REOPEN,
    ]),
  ),
  journalRenewal: slow(scripted(4, () => [
    write([set("main", "a", 1, 400)]),
    { do: "drop", tree: "gone" },
    write([set("main", "b", 1, 400)], "none"),
    // The journal follows the data to the beginning of the file.
    CHECKPOINT,
    write([set("main", "c", 2, 400)], "buffered"),
    TAKE_OFF,
    write([set("main", "b", 2, 400)], "none"),
    CHECKPOINT,
    LAND,
    // Both areas grow, and data is put behind them.
    ...times(10, (i) => write([set("main", `key ${i}`, 3, 450_000)], LEVELS[1 + i % 2])),
    REQUEST,
    ...FLIGHTS,
    STEP,
    // The chunks that the journal gave back take pages.
    write([set("main", "d", 4, 700_000), set("main", "key 3", 4, 300_000)], "none"),
    write([set("main", "a", 5, 400)]),
    STEP,
    { do: "abort", changes: [set("main", "e", 6, 400_000)] },
    write([remove("main", "d")], "buffered"),
    REOPEN,
  ], () => [
    write(times(3, (i) => set("gone", `key ${i}`, 0, 1_900_000))),
    write([set("main", "a", 0, 400)]),
  ])),
  // As above, with the journal created anew by flights, and by a commit that does not wait for it.
  flightMoves: heavy(scripted(3, () => [
    { do: "drop", tree: "gone" },
    write([set("main", "b", 1, 400)], "none"),
    // The second checkpoint leaves the journal empty.
    ...[REQUEST, ...FLIGHTS, REQUEST, ...FLIGHTS],
    BEGIN_MOVE,
    TAKE_OFF,
    write([set("main", "c", 2, 400)], "none"),
    LAND,
    ...[TAKE_OFF, LAND, TAKE_OFF, LAND, TAKE_OFF, LAND],
    ...times(10, (i) => write([set("main", `key ${i}`, 3, 450_000)], LEVELS[1 + i % 2])),
    REQUEST,
    ...FLIGHTS,
    BEGIN_MOVE,
    ...FLIGHTS,
    write([set("main", "d", 4, 700_000), set("main", "key 3", 4, 300_000)], "none"),
    TAKE_OFF,
    LAND,
    REOPEN,
  ], () => [
    write(times(3, (i) => set("gone", `key ${i}`, 0, 1_900_000))),
    write([set("main", "a", 0, 400)]),
  ])),
  // The areas grow by flights, before a commit needs it, or by a commit that does not wait for it.
  flightGrowth: tuned(
    { journalBytes: 4 * MIB },
    heavy(scripted(3, () => [
      // The growth ends by flights, by a commit, and before a checkpoint in line.
      ...GROWTH_ENDS.map(({ flights, writes, act }): Step[] => [
        ...times(3, (i) => write([set("main", `key ${i}`, i, 450_000)], "buffered")),
        TAKE_OFF,
        LAND,
        ...times(flights, (i): Step[] => [
          write([set("main", `small ${i}`, i, 500)], LEVELS[1 + i % 2]),
          TAKE_OFF,
          write([set("main", "between", i, 9_000)], "none"),
          LAND,
        ]).flat(),
        act,
        ...times(writes, (i) => write([set("main", `key ${i}`, 9 + i, 300_000)], "none")),
        TAKE_OFF,
        LAND,
        write([set("main", "large", flights, 600_000), remove("main", "between")], "buffered"),
        TAKE_OFF,
        LAND,
        REOPEN,
      ]).flat(),
    ], inChunks)),
  ),
  // The areas of a journal that is never empty move while commits go on.
  flightAreas: tuned(
    { tailBytes: 2 * MIB },
    heavy(scripted(2, () => [
      { do: "drop", tree: "gone" },
      REQUEST,
      ...times(11, (i): Step[] => [
        write([set("main", `key ${i % 4}`, i, 30_000)], LEVELS[1 + i % 2]),
        TAKE_OFF,
        // It takes free pages, and those that the journal has left, or is pending when it moves.
        i % 2 === 0
          ? write([set("main", "large", i, i < 6 ? 1_900_000 : 3_000)], "none")
          : write([remove("main", "large")], "none"),
        LAND,
        TAKE_OFF,
        LAND,
      ]).flat(),
      REOPEN,
    ], () => [
      write([set("main", "a", 0, 400)]),
      write(times(5, (i) => set("gone", `key ${i}`, 0, 1_900_000))),
    ])),
  ),
  compaction: slow(scripted(4, () => [
    write([set("main", "large", 2, 30_000)]),
    { do: "drop", tree: "gone" },
    write([remove("main", "gone")], "none"),
    TAKE_OFF,
    // The close moves nodes, roots, shared pages and values to the beginning of the file.
    REOPEN,
    write([set("main", "a", 3, 400)]),
    REOPEN,
  ], withGaps)),
  compactionWhole: slow(scripted(4, () => [
    write([set("main", "large", 2, 30_000)]),
    { do: "drop", tree: "gone" },
    write([remove("main", "gone")], "none"),
    COMPACT,
    write([set("main", "a", 3, 400), set("late", "b", 3, 9_000)], "buffered"),
    COMPACT,
  ], withGaps)),
  // Leaves are packed; others commit and fly between the steps.
  packing: scripted(3, () => [
    ...times(3, (): Step => COMPACT_STEP),
    write([set("thin", "key 7", 2, 1_000), remove("thin", "key 0")], "buffered"),
    ...times(3, (): Step => COMPACT_STEP),
    TAKE_OFF,
    COMPACT_STEP,
    LAND,
    { do: "abort", changes: [set("thin", "key 9", 3, 1_000)] },
    COMPACT,
    write([set("thin", "key 1", 4, 400)]),
    REOPEN,
  ], () => [
    ...times(4, (i) => write(times(30, (j) => set("thin", `key ${j * 4 + i}`, 0, 500)))),
    write(times(120, (i) => i).filter((i) => i % 3 > 0).map((i) => remove("thin", `key ${i}`))),
  ]),
  // Each step moves a page or a value; others commit and fly between them.
  compactionSteps: slow(scripted(4, () => [
    { do: "drop", tree: "gone" },
    write([remove("main", "gone")], "none"),
    ...times(20, (): Step => COMPACT_STEP),
    ...times(16, (i): Step[] => [
      COMPACT_STEP,
      write([set("main", `key ${i * 5 % 40}`, 3 + i, 1_700)], LEVELS[i % 3]),
      ...(i % 5 === 2 ? [write([set("main", "large", 3 + i, 20_000 + i)], "none")] : []),
      ...(i % 3 === 1 ? [write([set("late", `key ${i % 5}`, 3 + i, 2_500 + i)], "none")] : []),
      ...(i % 4 === 1 ? [TAKE_OFF, COMPACT_STEP, LAND] : []),
      { do: "abort", changes: [set("main", `key ${i}`, 90, 1_000), remove("late", "a")] },
      ...times(3, (): Step => COMPACT_STEP),
    ]).flat(),
    { do: "keep" },
    ...times(4, (): Step => COMPACT_STEP),
    { do: "release" },
    COMPACT,
    write([set("main", "a", 50, 400)]),
    REOPEN,
  ], withGaps)),
  // A step follows some of the small commits; the last ones take the checkpoint that cuts the file.
  busyCompaction: heavy(scripted(4, () => [
    { do: "drop", tree: "gone" },
    write([remove("main", "gone")]),
    ...times(60, (i): Step[] => [
      write([set("main", `key ${i * 5 % 40}`, 3 + i, 1_700)], LEVELS[i % 2]),
      ...(i % 5 === 3 ? [TAKE_OFF, write([set("late", "a", 3 + i, 5_000)], "buffered"), LAND] : []),
      ...(i % 7 === 4 ? [write([set("main", "large", 3 + i, 20_000 + i)], "none")] : []),
      ...(i % 9 === 5 ? [{ do: "abort", changes: [remove("late", "a")] } as const] : []),
    ]).flat(),
    REOPEN,
  ], withGaps)),
  eviction: tuned(
    { cacheBytes: SMALL_CACHE },
    slow(scripted(3, () => [
      ...times(12, (i): Step[] => [
        write(times(24, (j) => set("main", `key ${j * 11 + i}`, i + 1, 1_700)), LEVELS[i % 3]),
        write([set("main", `large ${i % 2}`, i, 700_000)], "none"),
      ]).flat(),
      CHECKPOINT,
    ], () => [write(times(300, (i) => set("main", `key ${i}`, 0, 34_000)))])),
  ),
  reopen: scripted(
    60,
    () =>
      times(5, (i): Step[] => [
        write([set("main", `key ${i}`, i, 3_000)], LEVELS[i % 3]),
        REOPEN,
      ]).flat(),
  ),
  tightFile: tuned(
    { journalBytes: 2 * MIB },
    scripted(12, () => [
      write([set("main", "key 1", 1, 500), set("other", "a", 1)]),
      ...times(2, (i): Step[] => [
        { do: "checkpoint" },
        { do: "full", changes: manyEntries(1_200, i + 2) },
        write([set("main", "key 1", 10 + i, 500)]),
        write([set("other", "a", 10 + i)], "buffered"),
        STEP,
        write([set("main", "key 1", 20 + i, 500)]),
        STEP,
      ]).flat(),
    ], () => [write(manyEntries(1_200, 0))]),
  ),
  snapshots: scripted(24, () => [
    ...times(16, (i): Step[] => [
      { do: i % 3 === 0 ? "keep" : "step" },
      write(
        [set("main", `key ${i % 5}`, i, 900), remove("main", `key ${(i + 2) % 5}`)],
        LEVELS[i % 3],
      ),
      write([set("main", `large ${i % 2}`, i, 9_000), remove("main", `large ${(i + 1) % 2}`)]),
      i % 5 === 4 ? { do: "release" } : STEP,
    ]).flat(),
    CHECKPOINT,
    { do: "release" },
    write([set("main", "key 0", 50, 30_000)]),
  ], () => [write(someEntries())]),
  savepoints: scripted(
    30,
    () =>
      times(6, (i): Step[] => [
        {
          do: "writeAround",
          changes: times(4, (j) => set("main", `key ${i * 3 + j}`, i, 700)),
          undone: [
            ...times(12, (j) => set("main", `key ${j}`, 100 + i, 900)),
            remove("main", `key ${i}`),
            set(`tree ${i}`, "a", i, 5_000),
            remove("main", "large"),
          ],
        },
        write([set("main", "large", i, 20_000)], LEVELS[i % 3]),
        STEP,
      ]).flat(),
  ),
  bulk: scripted(30, () => [
    { do: "load", changes: times(60, (i) => set("bulk", keyAt(i), 1, 1_500)), durability: "sync" },
    { do: "drop", tree: "bulk" },
    { do: "load", changes: times(70, (i) => set("again", keyAt(i), 2, 1_300)), durability: "none" },
    write([set("again", keyAt(3), 3, 40_000), remove("again", keyAt(4))], "buffered"),
    STEP,
    { do: "drop", tree: "again" },
    {
      do: "load",
      changes: times(40, (i) => set("bulk", keyAt(i), 4, 5_000)),
      durability: "buffered",
    },
    write([set("bulk", keyAt(5), 5)]),
    CHECKPOINT,
    { do: "drop", tree: "bulk" },
    { do: "load", changes: times(50, (i) => set("bulk", keyAt(i), 6, 2_000)), durability: "sync" },
    REOPEN,
  ]),
  parts: slow(scripted(6, () => [
    write([set("main", "a", 1)], "buffered"),
    write(manyEntries(2_600, 2), "buffered"),
    write([set("main", "a", 3)]),
  ], () => [write(manyEntries(2_600, 0))])),
  // A value takes the free pages in front of those of its old value.
  claims: scripted(30, () => [
    write([set("main", "a", 2, 100_000)], "none"),
    write([set("main", "small", 3)]),
  ], () => [
    write([set("main", "front", 0, 104_000)]),
    write([set("main", "a", 0, 100_000)]),
    write([set("main", "behind", 0, 300_000)]),
    write([set("main", "front", 1, 10)]),
  ]),
  flights: scripted(
    60,
    () =>
      times(12, (i): Step[] => [
        write([set("main", `key ${i % 7}`, i)], LEVELS[1 + i % 2]),
        TAKE_OFF,
        write([set("main", `key ${i % 5}`, 50 + i), set("main", "last", i)], LEVELS[i * 5 % 7 % 3]),
        { do: "abort", changes: [set("main", "last", 100 + i)] },
        LAND,
        i % 5 === 4 ? CHECKPOINT : STEP,
      ]).flat().concat(TAKE_OFF, REOPEN),
  ),
  flightCheckpoints: scripted(
    40,
    () =>
      times(18, (i): Step[] => [
        write(
          [set("main", `key ${i % 9}`, i, 300), set(`tree ${i % 3}`, "a", i)],
          LEVELS[1 + i % 2],
        ),
        REQUEST,
        TAKE_OFF,
        write([set("main", `key ${i % 4}`, 50 + i, 200)], LEVELS[i % 11 === 10 ? 0 : 2]),
        ...(i % 7 === 6 ? [STEP] : []),
        LAND,
        ...(i % 4 === 1 ? [SLICE] : []),
      ]).flat().concat(
        CHECKPOINT,
        // The flight writes only the batch that confirms the commit before it.
        write([set("main", "confirmed", 1)]),
        REQUEST,
        TAKE_OFF,
        write([set("main", "confirmed", 2)]),
        LAND,
        // A slice ends the pages of the checkpoint while a flight is in the air.
        times(5, () => [TAKE_OFF, SLICE, LAND]).flat(),
        REOPEN,
      ),
  ),
  // A chunk that is staged, and then changed, written in line, or not confirmed by the flight.
  flightStages: scripted(
    24,
    () =>
      times(3, (i): Step[] => [
        write([set("main", "first", i, 300)]),
        REQUEST,
        TAKE_OFF,
        LAND,
        // The first flight with a chunk to stage takes memory for the copy, the next one copies it.
        write([set("main", "before", i, 300)], "none"),
        TAKE_OFF,
        write([set("main", "between", i, 300)], "none"),
        LAND,
        write([set("main", "staged", i, i === 2 ? 600_000 : 300)], "none"),
        TAKE_OFF,
        write([set("main", "later", i, 300)], "none"),
        ...(i === 1 ? [STEP] : []),
        LAND,
        // The batch of this flight confirms the staged chunk, which was written in the one before.
        TAKE_OFF,
        LAND,
        CHECKPOINT,
        CHECKPOINT,
        REOPEN,
      ]).flat(),
  ),
  // A chunk whose copy is written in parts, and meanwhile changed, written in line, or freed in
  // part for a value that takes its pages.
  flightParts: heavy(scripted(16, () => [
    ...times(3, (i): Step[] => [
      write([...times(90, (j) => set("main", keyAt(j), i + 1, 4_000))], "buffered"),
      REQUEST,
      ...times(8, (j): Step[] => [
        TAKE_OFF,
        ...(j % 3 === 1 ? [write([set("main", keyAt(j), 10 + i, 300)], LEVELS[j % 2])] : []),
        LAND,
      ]).flat(),
      ...(i === 1 ? [STEP, STEP, write([set("main", keyAt(9), 20, 300)]), STEP] : []),
      ...(i === 2 ? times(60, (j): Step => write([remove("main", keyAt(j))], "none")) : []),
      write([set("main", "large", i, i === 2 ? 530_000 : 300)], "none"),
      TAKE_OFF,
      LAND,
      CHECKPOINT,
    ]).flat(),
    REOPEN,
  ], () => [write(times(90, (j) => set("main", keyAt(j), 0, 4_000)))])),
  flightsApart: slow(scripted(12, () => [
    ...times(12, (i): Step[] => [
      write(
        [set("low", `key ${i % 5}`, i, 300), set("high", `key ${i % 5}`, i)],
        LEVELS[1 + i % 2],
      ),
      ...(i % 3 === 0 ? [REQUEST] : []),
      TAKE_OFF,
      write([set("high", `key ${i % 4}`, 50 + i)], "none"),
      ...(i % 4 === 3 ? [write([set("low", "key 1", 70 + i)], "sync")] : []),
      LAND,
    ]).flat(),
    REOPEN,
  ], inTwoChunks)),
  flightsBypass: slow(scripted(12, () => [
    write([set("main", "a", 1), set("main", "large", 1, 600_000)], "none"),
    TAKE_OFF,
    write([set("main", "a", 2), set("main", "large", 2, 560_000)], "none"),
    write([remove("main", "large")], "none"),
    LAND,
    TAKE_OFF,
    REQUEST,
    write([set("main", "again", 3, 540_000), set("main", "a", 3)], "none"),
    LAND,
    TAKE_OFF,
    write([set("main", "large", 4, 530_000)]),
    LAND,
    TAKE_OFF,
    write([remove("main", "again"), set("main", "b", 5, 700)], "none"),
    LAND,
    TAKE_OFF,
    write([set("main", "again", 6, 525_000)], "none"),
    LAND,
    TAKE_OFF,
    LAND,
    TAKE_OFF,
    LAND,
    REOPEN,
  ])),
  flightTurns: tuned(
    { journalBytes: 2 * MIB },
    scripted(8, () => [
      ...times(50, (i): Step[] => [
        write([set("main", `key ${i % 4}`, i, 90_000)], LEVELS[1 + i % 2]),
        TAKE_OFF,
        write([set("main", `small ${i % 6}`, i, 500)], "none"),
        LAND,
      ]).flat(),
      REOPEN,
    ]),
  ),
  random: { limit: 40, make: randomWorkload },
};

/** Random steps from a seed. */
function randomWorkload(seed: number, options: EngineOptions): Workload {
  const random = new Random(seed);
  const count = 12 + random.below(30);
  return { options, steps: times(count, (i) => randomStep(random, i)).concat(REOPEN) };
}

function randomStep(random: Random, commit: number): Step {
  const sort = random.below(20);
  if (sort < 12) return write(randomChanges(random, commit), random.pick(LEVELS));
  if (sort < 14) return { do: "abort", changes: randomChanges(random, commit) };
  if (sort === 14) return CHECKPOINT;
  if (sort === 15) return random.once(2) ? REOPEN : CHECKPOINT;
  if (sort === 16) return { do: "drop", tree: `tree ${random.below(3)}` };
  if (sort === 17) return randomStream(random, commit);
  if (sort === 18) return random.once(2) ? TAKE_OFF : REQUEST;
  if (sort === 19) return random.once(4) ? TAKE_OFF : LAND;
  return STEP;
}

function randomStream(random: Random, commit: number): Step {
  const tree = random.once(2) ? "main" : `tree ${random.below(3)}`;
  const change = set(tree, `key ${random.below(30)}`, commit, 1 + random.below(60_000));
  return stream(change, 1 + random.below(4), random.pick(STREAM_ENDS));
}

function randomChanges(random: Random, commit: number): Change[] {
  const count = random.once(6) ? 1 + random.below(40) : 1 + random.below(4);
  return times(count, () => {
    const tree = random.once(2) ? "main" : `tree ${random.below(3)}`;
    const key = `key ${random.below(30)}`;
    if (random.once(4)) return remove(tree, key);
    return set(tree, key, commit, randomLength(random));
  });
}

function randomLength(random: Random): number {
  const sort = random.below(16);
  if (sort === 0) return 0;
  if (sort === 1) return 2049 + random.below(30_000);
  return sort < 5 ? random.below(2049) : random.below(60);
}
