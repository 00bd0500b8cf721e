/**
 * Runs a workload on an engine, and records the states allowed after a power cut at each operation.
 */

import { IoError } from "../../../pager/mod.ts";
import type { Blocks } from "../../support/files/blocks.ts";
import type { Operation, PowerFile } from "../../support/files/power_file.ts";
import {
  type Change,
  describeDifference,
  type Durability,
  type Engine,
  type EngineOptions,
  type Handle,
  sameState,
  type State,
  stateAfter,
  stateWithout,
  type StreamEnd,
} from "./engine.ts";

/** One step of a workload. */
export type Step =
  | { readonly do: "write"; readonly changes: readonly Change[]; readonly durability: Durability }
  | { readonly do: "load"; readonly changes: readonly Change[]; readonly durability: Durability }
  | {
    readonly do: "writeAround";
    readonly changes: readonly Change[];
    readonly undone: readonly Change[];
  }
  /** A commit for which the disk has no space; it must be one that needs some. */
  | { readonly do: "full"; readonly changes: readonly Change[] }
  | { readonly do: "abort"; readonly changes: readonly Change[] }
  | {
    readonly do: "stream";
    readonly change: Change;
    readonly partBytes: number;
    readonly end: StreamEnd;
  }
  | { readonly do: "drop"; readonly tree: string }
  | { readonly do: OtherAct };

type OtherAct =
  | "checkpoint"
  | "step"
  | "compact"
  | "compactStep"
  | "reopen"
  | "keep"
  | "release"
  | "slice"
  | "takeOff"
  | "land"
  | "requestCheckpoint"
  | "beginMove";

/** The steps that an engine executes. */
export interface Workload {
  readonly options?: EngineOptions;
  /** The steps before the first cut; their results are on the medium. */
  readonly prelude?: readonly Step[];
  readonly steps: readonly Step[];
}

/** The states in which an engine may be found, from the last acknowledged one on. */
export interface Allowed {
  readonly states: readonly State[];
  /** The index of the last acknowledged state. */
  readonly acknowledged: number;
  /** The index of the last attempted state. */
  readonly attempted: number;
}

/** The operations of a file, and the states allowed at each moment. */
export interface Recording {
  /** Its bytes before the first operation. */
  readonly start: Blocks;
  readonly operations: readonly Operation[];
  /** The first operation at which a cut is of interest. */
  readonly first: number;
  /** The states allowed when each operation began. */
  readonly marks: readonly Allowed[];
  /** The states allowed at the end. */
  readonly last: Allowed;
}

/** Keeps the states of an engine, and records which are allowed at each operation of its file. */
export class Recorder {
  readonly #file: PowerFile;
  readonly #marks: Allowed[] = [];
  #states: readonly State[];
  #acknowledged: number;
  #versions: number[] = [];
  /** The states that the engine keeps for readers, the oldest first. */
  readonly #kept: State[] = [];
  #first = 0;

