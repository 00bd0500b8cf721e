/**
 * Walks a whole tree and reports every broken rule to a visitor. After a broken rule the walk
 * continues where it can, so that it finds all damage. The structure of each node was checked when
 * its page was loaded.
 *
 * Rules: a child is one level below its parent and of the same tree; all keys of a node are within
 * the bounds that its parents give it; leaves are linked in key order, the last to none; only the
 * root may be without entries; no page is in the tree twice; runs and fragments add up to their
 * values; each fragment has one owner.
 */

import {
  corrupt,
  corruptHeader,
  CorruptionError,
  format,
  type Frame,
  header,
  type PageNumber,
  type PageReader,
  type Slot,
} from "../../pager/mod.ts";
import { compareKeys } from "../node/key.ts";
import {
  cellAt,
  childAt,
  copyKey,
  hasLeafLayout,
  KEY_BYTES_MAX,
  LeafCell,
  REFERENCE_TAG,
} from "../node/node.ts";
import { checkFragments } from "../value/fragments.ts";
import { decodeReference, type Reference } from "../value/reference.ts";
import { runsOf } from "../value/runs.ts";
import { checkOwner } from "../value/shared_page.ts";
import { SharedOwners } from "./shared_owners.ts";

const { CHUNK_SHIFT, FLAG_HOLDS_RUNS, HEADER, KIND_BRANCH, KIND_LEAF, SLOT_MASK } = format;
const { entriesOf, flagsOf, kindOf, levelOf, linkOf, shapeOf, treeOf } = header;

/** A tree to walk. */
export interface TreeSource {
  /** The reader of its pages. */
  readonly reader: PageReader;
  /** Its number. */
  readonly id: number;
  /** Its root page. */
  readonly root: number;
}

/** Receives the events of a walk. */
export interface TreeVisitor {
  /** A page was reached. Returns whether for the first time. */
  reached(page: PageNumber): boolean;
  /**
   * A rule is broken.
   *
   * @param isLost Whether the subtree, or the value, cannot be followed.
   */
  broken(error: CorruptionError, isLost: boolean): void;
  /** An intact leaf was reached. Frame and slot are valid during the call. */
  leaf?(frame: Frame, slot: Slot, page: PageNumber): void;
}

/** The counts of a walk. */
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

/** The value of `#nextLeaf` after lost leaves: the next leaf may be any. */
const ANY = -1;

interface Visit {
  page: PageNumber;
  level: number;
  /** Keys of the page are not below this. */
  lower: Uint8Array | undefined;
  /** Keys of the page are below this. */
  upper: Uint8Array | undefined;
}

/** Walks a whole tree and reports every broken rule to a visitor. A step is one node. */
export function walkTree(
  tree: TreeSource,
  visitor: TreeVisitor,
): Generator<void, TreeFigures, undefined> {
  return new TreeWalk(tree, visitor).run();
}

class TreeWalk {
  /** The tree. */
  readonly #tree: TreeSource;
  /** The receiver of events. */
  readonly #visitor: TreeVisitor;
  /** The counts so far. */
  readonly #figures: TreeFigures = { depth: 0, entries: 0, leaves: 0, branches: 0 };
  /** The nodes still to visit, the next one last. */
  readonly #tasks: Visit[] = [];
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  readonly #cell = new LeafCell();
  readonly #owners = new SharedOwners();
  #lastLeaf = 0;
  #nextLeaf = ANY;
  /** Whether a broken rule may hide the owners of fragments. */
  #hasLost = false;

  constructor(tree: TreeSource, visitor: TreeVisitor) {
    this.#tree = tree;
    this.#visitor = visitor;
  }

