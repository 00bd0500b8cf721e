/**
 * Cuts the power at every operation of a workload, opens what is left, and checks it.
 *
 * The oracle: `verify` finds nothing wrong in a file. The file opens, within a time limit, in
 * exactly one of the attempted states, and in none before the last acknowledged one. A full check
 * passes. It accepts one more commit, closes, opens again and shows that commit. Power cuts also
 * interrupt some of these opens, up to `depth` levels deep.
 *
 * Identical images are opened once; for repeated ones only the allowed states are compared.
 */

import type { Blocks } from "../../support/files/blocks.ts";
import {
  describePlan,
  type Garbage,
  type ImageOptions,
  makeImage,
  type Plan,
  plansAt,
} from "../../support/files/crash_images.ts";
import { PowerFile, PowerWalk } from "../../support/files/power_file.ts";
import { processorMs } from "../../support/processor_time.ts";
import { Random } from "../../support/random.ts";
import { type Allowed, record, Recorder, type Recording, type Workload } from "./crash_recorder.ts";
import {
  type Change,
  describeDifference,
  type Engine,
  type EngineOptions,
  type Handle,
  sameState,
  type State,
  stateAfter,
} from "./engine.ts";

/** Milliseconds of processor time. Opening takes few; past this it hangs. */
const OPEN_MS_MAX = 10_000;
const NESTED_LIMIT = 4;

/** The extent of the search for failures. */
export interface CrashOptions {
  /** Names the workload, for messages. */
  readonly name: string;
  /** Decides everything that is random. */
  readonly seed: number;
  /**
   * Which sectors of an interrupted write may hold anything. Default: none, or any if protected.
   */
  readonly garbage?: Garbage;
  /** The most images of one cut. Default 300. */
  readonly limit?: number;
  /** One image in this many is cut again while it is opened. Default 200; 0 = none. */
  readonly nestedEvery?: number;
  /**
   * After one cut in this many the process is killed, and the power fails in its recovery. Default
   * 20.
   */
  readonly killEvery?: number;
  /** The nesting depth of power cuts. Default 2. */
  readonly depth?: number;
  /** The only cut to try. Default all. */
  readonly cut?: number;
  /** To try one of each `every` consecutive cuts, and what chooses it. Default all. */
  readonly sample?: { readonly every: number; readonly seed: number };
  /**
   * Cuts are tried in the order of their distance from this commit, instead of in the order of
   * time: a change of the engine moves a failure to another cut, and seldom to another commit.
   */
  readonly near?: number;
  /** The only image of that cut to try; -1 = the killed process. Default all. */
  readonly image?: number;
  /** Whether `crash_replay.ts` knows the workload. Default true. */
  readonly isNamed?: boolean;
  /** Receives each failure, and the search continues. Default: the first one is thrown. */
  readonly onFailure?: (failure: CrashFailure) => void;
}

/** What was tried. */
export interface CrashReport {
  /** Operations of the workload. */
  operations: number;
  /** Cuts, including nested ones. */
  cuts: number;
  /** Images created. */
  images: number;
  /** Images that differ, each of which was opened. */
  distinct: number;
  /** The number of these from nested cuts. */
  nested: number;
  /** Images with rot. */
  rotten: number;
  /** Processes killed, and the power cut while the next one recovered. */
  kills: number;
}

/** An image that fails the oracle. */
export class CrashFailure extends Error {
  /** The name of the class. */
  override readonly name = "CrashFailure";
  /** The image. */
  readonly content: Blocks;
  /** The arguments with which `crash_replay.ts` repeats it. */
  readonly replay: string;

  /** Describes a failure. */
  constructor(message: string, content: Blocks, replay: string, cause: unknown) {
    super(message, { cause });
    this.content = content;
    this.replay = replay;
  }
}

/**
 * Cuts the power at every operation of a workload.
 *
 * @throws {CrashFailure} An image fails the oracle.
 */
