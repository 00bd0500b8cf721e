/**
 * A workload on an engine, and what may be true of it after a power cut at each of its operations.
 */

import type { Blocks } from "./blocks.ts";
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
} from "./engine.ts";
import type { Operation, PowerFile } from "./power_file.ts";

/** One thing that a workload does. */
export type Step =
  | { readonly do: "write"; readonly changes: readonly Change[]; readonly durability: Durability }
  | { readonly do: "abort"; readonly changes: readonly Change[] }
  | { readonly do: "drop"; readonly tree: string }
  | { readonly do: "checkpoint" | "step" | "reopen" };

/** What an engine is made to do. */
export interface Workload {
  readonly options?: EngineOptions;
  /** What is done before the first cut; it is on the medium then. */
  readonly prelude?: readonly Step[];
  readonly steps: readonly Step[];
}

/** The states in which an engine may be found: from the last acknowledged one on. */
export interface Allowed {
  readonly states: readonly State[];
  /** The index of the last state that was acknowledged. */
  readonly acknowledged: number;
  /** The index of the last state that was attempted. */
  readonly attempted: number;
}

/** A file that was used, and what is allowed at each moment. */
export interface Recording {
  /** What stood in it before the first operation. */
  readonly start: Blocks;
  readonly operations: readonly Operation[];
  /** The first operation at which a cut is of interest. */
  readonly first: number;
  /** What was allowed when each operation began. */
  readonly marks: readonly Allowed[];
  /** What is allowed at the end. */
  readonly last: Allowed;
}

/** Keeps the states of an engine, and notes what is allowed at each operation of its file. */
export class Recorder {
  readonly #file: PowerFile;
  readonly #marks: Allowed[] = [];
  #states: readonly State[];
  #acknowledged: number;
  #versions: number[] = [];
  #first = 0;

  /** Begins with what is allowed of the file as it is. */
  constructor(file: PowerFile, allowed: Allowed) {
    this.#file = file;
    this.#states = allowed.states.slice(0, allowed.attempted + 1);
    this.#acknowledged = allowed.acknowledged;
    this.#first = file.operations.length;
    // What stands there already was done before.
    for (let i = 0; i < this.#first; i++) this.#marks.push(allowed);
    file.beforeOperation = (_: Operation) => this.#marks.push(this.allowed);
  }

  /** What is allowed now. */
  get allowed(): Allowed {
    const attempted = this.#states.length - 1;
    return { states: this.#states, acknowledged: this.#acknowledged, attempted };
  }

  /** The state after the last commit. */
  get state(): State {
    return this.#states[this.#states.length - 1];
  }

  /** A state that will be there if the commit that is about to be made comes to an end. */
  attempt(state: State): void {
    this.#states = [...this.#states, state];
  }

  /** All that was attempted must be found from now on. */
  acknowledge(): void {
    this.#acknowledged = this.#states.length - 1;
  }

  /** The engine was opened, and showed one state: only that one is allowed from now on. */
  settle(state: State): void {
    this.#states = [state];
    this.#acknowledged = 0;
    this.#versions = [];
  }

  /** What the engine itself says of its last commit, and of the medium. */
  learn({ version, durableVersion }: Handle): void {
    const last = this.#states.length - 1;
    this.#versions[last] = version;
    for (let i = this.#acknowledged + 1; i <= last; i++) {
      if (this.#versions[i] !== undefined && this.#versions[i] <= durableVersion) {
        this.#acknowledged = i;
      }
    }
  }

  /** Cuts from here on are of interest. */
  begin(): void {
    this.#first = this.#file.operations.length;
  }

  /** All that was noted. */
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

/** Runs a workload on an engine in a file that is empty. */
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

/** Does one step; returns the handle to go on with. */
export function runStep(
  step: Step,
  handle: Handle,
  recorder: Recorder,
  open: () => Handle,
): Handle {
  switch (step.do) {
    case "write":
      recorder.attempt(stateAfter(recorder.state, step.changes));
      if (handle.write(step.changes, step.durability)) recorder.acknowledge();
      break;
    case "drop":
      recorder.attempt(stateWithout(recorder.state, step.tree));
      if (handle.drop(step.tree)) recorder.acknowledge();
      break;
    case "abort":
      handle.abort(step.changes);
      break;
    case "checkpoint":
      handle.checkpoint();
      recorder.acknowledge();
      break;
    case "step":
      handle.checkpointStep();
      break;
    case "reopen":
      handle.close();
      recorder.acknowledge();
      return open();
  }
  recorder.learn(handle);
  return handle;
}