  /** Walks; yields after each node. */
  *run(): Generator<void, TreeFigures, undefined> {
    this.#attempt(() => this.#enterRoot());
    for (let task = this.#tasks.pop(); task; task = this.#tasks.pop()) {
      if (!this.#attempt(() => this.#visit(task))) this.#nextLeaf = ANY;
      yield;
    }
    if (this.#nextLeaf > 0) this.#tellLink("the last leaf is linked to another");
    if (!this.#hasLost) this.#tellOwnerless();
    return this.#figures;
  }

  /** Runs an action that throws at a broken rule, and reports it. Returns whether none broke. */
  #attempt(action: () => void): boolean {
    return this.#tell(action, true);
  }

  /** Like `#attempt`, for a rule that loses no subtree or value if it is broken. */
  #expect(action: () => void): void {
    this.#tell(action, false);
  }

  #tell(action: () => void, isLost: boolean): boolean {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#visitor.broken(error, isLost);
      this.#hasLost ||= isLost;
      return false;
    }
  }

  /** The frame and slot of a page, verified. */
  #at(page: PageNumber): [Frame, number] {
    const { reader } = this.#tree;
    const place = reader.at(page);
    return [reader.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK];
  }

  /** Reports a page as reached. No other path may lead to it. */
  #reach(page: PageNumber): void {
    if (!this.#visitor.reached(page)) corruptHeader(page, 0, "the page is in a tree twice");
  }

  /** Checks the link of the previous leaf, counts a leaf, and passes it to the visitor. */
  #countLeaf(frame: Frame, slot: Slot, page: PageNumber): void {
    if (this.#nextLeaf !== ANY && this.#nextLeaf !== page) {
      this.#tellLink(`is not linked to its neighbour, page ${page}`);
    }
    this.#lastLeaf = page;
    this.#nextLeaf = linkOf(frame, slot);
    this.#figures.leaves++;
    this.#figures.entries += entriesOf(frame, slot);
    this.#visitor.leaf?.(frame, slot, page);
  }

  /** Reports a broken link of the last leaf. */
  #tellLink(rule: string): void {
    this.#expect(() => corruptHeader(this.#lastLeaf, HEADER.link, rule));
  }

  #enterRoot(): void {
    const { root } = this.#tree;
    const [frame, slot] = this.#at(root);
    const kind = kindOf(frame, slot);
    if (kind !== KIND_LEAF && kind !== KIND_BRANCH) {
      corruptHeader(root, HEADER.kind, `the root of a tree is of kind ${kind}`);
    }
    const level = levelOf(frame, slot);
    this.#figures.depth = level + 1;
    this.#tasks.push({ page: root, level, lower: undefined, upper: undefined });
  }

  #visit(visit: Visit): void {
    this.#reach(visit.page);
    this.#checkShape(visit);
    this.#expect(() => this.#checkFill(visit));
    this.#expect(() => this.#checkLower(visit));
    this.#expect(() => this.#checkUpper(visit));
    if (visit.level > 0) {
      this.#figures.branches++;
      for (const child of this.#children(visit).reverse()) this.#tasks.push(child);
    } else {
      this.#visitLeaf(visit);
    }
  }

  #checkShape({ page, level }: Visit): void {
    const [frame, slot] = this.#at(page);
    const shape = level === 0 ? KIND_LEAF : KIND_BRANCH | (level << 8);
    if ((shapeOf(frame, slot) & 0xffff) !== shape) {
      corruptHeader(page, HEADER.kind, `not a node of level ${level}, as its parent says`);
    }
    const { id } = this.#tree;
    if (treeOf(frame, slot) !== id) corruptHeader(page, HEADER.tree, `not a page of tree ${id}`);
  }

  #checkFill({ page }: Visit): void {
    const [frame, slot] = this.#at(page);
    if (entriesOf(frame, slot) === 0 && page !== this.#tree.root) {
      corruptHeader(page, HEADER.entries, "a node without entries is not the root");
    }
  }

  #checkLower({ page, lower }: Visit): void {
    const [frame, slot] = this.#at(page);
    const first = hasLeafLayout(frame, slot) ? 0 : 1;
    if (lower === undefined || entriesOf(frame, slot) <= first) return;
    const lowest = copyKey(frame, slot, first, this.#key);
    if (compareKeys(this.#key, lowest, lower, lower.length) < 0) {
      corrupt(page, 0, "a key is below what the parent says");
    }
  }

  #checkUpper({ page, upper }: Visit): void {
    const [frame, slot] = this.#at(page);
    const entries = entriesOf(frame, slot);
    if (upper === undefined || entries <= (hasLeafLayout(frame, slot) ? 0 : 1)) return;
    const highest = copyKey(frame, slot, entries - 1, this.#key);
    if (compareKeys(this.#key, highest, upper, upper.length) >= 0) {
      corrupt(page, 0, "a key is not below what the parent says");
    }
  }

  #children(visit: Visit): Visit[] {
    const [frame, slot] = this.#at(visit.page);
    const children: Visit[] = [];
    let { lower } = visit;
    for (let index = 0; index < entriesOf(frame, slot); index++) {
      if (index > 0) lower = this.#key.slice(0, copyKey(frame, slot, index, this.#key));
      const page = childAt(frame, slot, index);
      if (index > 0) children[index - 1]!.upper = lower;
      children.push({ page, level: visit.level - 1, lower, upper: visit.upper });
    }
    return children;
  }

  #visitLeaf({ page }: Visit): void {
    const [frame, slot] = this.#at(page);
    this.#countLeaf(frame, slot, page);
    // The check of a loaded page refuses a leaf that has references without the flag.
    if ((flagsOf(frame, slot) & FLAG_HOLDS_RUNS) === 0) return;
    const entries = entriesOf(frame, slot);
    for (let index = 0; index < entries; index++) this.#attempt(() => this.#visitRuns(page, index));
  }

  #visitRuns(page: PageNumber, index: number): void {
    const [frame, slot] = this.#at(page);
    this.#cell.read(frame.u8, cellAt(frame, slot, index));
    if (this.#cell.tag !== REFERENCE_TAG) return;
    const { reader, id } = this.#tree;
    const reference = decodeReference(frame.u8, this.#cell.valueAt);
    if (reference.number !== 0) {
      this.#visitFragments(reference, copyKey(frame, slot, index, this.#key));
    }
    for (const run of runsOf(reader, id, reference)) {
      for (let page = run.page; page < run.page + run.pages; page++) {
        reader.at(page);
        this.#reach(page);
      }
    }
  }

  /** Visits the fragments of an entry whose key is the first bytes of `#key`. */
  #visitFragments(reference: Reference, keyLength: number): void {
    const { reader, id } = this.#tree;
    const { page, number, secondPage, secondNumber } = reference;
    checkFragments(reader, id, reference);
    this.#noteOwner(page, checkOwner(reader, id, page, number, this.#key, keyLength));
    if (secondPage === 0) return;
    const others = checkOwner(reader, id, secondPage, secondNumber, this.#key, keyLength);
    this.#noteOwner(secondPage, others);
  }

  #noteOwner(page: PageNumber, fragments: number): void {
    if (this.#owners.note(page, fragments)) this.#reach(page);
  }

  #tellOwnerless(): void {
    for (const [page, count] of this.#owners.left()) {
      this.#expect(() => corrupt(page, 0, `no entry refers to ${count} fragments of the page`));
    }
  }
}
