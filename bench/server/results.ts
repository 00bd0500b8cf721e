/**
 * What the server bench measures: samples of single runs, and the figures of all rounds.
 *
 * Times are in milliseconds, rates in operations a second.
 */

import { type Figure, figureOf } from "../measure/figures.ts";
import type { Machine } from "../measure/machine.ts";
import type { Samples } from "./client/samples.ts";

/** How long operations took. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

/** How late a timer fired that was due every millisecond. */
export interface Lag {
  readonly mean: number;
  readonly p99: number;
  readonly worst: number;
  /** The processor time of the thread between two firings, where the system tells it. */
  readonly work?: { readonly p99: number; readonly worst: number };
}

/** The figures of one run. */
export interface Sample {
  readonly rate: number;
  /** Undefined where operations are not timed one by one. */
  readonly latency?: Latency;
  /** The part of `latency` that are reads, and writes, where there are both. */
  readonly reads?: Latency;
  readonly writes?: Latency;
  /** Undefined where the event loop is not expected to turn. */
  readonly lag?: Lag;
}

/** What was run. */
export interface Setting {
  readonly engine: string;
  /** Milliseconds that each sync took longer. */
  readonly syncMs: number;
  /** Connections to the server. */
  readonly connections?: number;
  /** The share of requests that write. */
  readonly writePercent?: number;
}

/** The figures of a setting over the rounds: medians, and the worst of all rounds. */
export interface Cell extends Setting {
  readonly rate: Figure;
  readonly latency?: Latency;
  readonly reads?: Latency;
  readonly writes?: Latency;
  readonly lag?: Lag;
}

/** What a process measured of itself before it was loaded. */
export interface Circumstance {
  readonly syncMs: number;
  /** The microseconds of a write of 4 KiB that syncs. */
  readonly syncUs: number;
  /** The lag of the event loop without work. */
  readonly idle: Lag;
}

/** A part of the bench, with the circumstances of its run. */
export interface PartRun {
  readonly date: string;
  readonly rounds: number;
  readonly seconds: number;
  /** The load averages before and after. */
  readonly load: readonly [number, number];
  /** One of each process. */
  readonly circumstances: readonly Circumstance[];
  readonly cells: readonly Cell[];
}

/** The figures of a run of the bench. */
export interface Results {
  readonly machine: Machine;
  /** The configuration of each engine. */
  readonly engines: Readonly<Record<string, string>>;
  /** The reasons why other engines, or slower syncs, are absent. */
  readonly absent: Readonly<Record<string, string>>;
  readonly parts: Readonly<Record<string, PartRun>>;
}

/** The earlier results, with the parts that were run again replaced. */
export function merge(earlier: Results, later: Results): Results {
  return {
    ...later,
    engines: { ...earlier.engines, ...later.engines },
    parts: { ...earlier.parts, ...later.parts },
  };
}

/** The latency of a series of times. */
export function latencyOf(times: Samples): Latency {
  const [p50, p99, worst] = times.percentiles(0.5, 0.99, 1);
  return { p50, p99, worst };
}

/** The figures of the samples of a setting. There is at least one. */
export function cellOf(setting: Setting, samples: readonly Sample[]): Cell {
  const latency = latencyOfRounds(samples.flatMap(({ latency }) => latency ?? []));
  const reads = latencyOfRounds(samples.flatMap(({ reads }) => reads ?? []));
  const writes = latencyOfRounds(samples.flatMap(({ writes }) => writes ?? []));
  const lag = lagOfRounds(samples.flatMap(({ lag }) => lag ?? []));
  return {
    ...setting,
    rate: figureOf(samples.map(({ rate }) => rate)),
    ...(latency && { latency }),
    ...(reads && { reads }),
    ...(writes && { writes }),
    ...(lag && { lag }),
  };
}

function latencyOfRounds(rounds: readonly Latency[]): Latency | undefined {
  if (rounds.length === 0) return undefined;
  return {
    p50: figureOf(rounds.map(({ p50 }) => p50)).median,
    p99: figureOf(rounds.map(({ p99 }) => p99)).median,
    worst: Math.max(...rounds.map(({ worst }) => worst)),
  };
}

function lagOfRounds(rounds: readonly Lag[]): Lag | undefined {
  if (rounds.length === 0) return undefined;
  const works = rounds.flatMap(({ work }) => work ?? []);
  return {
    mean: figureOf(rounds.map(({ mean }) => mean)).median,
    p99: figureOf(rounds.map(({ p99 }) => p99)).median,
    worst: Math.max(...rounds.map(({ worst }) => worst)),
    ...(works.length > 0 && {
      work: {
        p99: figureOf(works.map(({ p99 }) => p99)).median,
        worst: Math.max(...works.map(({ worst }) => worst)),
      },
    }),
  };
}