export function crash(engine: Engine, workload: Workload, options: CrashOptions): CrashReport {
  const recording = record(engine, workload, new PowerFile());
  const sweep = new Sweep(engine, workload.options ?? {}, options);
  sweep.report.operations = recording.operations.length - recording.first;
  sweep.run(recording);
  return sweep.report;
}

/**
 * Cuts the power at every operation of interest in a recording.
 *
 * @throws {CrashFailure} An image fails the oracle.
 */
export function crashRecording(
  engine: Engine,
  engineOptions: EngineOptions,
  recording: Recording,
  options: CrashOptions,
): CrashReport {
  const sweep = new Sweep(engine, engineOptions, options);
  sweep.run(recording);
  return sweep.report;
}

/** The sum of reports. */
export function sumOf(reports: readonly CrashReport[]): CrashReport {
  const sum = { operations: 0, cuts: 0, images: 0, distinct: 0, nested: 0, rotten: 0, kills: 0 };
  for (const report of reports) {
    for (const name of Object.keys(sum) as (keyof CrashReport)[]) sum[name] += report[name];
  }
  return sum;
}

/** A moment at which the power is cut. */
interface Moment {
  /** The number of the cut, after those of the cuts that contain it. */
  readonly path: string;
  readonly seed: number;
  readonly walk: PowerWalk;
  readonly allowed: Allowed;
  /** How many levels of cuts may be nested in it. */
  readonly depth: number;
  /** The number of commits attempted before the outermost cut. */
  readonly commit: number;
}

class Sweep {
  readonly report = sumOf([]);
  readonly #engine: Engine;
  readonly #engineOptions: EngineOptions;
  readonly #options: CrashOptions;
  readonly #imageOptions: ImageOptions;
  /** The states in which images opened, by the images' hashes. */
  readonly #seen = new Map<number, State>();