  /** Starts with the states that the file allows now. */
  constructor(file: PowerFile, allowed: Allowed) {
    this.#file = file;
    this.#states = allowed.states.slice(0, allowed.attempted + 1);
    this.#acknowledged = allowed.acknowledged;
    this.#first = file.operations.length;
    // The existing content precedes the recording.
    for (let i = 0; i < this.#first; i++) this.#marks.push(allowed);
    file.beforeOperation = (_: Operation) => this.#marks.push(this.allowed);
  }

  /** The states allowed now. */
  get allowed(): Allowed {
    const attempted = this.#states.length - 1;
    return { states: this.#states, acknowledged: this.#acknowledged, attempted };
  }

  /** The state after the last commit. */
  get state(): State {
    return this.#states[this.#states.length - 1]!;
  }

  /** A state that exists if the next commit completes. */
  attempt(state: State): void {
    this.#states = [...this.#states, state];
  }

  /** From now on every attempted commit must be found. */
  acknowledge(): void {
    this.#acknowledged = this.#states.length - 1;
  }

  /** The engine opened and showed one state: from now on only that one is allowed. */
  settle(state: State): void {
    this.#states = [state];
    this.#acknowledged = 0;
    this.#versions = [];
  }

  /** Checks what the engine reports about its last commit and the medium. */
  learn({ version, durableVersion }: Handle): void {
    const last = this.#states.length - 1;
    this.#versions[last] = version;
    for (let i = this.#acknowledged + 1; i <= last; i++) {
      if (this.#versions[i] !== undefined && this.#versions[i]! <= durableVersion) {
        this.#acknowledged = i;
      }
    }
  }

  /** Ends the sync that runs off the thread. */
  endSync(): void {
    this.#file.endSync();
  }

  /** Makes writes fail, except those that need no space. */
  whileFull(body: () => void): void {
    this.#file.isFull = true;
    try {
      body();
    } finally {
      this.#file.isFull = false;
    }
  }

  /** Makes the engine keep the last state for readers. */
  keep(): void {
    this.#kept.push(this.state);
  }

  /** Makes the engine release one kept state, or all. */
  release(all = false): void {
    this.#kept.splice(0, all ? this.#kept.length : 1);
  }

  /** Fails unless the kept states are unchanged. */
  checkKept(handle: Handle): void {
    handle.kept().forEach((found, i) => {
      if (sameState(found, this.#kept[i]!)) return;
      throw new Error(`a state that is kept: ${describeDifference(found, this.#kept[i]!)}`);
    });
  }

  /** Marks cuts from here on as of interest. */
  begin(): void {
    this.#first = this.#file.operations.length;
  }

  /** The recording. */
  end(): Recording {
    this.#file.beforeOperation = () => {};
    return {
      start: this.#file.start,
      operations: [...this.#file.operations],
      first: this.#first,
      marks: this.#marks,
      last: this.allowed,
    };
  }
}

/** Runs a workload on an engine in an empty file. */
export function record(engine: Engine, workload: Workload, file: PowerFile): Recording {
  const empty: State = new Map();
  const recorder = new Recorder(file, { states: [empty], acknowledged: 0, attempted: 0 });
  const options = workload.options ?? {};
  const open = () => engine.open(file, options);
  let handle = open();
  for (const step of workload.prelude ?? []) handle = runStep(step, handle, recorder, open);
  if (workload.prelude !== undefined) {
    handle.close();
    file.sync();
    recorder.acknowledge();
    handle = open();
    recorder.begin();
  }
  for (const step of workload.steps) handle = runStep(step, handle, recorder, open);
  const found = handle.state();
  if (!sameState(found, recorder.state)) {
    throw new Error(`${engine.name}: without a cut: ${describeDifference(found, recorder.state)}`);
  }
  const recording = recorder.end();
  handle.close();
  return recording;
}

/** Executes one step. Returns the handle to continue with. */
function runStep(
  step: Step,
  handle: Handle,
  recorder: Recorder,
  open: () => Handle,
): Handle {
  if ("changes" in step) runChanges(step, handle, recorder);
  else if (step.do === "reopen") handle = reopen(handle, recorder, open);
  else runOther(step, handle, recorder);
  recorder.learn(handle);
  return handle;
}

type ChangesStep = Extract<Step, { changes: unknown }>;
type OtherStep = Exclude<Step, ChangesStep | { do: "reopen" }>;

function runChanges(step: ChangesStep, handle: Handle, recorder: Recorder): void {
  const { changes } = step;
  if (step.do === "abort") return handle.abort(changes);
  if (step.do === "full") return writeInVain(changes, handle, recorder);
  recorder.attempt(stateAfter(recorder.state, changes));
  const isDurable = step.do === "write"
    ? handle.write(changes, step.durability)
    : step.do === "load"
    ? handle.load(changes, step.durability)
    : handle.writeAround(changes, step.undone);
  if (isDurable) recorder.acknowledge();
}

/** The disk is full: a commit that needs space is rolled back, and the engine continues. */
function writeInVain(changes: readonly Change[], handle: Handle, recorder: Recorder): void {
  let failure: unknown;
  recorder.whileFull(() => {
    try {
      handle.write(changes, "none");
    } catch (error) {
      failure = error;
    }
  });
  if (!(failure instanceof IoError)) throw failure ?? new Error("a full disk had room");
}

function runOther(step: OtherStep, handle: Handle, recorder: Recorder): void {
  switch (step.do) {
    case "stream":
      if (step.end === "finish") recorder.attempt(stateAfter(recorder.state, [step.change]));
      if (handle.stream(step.change, step.partBytes, step.end)) recorder.acknowledge();
      break;
    case "drop":
      recorder.attempt(stateWithout(recorder.state, step.tree));
      if (handle.drop(step.tree)) recorder.acknowledge();
      break;
    case "checkpoint":
      handle.checkpoint();
      recorder.acknowledge();
      break;
    case "step":
      handle.checkpointStep();
      break;
    case "compact":
      handle.compact("all");
      break;
    case "compactStep":
      handle.compact("step");
      break;
    case "slice":
      handle.sliceConfirmed();
      break;
    case "takeOff":
      void handle.takeOff();
      break;
    case "land":
      if (handle.isFlying) recorder.endSync();
      if (handle.isFlying) handle.land();
      break;
    case "requestCheckpoint":
      handle.requestCheckpoint();
      break;
    case "beginMove":
      handle.beginMove();
      break;
    case "keep":
      handle.keep();
      recorder.keep();
      break;
    case "release":
      // Only now: an engine need not find again what a reader requested once.
      recorder.checkKept(handle);
      handle.release();
      recorder.release();
  }
}

function reopen(handle: Handle, recorder: Recorder, open: () => Handle): Handle {
  handle.close();
  recorder.acknowledge();
  recorder.release(true);
  return open();
}
