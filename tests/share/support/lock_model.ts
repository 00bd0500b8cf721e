/**
 * The locks of `docs/sharing.md`, as programs small enough for every order of their steps: sharing
 * processes open and close, a read-only handle and an exclusive handle open the file, and any of
 * them may be killed after any step.
 *
 * The file is its superblock: a number that each change of the file raises, and whether it is open.
 */

/** The rules that can be turned off. */
export const LOCK_RULES = [
  "a sharing process tells others of its kind from read-only handles",
  "a read-only handle takes a file that is marked open only if it is alone, and stays alone",
  "the superblock is read again after an opening changed its lock",
  "the superblock is read again before the last to close writes it",
  "files are opened and closed under the write lock",
] as const;

/** A rule that can be turned off. */
export type LockRule = typeof LOCK_RULES[number];

/** Who holds a lock, by number. */
interface Lock {
  shared: number[];
  exclusive: number[];
}

/** A process: its program, and how far it is. */
interface Actor {
  readonly kind: "sharing" | "read-only" | "exclusive";
  step: string;
  /** The number of the superblock that it knows. */
  known: number;
}

/** Everything, as plain data. */
export interface LockState {
  readonly actors: Actor[];
  /** The lock on the file, that of the sharing processes, and the write lock. */
  readonly file: Lock;
  readonly here: Lock;
  readonly write: Lock;
  number: number;
  isOpen: boolean;
  /** What was wrong. */
  fault: string;
}

/** A file that nobody has open, and processes that have not begun. */
export function newLockState(kinds: readonly Actor["kind"][], isOpen: boolean): LockState {
  const lock = (): Lock => ({ shared: [], exclusive: [] });
  const actors = kinds.map((kind): Actor => ({ kind, step: "begin", known: 0 }));
  return { actors, file: lock(), here: lock(), write: lock(), number: 1, isOpen, fault: "" };
}

/** Whether a process has ended. */
export function isDone({ step }: Actor): boolean {
  return step === "done";
}

/** The steps of the processes. */
export class LockModel {
  readonly #state: LockState;
  readonly #off: LockRule | undefined;

  /** The processes at a state, perhaps without one rule. */
  constructor(state: LockState, off?: LockRule) {
    this.#state = state;
    this.#off = off;
  }

  /** Kills a process: its locks are released. */
  kill(id: number): void {
    this.#leave(id);
  }

  /** Takes the next step of a process; false if it waits for the write lock. */
  advance(id: number): boolean {
    const { kind, step } = this.#state.actors[id]!;
    const waits = kind === "sharing" && (step === "begin" || step === "sharing");
    if (waits && this.#keeps("files are opened and closed under the write lock")) {
      if (!tryLock(this.#state.write, id, true)) return false;
    }
    if (kind === "sharing") this.#share(id);
    else if (kind === "read-only") this.#readOnly(id);
    else this.#exclude(id);
    return true;
  }

  #share(id: number): void {
    const state = this.#state;
    const actor = state.actors[id]!;
    switch (actor.step) {
      case "begin":
        tryLock(state.here, id, false);
        return this.#go(id, "try alone");
      case "try alone":
        return this.#go(id, tryLock(state.file, id, true) ? "recover" : "join");
      case "recover":
        this.#change(id, true);
        return this.#release(id, state.file, "to shared");
      case "to shared":
        if (!tryLock(state.file, id, false) || !this.#isUntouched(id)) return this.#leave(id);
        return this.#release(id, state.write, "sharing");
      case "join":
        if (!tryLock(state.file, id, false)) return this.#leave(id);
        return this.#keeps("a sharing process tells others of its kind from read-only handles")
          ? this.#release(id, state.here, "look for others")
          : this.#release(id, state.write, "sharing");
      case "look for others":
        if (tryLock(state.here, id, true)) return this.#leave(id);
        tryLock(state.here, id, false);
        return this.#release(id, state.write, "sharing");
      default:
        return this.#closeShared(id);
    }
  }

  #closeShared(id: number): void {
    const state = this.#state;
    const actor = state.actors[id]!;
    switch (actor.step) {
      case "sharing":
        // A transaction, or a step of a checkpoint; then the close.
        this.#change(id, true);
        return this.#release(id, state.file, "try to be last");
      case "try to be last":
        if (!tryLock(state.file, id, true)) return this.#leave(id);
        return this.#go(id, "close");
      default:
        if (
          state.number === actor.known ||
          !this.#keeps("the superblock is read again before the last to close writes it")
        ) this.#overwrite(id);
        return this.#leave(id);
    }
  }

  #readOnly(id: number): void {
    const state = this.#state;
    switch (state.actors[id]!.step) {
      case "begin":
        return tryLock(state.file, id, false) ? this.#go(id, "look") : this.#leave(id);
      case "look":
        if (!state.isOpen) return this.#go(id, "reading");
        return this.#release(id, state.file, "try alone");
      case "try alone":
        // A handle that is not alone becomes a follower.
        return tryLock(state.file, id, true) ? this.#stayAlone(id) : this.#leave(id);
      case "to shared":
        return tryLock(state.file, id, false) ? this.#go(id, "reading") : this.#leave(id);
      default:
        return this.#leave(id);
    }
  }