  constructor(engine: Engine, engineOptions: EngineOptions, options: CrashOptions) {
    this.#engine = engine;
    this.#engineOptions = engineOptions;
    this.#options = options;
    this.#imageOptions = {
      garbage: options.garbage ?? (engineOptions.tornSectors === "protect" ? "any" : "none"),
      rotPages: engine.rotPages,
      limit: options.limit ?? 300,
    };
  }

  /** Tries every cut of a workload. */
  run(recording: Recording): void {
    const { cut, near, seed, depth = 2 } = this.#options;
    const moments = () => momentsOf(recording, "", seed, depth);
    if (cut !== undefined) {
      const moment = moments().find(({ path }) => path === String(cut));
      if (moment !== undefined) this.#visit(moment, this.#imageOptions);
      return;
    }
    const distance = ({ commit }: Moment) => near === undefined ? 0 : Math.abs(commit - near);
    const distances = near === undefined ? [0] : [...new Set(moments().map(distance))];
    for (const round of distances.sort((a, b) => a - b)) {
      for (const moment of moments()) {
        if (distance(moment) !== round || !this.#isSampled(moment)) continue;
        this.#visit(moment, this.#imageOptions);
      }
    }
  }

  #isSampled({ path }: Moment): boolean {
    const { sample } = this.#options;
    if (sample === undefined) return true;
    const { every, seed } = sample;
    const cut = Number(path) - 1;
    const group = Math.floor(cut / every);
    return new Random(seed ^ Math.imul(group + 1, 0x9e3779b1)).below(every) === cut % every;
  }

  #visit(moment: Moment, imageOptions: ImageOptions): void {
    this.report.cuts++;
    const plans = plansAt(moment.walk, imageOptions, new Random(moment.seed));
    const { image } = this.#options;
    const isOuter = !moment.path.includes(".");
    plans.forEach((plan, i) => {
      if (!isOuter || image === undefined || image === i) this.#look(moment, plan, i);
    });
    const { killEvery = 20 } = this.#options;
    const isKilled = killEvery > 0 && new Random(moment.seed + 1).once(killEvery);
    if (isOuter && isKilled && (image === undefined || image < 0)) this.#kill(moment);
  }

  /** Kills the process at this moment, and cuts the power while the next one recovers. */
  #kill(moment: Moment): void {
    const { walk } = moment;
    const operations = walk.pending.map(({ operation }) => operation);
    const file = new PowerFile(walk.base, true, operations);
    const plan: Plan = { fates: walk.pending.map(() => "kept"), salt: 0 };
    this.#guard(moment, plan, -1, file.snapshot(), () => {
      const recorder = new Recorder(file, moment.allowed);
      verify(this.#engine, this.#engineOptions, file, recorder);
      this.report.kills++;
      this.#cutAgain(recorder.end(), moment, -1, moment.seed);
    });
  }

  #look(moment: Moment, plan: Plan, index: number): void {
    const content = makeImage(moment.walk, plan);
    this.report.images++;
    if (plan.rot !== undefined) this.report.rotten++;
    this.#guard(moment, plan, index, content, () => {
      const hash = content.hash();
      const seen = this.#seen.get(hash);
      if (seen !== undefined) return void stateIn(seen, moment.allowed);
      this.report.distinct++;
      if (moment.path.includes(".")) this.report.nested++;
      this.#seen.set(hash, this.#open(content, moment, index));
    });
  }

  #guard(moment: Moment, plan: Plan, index: number, content: Blocks, look: () => void): void {
    try {
      look();
    } catch (cause) {
      // The error of a nested cut already has its position.
      const failure = cause instanceof CrashFailure
        ? cause
        : this.#failure(moment, plan, index, content, cause);
      const { onFailure } = this.#options;
      if (onFailure === undefined) throw failure;
      onFailure(failure);
    }
  }

  /** Opens an image, and returns its state. */
  #open(content: Blocks, moment: Moment, index: number): State {
    const { nestedEvery = 200 } = this.#options;
    const random = new Random(moment.seed ^ Math.imul(index + 1, 0x9e3779b1));
    const isCutAgain = moment.depth > 0 && nestedEvery > 0 && random.once(nestedEvery);
    const file = new PowerFile(content, isCutAgain);
    const recorder = new Recorder(file, moment.allowed);
    const begin = processorMs();
    const state = verify(this.#engine, this.#engineOptions, file, recorder);
    const ms = processorMs() - begin;
    if (ms > OPEN_MS_MAX) throw new Error(`opening took ${Math.round(ms)} ms`);
    if (isCutAgain) this.#cutAgain(recorder.end(), moment, index, random.u32());
    return state;
  }

  #cutAgain(recording: Recording, outer: Moment, index: number, seed: number): void {
    const path = `${outer.path}/${index}.`;
    // After a torn write there is no redundancy left from which rot could be repaired.
    const imageOptions = { ...this.#imageOptions, rotPages: [], limit: NESTED_LIMIT };
    for (const moment of momentsOf(recording, path, seed, outer.depth - 1, outer.commit)) {
      this.#visit(moment, imageOptions);
    }
  }

  #failure(
    moment: Moment,
    plan: Plan,
    index: number,
    content: Blocks,
    cause: unknown,
  ): CrashFailure {
    const { name, seed } = this.#options;
    const [outer, inner] = moment.path.split(/\/(.*)/) as [string, string];
    const image = inner === undefined ? index : Number.parseInt(inner);
    const { acknowledged, attempted } = moment.allowed;
    const replay = this.#replay(outer, image, moment.commit);
    const lines = [
      `${this.#engine.name}: ${cause instanceof Error ? cause.message : String(cause)}`,
      `  workload ${name}, seed ${seed}, cut ${moment.path}, image ${index}`,
      `  acknowledged ${acknowledged}, attempted ${attempted}; not on the medium for certain:`,
      describePlan(moment.walk, plan),
    ];
    if (this.#options.isNamed ?? true) {
      lines.push(`  again: deno run -A tests/crash/crash_replay.ts ${replay} --out FILE`);
    }
    return new CrashFailure(lines.join("\n"), content, replay, cause);
  }

  /** The arguments of `crash_replay.ts` that repeat an image. */
  #replay(cut: string, image: number, commit: number): string {
    const { name, seed, nestedEvery, killEvery, depth } = this.#options;
    const { limit, garbage } = this.#imageOptions;
    const media = this.#engineOptions.tornSectors === "protect" ? " --protect" : "";
    const option = (option: string, value: number | undefined) => {
      return value === undefined ? "" : ` --${option} ${value}`;
    };
    return `--workload ${name} --seed ${seed} --limit ${limit} --garbage ${garbage}${media}` +
      option("nested", nestedEvery) + option("kill", killEvery) + option("depth", depth) +
      ` --near ${commit} --cut ${cut} --image ${image}`;
  }
}

