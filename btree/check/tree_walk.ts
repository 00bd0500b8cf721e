/**
 * Walking over a whole tree, of either sort, for whoever wants to know how it is: the walk goes on
 * where it can when something is wrong, so that all of it is found and not the first only.
 *
 * What is the same for both sorts stands here: which nodes are still to be visited, telling of a
 * broken rule, and the links between leaves. What a node holds its own walk knows.
 */

import {
  corruptHeader,
  CorruptionError,
  format,
  type Frame,
  header,
  type PageReader,
} from "../../pager/mod.ts";

const { CHUNK_SHIFT, HEADER, SLOT_MASK } = format;

/** A tree to be walked. */
export interface TreeSource {
  /** Where its pages are read. */
  readonly reader: PageReader;
  /** Its number. */
  readonly id: number;
  /** Its root page. */
  readonly root: number;
}

/** Hears of what a walk meets. */
export interface TreeVisitor {
  /** A page was reached; whether it is for the first time. */
  reached(page: number): boolean;
  /**
   * A rule is broken.
   *
   * @param isLost Whether what is below, or the value, could not be followed.
   */
  broken(error: CorruptionError, isLost: boolean): void;
  /** A leaf was reached and is sound; it is in a slot of a frame for as long as the call lasts. */
  leaf?(frame: Frame, slot: number, page: number): void;
}

/** What a walk counted. */
export interface TreeFigures {
  /** Levels, 1 = the root is a leaf. */
  depth: number;
  /** Entries in leaves. */
  entries: number;
  /** Leaf pages. */
  leaves: number;
  /** Branch pages. */
  branches: number;
}

/** Of `#nextLeaf`: leaves before this one were lost, so any may come. */
const ANY = -1;

/** A walk over a whole tree; a step is one node. */
export abstract class TreeWalk<Task> {
  /** The tree. */
  protected readonly tree: TreeSource;
  /** Who hears of what is met. */
  protected readonly visitor: TreeVisitor;
  /** What was counted. */
  protected readonly figures: TreeFigures = { depth: 0, entries: 0, leaves: 0, branches: 0 };
  /** Nodes still to be visited, the next one last. */
  protected readonly tasks: Task[] = [];
  #lastLeaf = 0;
  #nextLeaf = ANY;

  /** A walk that has not begun. */
  constructor(tree: TreeSource, visitor: TreeVisitor) {
    this.tree = tree;
    this.visitor = visitor;
  }

  /** Checks the root and makes it the first task. */
  protected abstract enterRoot(): void;

  /** Checks a node, and makes its children tasks. */
  protected abstract visit(task: Task): void;

  /** Walks; yields after each node. */
  *run(): Generator<void, TreeFigures, undefined> {
    this.attempt(() => this.enterRoot());
    for (let task = this.tasks.pop(); task; task = this.tasks.pop()) {
      if (!this.attempt(() => this.visit(task))) this.#nextLeaf = ANY;
      yield;
    }
    if (this.#nextLeaf > 0) this.#tellLink("the last leaf is linked to another");
    return this.figures;
  }

  /** Does something that gives up where a rule is broken; whether none was. */
  protected attempt(action: () => void): boolean {
    return this.#tell(action, true);
  }

  /** As `attempt`, for a rule that loses nothing when it is broken. */
  protected expect(action: () => void): void {
    this.#tell(action, false);
  }

  #tell(action: () => void, isLost: boolean): boolean {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.visitor.broken(error, isLost);
      return false;
    }
  }

  /** The frame and slot of a page, verified. */
  protected at(page: number): [Frame, number] {
    const { reader } = this.tree;
    const place = reader.at(page);
    return [reader.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK];
  }

  /** Tells that a page is reached, which no other way may lead to. */
  protected reach(page: number): void {
    if (!this.visitor.reached(page)) corruptHeader(page, 0, "the page is in a tree twice");
  }

  /** Counts a leaf and shows it, after the link of the one before. */
  protected countLeaf(frame: Frame, slot: number, page: number): void {
    if (this.#nextLeaf !== ANY && this.#nextLeaf !== page) {
      this.#tellLink(`is not linked to its neighbour, page ${page}`);
    }
    this.#lastLeaf = page;
    this.#nextLeaf = header.linkOf(frame, slot);
    this.figures.leaves++;
    this.figures.entries += header.entriesOf(frame, slot);
    this.visitor.leaf?.(frame, slot, page);
  }

  /** Tells what is wrong with the link of the last leaf. */
  #tellLink(rule: string): void {
    this.expect(() => corruptHeader(this.#lastLeaf, HEADER.link, rule));
  }
}