  #stayAlone(id: number): void {
    const rule =
      "a read-only handle takes a file that is marked open only if it is alone, and stays alone";
    if (this.#keeps(rule)) this.#go(id, "reading");
    else this.#release(id, this.#state.file, "to shared");
  }

  #exclude(id: number): void {
    const { step } = this.#state.actors[id]!;
    if (step === "begin") {
      return tryLock(this.#state.file, id, true) ? this.#go(id, "write") : this.#leave(id);
    }
    this.#change(id, step === "write");
    if (step === "write") this.#go(id, "close");
    else this.#leave(id);
  }

  #go(id: number, step: string): void {
    this.#state.actors[id]!.step = step;
  }

  #release(id: number, lock: Lock, step: string): void {
    unlock(lock, id);
    this.#go(id, step);
  }

  #leave(id: number): void {
    for (const lock of [this.#state.file, this.#state.here, this.#state.write]) unlock(lock, id);
    this.#go(id, "done");
  }

  #isUntouched(id: number): boolean {
    const rule = "the superblock is read again after an opening changed its lock";
    return this.#state.number === this.#state.actors[id]!.known || !this.#keeps(rule);
  }

  /** Changes the file from its current state, and knows the result. */
  #change(id: number, isOpen: boolean): void {
    const state = this.#state;
    state.number++;
    state.isOpen = isOpen;
    state.actors[id]!.known = state.number;
    this.#check(id);
  }

  /** Writes the state that a process knows, whatever is there. */
  #overwrite(id: number): void {
    const state = this.#state;
    if (state.number !== state.actors[id]!.known) state.fault ||= "an older state is written back";
    this.#change(id, false);
  }

  /** Nobody may have the file open who relies on it not to change, or on being told of it. */
  #check(id: number): void {
    const state = this.#state;
    state.actors.forEach(({ kind, step }, other) => {
      if (other === id) return;
      if (kind === "read-only" && step === "reading") state.fault ||= "a file that is read changes";
      const isBeside = kind === "sharing" && step === "sharing";
      if (!isBeside || state.actors[id]!.kind === "sharing" && state.isOpen) return;
      state.fault ||= `a ${state.actors[id]!.kind} process writes beside one that shares`;
    });
  }

  #keeps(rule: LockRule): boolean {
    return rule !== this.#off;
  }
}

function tryLock(lock: Lock, id: number, isExclusive: boolean): boolean {
  unlock(lock, id);
  if (lock.exclusive.length > 0 || (isExclusive && lock.shared.length > 0)) return false;
  (isExclusive ? lock.exclusive : lock.shared).push(id);
  lock.shared.sort();
  return true;
}

function unlock(lock: Lock, id: number): void {
  lock.shared = lock.shared.filter((holder) => holder !== id);
  lock.exclusive = lock.exclusive.filter((holder) => holder !== id);
}