/** Every moment at which the power can be cut while a file is used. */
function* momentsOf(
  { start, operations, first, marks, last }: Recording,
  path: string,
  seed: number,
  depth: number,
  commit?: number,
): Generator<Moment> {
  const walk = new PowerWalk(start);
  let number = 0;
  const at = (allowed: Allowed): Moment => {
    number++;
    const own = seed ^ Math.imul(number, 0x85ebca6b);
    const { attempted } = allowed;
    return {
      path: `${path}${number}`,
      seed: own,
      walk,
      allowed,
      depth,
      commit: commit ?? attempted,
    };
  };
  for (let i = 0; i < operations.length; i++) {
    const during = marks[i]!;
    if (i === first) yield at(during);
    walk.issue(operations[i]!);
    // During the operation all earlier ones are complete; after it, more may be acknowledged.
    if (operations[i]!.kind === "through" && i >= first) yield at(during);
    walk.complete(operations[i]!);
    if (i >= first) yield at(between(during, marks[i + 1] ?? last));
  }
}

/** The states allowed between one operation and the next. */
function between(before: Allowed, after: Allowed): Allowed {
  const end = before.states.length - 1;
  const goesOn = after.states[0] === before.states[0] && after.states[end] === before.states[end];
  // Once an engine has opened, only the state that it showed is allowed.
  if (!goesOn) return { ...after, attempted: after.acknowledged };
  // Later attempts cannot be in the file yet, unless they needed no operation.
  const attempted = Math.max(before.attempted, after.acknowledged);
  return { states: after.states, acknowledged: after.acknowledged, attempted };
}

/**
 * Verifies a file, opens it, and returns its state. Fails unless everything is as
 * it must be.
 */
export function verify(
  engine: Engine,
  options: EngineOptions,
  file: PowerFile,
  recorder: Recorder,
): State {
  const { allowed } = recorder;
  engine.verify?.(file);
  const handle = engine.open(file, options);
  const state = stateIn(handle.state(), allowed);
  recorder.settle(state);
  handle.check();
  const changes = probeOf(state);
  const after = stateAfter(state, changes);
  recorder.attempt(after);
  if (handle.write(changes, "sync")) recorder.acknowledge();
  handle.close();
  recorder.acknowledge();
  const again = engine.open(file, options);
  expectState(again, after);
  again.check();
  again.close();
  return state;
}

/** The commit that every image must accept, large enough to use a page that is wrongly free. */
function probeOf(state: State): Change[] {
  const key = new TextEncoder().encode("probe");
  const value = new Uint8Array(3000).fill(0x50 + state.size % 16);
  return [{ tree: "main", key, value }, { tree: "probe", key, value: value.subarray(0, 10) }];
}

function expectState(handle: Handle, expected: State): void {
  const found = handle.state();
  if (sameState(found, expected)) return;
  throw new Error(`after one more commit: ${describeDifference(found, expected)}`);
}

/** The allowed state that was found. Fails if it is none of them. */
function stateIn(found: State, { states, acknowledged, attempted }: Allowed): State {
  for (let i = attempted; i >= acknowledged; i--) {
    if (sameState(found, states[i]!)) return states[i]!;
  }
  const lost = states.findLastIndex((state) => sameState(found, state));
  if (lost >= 0) throw new Error(`opened in state ${lost}, allowed ${acknowledged}..${attempted}`);
  const difference = describeDifference(found, states[acknowledged]!);
  throw new Error(`opened in an unknown state; against state ${acknowledged}: ${difference}`);
}
