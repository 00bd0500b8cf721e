/**
 * What the server bench runs: its options, their defaults and their limits.
 */

import { givenOptions, namesOf, numberOf, numbersOf } from "../measure/options.ts";
import { SERVER_ENGINES } from "./no_engine.ts";

/** The parts of the bench. */
export const PARTS = [
  "server",
  "clients",
  "sequential",
  "small",
  "large",
  "checkpoints",
] as const;
/** A part of the bench. */
export type Part = typeof PARTS[number];

/** What to run. */
export interface Plan {
  readonly parts: readonly Part[];
  readonly engines: readonly string[];
  /** Connections to the server. */
  readonly connections: readonly number[];
  /** Shares of requests that write. */
  readonly writePercents: readonly number[];
  /** Milliseconds by which syncs are slowed. */
  readonly syncMs: readonly number[];
  readonly rounds: number;
  /** The time of one measurement, and the most requests or sets in it. */
  readonly seconds: number;
  readonly requests: number;
  /** Entries of a database, and of the large one. */
  readonly entries: number;
  readonly largeEntries: number;
  /** Clients in one process. */
  readonly clients: number;
  /** Sets at once. */
  readonly sets: number;
  /** Files to write. */
  readonly json: string | undefined;
  readonly chart: string | undefined;
}

/** The help. */
export const USAGE = `Usage: deno task bench:server [OPTION]...

Measures engines inside a server, and as such a server uses them in one process.

  --only PARTS          of ${PARTS.join(",")}
  --engines NAMES       of ${SERVER_ENGINES.join(",")}
  --connections COUNTS  connections to the server; default 1,16,64,256
  --writes PERCENTS     shares of requests that write; default 100,50,5
  --sync-ms TIMES       milliseconds by which each sync is slowed; default 0,1,5
  --rounds COUNT        default 3; every round starts with another engine
  --seconds TIME        the time of one measurement; default 2
  --requests COUNT      the most requests or sets in one measurement; default 100000
  --entries COUNT       entries of a database; default 20000
  --large-entries COUNT entries of the large database; default 1000000
  --clients COUNT       clients in one process; default 64
  --sets COUNT          sets at once; default 10000
  --quick               1 round of 0.3 seconds, 5000 entries, 20000 in the large database
  --json FILE           write the figures; the parts of FILE that are not run remain
  --chart FILE          draw them as SVG
  --help                print this

Databases are below the folder for temporary files, which TMPDIR chooses.
A list has commas and no spaces; an engine with a space in its name needs quotes.
`;

const OPTIONS = {
  only: { type: "string" },
  engines: { type: "string" },
  connections: { type: "string" },
  writes: { type: "string" },
  "sync-ms": { type: "string" },
  rounds: { type: "string" },
  seconds: { type: "string" },
  requests: { type: "string" },
  entries: { type: "string" },
  "large-entries": { type: "string" },
  clients: { type: "string" },
  sets: { type: "string" },
  quick: { type: "boolean", default: false },
  json: { type: "string" },
  chart: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

/** The plan of the arguments, or undefined if they ask for the help. */
export function planOf(args: readonly string[]): Plan | undefined {
  const given = givenOptions(args, OPTIONS);
  if (given.help) return undefined;
  const count = (name: NumberOption, usual: number, most: number) =>
    numberOf(name, given[name] ?? `${usual}`, 1, most, true);
  return {
    parts: namesOf("only", given.only, PARTS),
    engines: namesOf("engines", given.engines, SERVER_ENGINES),
    connections: numbersOf("connections", given.connections ?? "1,16,64,256", 1, 1024, true),
    writePercents: numbersOf("writes", given.writes ?? "100,50,5", 0, 100, true),
    syncMs: numbersOf("sync-ms", given["sync-ms"] ?? "0,1,5", 0, 100, false),
    rounds: count("rounds", given.quick ? 1 : 3, 25),
    seconds: numberOf("seconds", given.seconds ?? (given.quick ? "0.3" : "2"), 0.05, 60, false),
    requests: count("requests", 100_000, 10_000_000),
    entries: count("entries", given.quick ? 5000 : 20_000, 10_000_000),
    largeEntries: count("large-entries", given.quick ? 20_000 : 1_000_000, 10_000_000),
    clients: count("clients", 64, 1024),
    sets: count("sets", 10_000, 100_000),
    json: given.json,
    chart: given.chart,
  };
}

type NumberOption = "rounds" | "requests" | "entries" | "large-entries" | "clients" | "sets";
