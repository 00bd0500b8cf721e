/**
 * The report of the full bench, as Markdown.
 */

import { type Figure, short, tableOf } from "../measure/figures.ts";
import type { Limits, Machine } from "../measure/machine.ts";
import { TARGETS } from "./plan.ts";

/** The time and the circumstances of a run of a group. */
export interface GroupRun {
  readonly date: string;
  readonly rounds: number;
  /** The load averages before and after. */
  readonly load: readonly [number, number];
  /** The limits of the machine, measured before. */
  readonly limits: Limits;
}

/** The results of the full bench. */
export interface Results {
  readonly machine: Machine;
  readonly groups: Readonly<Record<string, GroupRun>>;
  /** The configuration of each engine. */
  readonly engines: Readonly<Record<string, string>>;
  /** The reasons why others are absent. */
  readonly absent: Readonly<Record<string, string>>;
  /** Nanoseconds an operation, or what the name says, by workload and engine. */
  readonly workloads: Readonly<Record<string, Readonly<Record<string, Figure>>>>;
  /** Nanoseconds of processor time an operation, all threads together. */
  readonly processor: Readonly<Record<string, Readonly<Record<string, Figure>>>>;
  /** The peak memory of a process in bytes, by group and engine. */
  readonly peakMemory: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** The results as Markdown. */
export function markdownOf(results: Results): string {
  const engines = Object.keys(results.engines);
  const parts = [
    "# Results of the last full run",
    about(results),
    "When each group of workloads was run, how much other work the machine had (tasks that wanted" +
    " a core, before and after), and what its plain operations cost just before:",
    groupTable(results),
    "Medians of the rounds; in brackets, how many times as long as Quire a peer takes." +
    " Nanoseconds an operation unless the name says bytes; `whole` is for the whole database.",
    workloadTable(results.workloads, engines),
    "The same in processor time, all threads of the process together: it says less about waiting" +
    " for the disk, and is disturbed less by other work on the machine.",
    workloadTable(results.processor, engines),
    "Targets (how many times as fast as the peer Quire must be, at least):",
    targetTable(results),
    "Spread of Quire over the rounds:",
    spreadTable(results),
    "The most memory a process had, MiB:",
    memoryTable(results, engines),
  ];
  return parts.join("\n\n") + "\n";
}

/** The earlier results, with the groups that were run again replaced. */
export function merge(earlier: Results, later: Results): Results {
  return {
    machine: later.machine,
    groups: { ...earlier.groups, ...later.groups },
    engines: { ...earlier.engines, ...later.engines },
    absent: later.absent,
    workloads: { ...earlier.workloads, ...later.workloads },
    processor: { ...earlier.processor, ...later.processor },
    peakMemory: { ...earlier.peakMemory, ...later.peakMemory },
  };
}

function about({ machine, engines, absent }: Results): string {
  return [
    `- ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system},` +
    ` Deno ${machine.deno}, V8 ${machine.v8}.`,
    "- Engines in turn, a process for each.",
    ...Object.entries(engines).map(([name, text]) => `- ${name}: ${text}.`),
    ...Object.entries(absent).map(([name, reason]) => `- ${name} is absent: ${reason}.`),
  ].join("\n");
}

function groupTable({ groups }: Results): string {
  const rows = Object.entries(groups).map(([name, { date, rounds, load, limits }]) => [
    name,
    date,
    `${rounds}`,
    `${load[0]}, ${load[1]}`,
    `${limits.syscallUs} us`,
    `${limits.read8KUs} us`,
    `${limits.copyGBs} GB/s`,
    `${limits.dsyncWriteUs} us`,
    `${limits.writeSyncUs} us`,
    `${limits.diskMBs} MB/s`,
  ]);
  const heads = ["group", "date", "rounds", "load", "read 1 byte", "read 8 KiB", "copy"];
  return tableOf([...heads, "4 KiB O_DSYNC", "4 KiB + fdatasync", "64 MiB file"], rows);
}

function workloadTable(workloads: Results["workloads"], engines: readonly string[]): string {
  const rows = Object.entries(workloads).map(([name, figures]) => {
    const quire = figures["Quire"]?.median;
    return [name, ...engines.map((engine) => cell(figures[engine]?.median, engine, quire))];
  });
  return tableOf(["workload", ...engines], rows);
}

function cell(median: number | undefined, engine: string, quire: number | undefined): string {
  if (median === undefined) return "";
  if (engine === "Quire" || quire === undefined) return short(median);
  return `${short(median)} (${short(median / quire)})`;
}

function targetTable({ workloads, processor }: Results): string {
  const rows = Object.entries(TARGETS).flatMap(([name, peers]) =>
    Object.entries(peers).map(([peer, target]) => {
      const ratio = ratioOf(workloads[name], peer);
      const inProcessor = ratioOf(processor[name], peer)?.toFixed(2) ?? "";
      if (ratio === undefined) return [name, peer, `${target}`, "", "", "not measured"];
      const verdict = ratio >= target ? "reached" : "missed";
      return [name, peer, `${target}`, ratio.toFixed(2), inProcessor, verdict];
    })
  );
  return tableOf(["workload", "peer", "target", "measured", "in processor time", ""], rows);
}

function ratioOf(figures: Results["workloads"][string] | undefined, peer: string) {
  const quire = figures?.["Quire"]?.median;
  const other = figures?.[peer]?.median;
  return quire === undefined || other === undefined ? undefined : other / quire;
}

function spreadTable({ workloads }: Results): string {
  const rows = Object.entries(workloads).flatMap(([name, { Quire: figure }]) => {
    return figure === undefined
      ? []
      : [[name, short(figure.median), short(figure.least), short(figure.most)]];
  });
  return tableOf(["workload", "median", "least", "most"], rows);
}

function memoryTable({ peakMemory }: Results, engines: readonly string[]): string {
  const rows = Object.entries(peakMemory).map(([group, peaks]) => [
    group,
    ...engines.map((engine) => peaks[engine] === undefined ? "" : short(peaks[engine] / 2 ** 20)),
  ]);
  return tableOf(["group", ...engines], rows);
}
