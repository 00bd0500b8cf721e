/**
 * What is true of the database whatever a process believes: the history of its states, what was
 * acknowledged, and what was read.
 *
 * Each transaction makes a state that knows its parent and all pages. A read is right if it equals
 * the reader's state. Nothing is lost if each acknowledged state is an ancestor of every later one.
 */

/** A state of the database. */
export interface State {
  readonly id: number;
  readonly parent: State | undefined;
  readonly depth: number;
  /** The two values of each page, or undefined for a free page. */
  readonly pages: readonly (readonly number[] | undefined)[];
}

/** The state of a new file. */
export const EMPTY: State = { id: 0, parent: undefined, depth: 0, pages: [] };

/** A promise of the protocol that was broken. */
export class Violation extends Error {}

/** Whether one state is another, or came before it. */
export function isAncestor(old: State, young: State): boolean {
  let at: State | undefined = young;
  while (at !== undefined && at.depth > old.depth) at = at.parent;
  return at === old;
}

/** What was acknowledged, and what was read. */
export class Truth {
  /** The last state that was acknowledged at any level; a power cut may take it back. */
  acknowledged: State = EMPTY;
  /** The last state that was acknowledged as durable. */
  durable: State = EMPTY;
  /** The last state that was read; a power cut may take it back. */
  seen: State = EMPTY;
  /** The last state that was read by a process which knew it to be durable. */
  seenDurable: State = EMPTY;
  /** The last state that an archive has. */
  archived: State = EMPTY;
  /** The newest version written in place past a pin. */
  forced = 0;
  /** Whether a batch has rotted, so that states may be lost, but not mixed. */
  isRotten = false;

  /** Notes an acknowledgement. */
  acknowledge(state: State, isDurable: boolean): void {
    this.acknowledged = later(this.acknowledged, state, "(c) an acknowledged transaction is lost");
    if (!isDurable) return;
    this.durable = later(this.durable, state, "(c) a durable transaction is lost");
  }

  /** Notes a state that an archive has from now on. */
  archive(state: State): void {
    if (this.isRotten) return;
    this.archived = later(this.archived, state, "(j) an archive has a state that was not kept");
  }

  /** Checks a page that a process read. */
  read(state: State, page: number, bytes: readonly number[], what: string, isDurable: boolean) {
    const want = state.pages[page];
    if (want === undefined || want[0] !== bytes[0] || want[1] !== bytes[1]) {
      throw new Violation(`${what}: page ${page} reads ${bytes}, the state has ${want}`);
    }
    if (this.isRotten) return;
    this.seen = later(this.seen, state, `${what}: a state that was not kept`);
    if (isDurable) this.seenDurable = later(this.seenDurable, state, `${what}: was not kept`);
  }

  /** Checks the state that a recovery, or the opening of a file, found. */
  opened(state: State, what: string): void {
    if (this.isRotten) return;
    if (!isAncestor(this.acknowledged, state)) {
      throw new Violation(`(c) ${what} lacks an acknowledged transaction`);
    }
    if (!isAncestor(this.seen, state)) {
      throw new Violation(`(c) ${what} lacks a state that was read`);
    }
    if (!isAncestor(this.archived, state)) {
      throw new Violation(`(j) ${what} lacks a state that an archive has`);
    }
  }

  /** The power goes, and with it what was not durable. */
  cut(): void {
    this.acknowledged = this.durable;
    this.seen = this.seenDurable;
  }
}

/** The later of two states of one history. */
function later(known: State, state: State, fault: string): State {
  if (isAncestor(state, known)) return known;
  if (!isAncestor(known, state)) throw new Violation(fault);
  return state;
}
