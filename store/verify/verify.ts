/**
 * Verification: checks a whole file, and reports every broken rule of the format.
 *
 * It has three passes. The first reads the whole file: superblocks, headers, bitmaps, sums, the
 * structure of each page, runs, and the journal areas (`Scrub`). The second walks the catalog and
 * every tree: order, bounds, depths, siblings, values, each page reached once (`walkTree`), and
 * then unfinished values (`walkUnfinished`). The third reads the headers again and checks that each
 * page in use was reached.
 *
 * A damaged page is reported once. Pages below it cannot be reached; they are counted, not
 * reported. Verification writes nothing. Besides the cache it uses memory for one chunk, for each
 * tree in the catalog, and at most two bits per page.
 */

import {
  CATALOG_TREE,
  type CatalogEntry,
  EXTRA_NODE_CHECKS,
  isUnfinishedKey,
  LeafBatch,
  readCatalogEntry,
  readReferenced,
  readUnfinished,
  registerNodes,
  type TreeVisitor,
  type Unfinished,
  walkTree,
  walkUnfinished,
} from "../../btree/mod.ts";
import {
  CorruptionError,
  type File,
  format,
  type Frame,
  header,
  openDamaged,
  openStillFile,
  type PageReader,
  PageSet,
  pathOf,
  type RecoveryReport,
  type Report,
  type Scrub,
  type ScrubOptions,
  SLOT_INTACT,
  SLOT_LOST,
  SLOT_PAGE_LOST,
} from "../../pager/mod.ts";
import { inSlices, type Progress, type ProgressOptions } from "../maintenance/slices.ts";
import { checkOptions, type OptionTypes, PROGRESS_TYPES } from "../read/argument_checks.ts";
import { type Finding, findingOf, Findings } from "./findings.ts";

const { CHUNK_PAGES, FRESH_PAGES, KIND_FREE, KIND_RUN, KIND_RUN_CONTINUED } = format;
const { PAGE_BYTES, SUPERBLOCK_PAGE } = format;
const { entriesOf, headerPosition, kindOf, linkOf, treeOf, versionOf } = header;

/** The default of `cacheBytes` of `verify` and `salvage`. */
export const READ_CACHE_BYTES: number = 64 * 1024 * 1024;

/** Options of `Database.verify`. */
export interface VerifyOptions extends ProgressOptions {
  /** The most findings to keep; all are counted. Default 1000. */
  maxFindings?: number | undefined;
}

/** Options of `verify`. */
export interface VerifyFileOptions extends VerifyOptions {
  /** The page cache limit, in bytes. Default 64 MiB. */
  cacheBytes?: number | undefined;
  /** The time to wait for another handle to close, in milliseconds. Default 0. */
  lockTimeoutMs?: number | undefined;
}

/** The result of a verification. */
export interface VerifyReport {
  /** Whether the file is intact, apart from `repairable` findings. */
  readonly ok: boolean;
  /** Pages in use by trees. */
  readonly pages: number;
  /** Trees in the catalog. */
  readonly trees: number;
  /** Entries reached in these trees. */
  readonly entries: number;
  /** The first `maxFindings` broken rules. */
  readonly findings: readonly Finding[];
  /** The number of all broken rules. */
  readonly findingCount: number;
  /**
   * Findings of a power cut, which opening the file for writing repairs: one damaged copy of the
   * superblock while the other is intact, or an interrupted creation. No data is lost by it. A copy
   * of the superblock that the medium has damaged looks the same. A file without bytes, or of
   * zeros, is not repairable: it may be the remains of any file.
   */
  readonly repairable: readonly Finding[];
  /** Pages in use that were not reached because of reported damage above them. */
  readonly unreached: number;
  /** The report of the recovery in memory of a file that was not closed. */
  readonly recovery: RecoveryReport | undefined;
}

/** The finding of an interrupted creation. */
const CUT: Finding = {
  page: SUPERBLOCK_PAGE,
  offset: SUPERBLOCK_PAGE * PAGE_BYTES,
  rule: "the creation of the database was cut",
};

const OPTION_TYPES: OptionTypes = { ...PROGRESS_TYPES, maxFindings: "number" };
/** The options of `verify` and `salvage` of a file, and their types. */
export const FILE_OPTION_TYPES: OptionTypes = {
  ...OPTION_TYPES,
  cacheBytes: "number",
  lockTimeoutMs: "number",
};

/**
 * Checks a whole file that no handle has open for writing: every page and header, every tree, every
 * value. It reports every broken rule, and changes nothing. A file that was not closed is recovered
 * in memory first.
 *
 * ```ts
 * import { open, verify } from "../../mod.ts";
 *
 * const path = Deno.makeTempFileSync({ suffix: ".quire" });
 * {
 *   using db = open(path);
 *   await db.tree("cities").set("Lisboa", new Uint8Array([1]));
 * }
 * const report = await verify(path);
 * console.assert(report.ok && report.trees === 1 && report.entries === 1);
 * Deno.removeSync(path);
 * ```
 *
 * @param path The file, as a path or a `file:` URL.
 * @throws {LockedError} Another handle writes to it.
 * @throws {IoError} The system refused.
 * @throws {TypeError} The path or an option has the wrong type, or the URL is not a `file:` URL.
 * @throws {RangeError} An option is out of range.
 */
export async function verify(
  path: string | URL,
  options: VerifyFileOptions = {},
): Promise<VerifyReport> {
  const place = pathOf("verify", path);
  checkOptions("verify", options, FILE_OPTION_TYPES);
  const { lockTimeoutMs = 0 } = options;
  const file = openStillFile(place, { lockTimeoutMs });
  try {
    return await verifyFile(file, options);
  } finally {
    file.close();
  }
}

/** Like `verify`, for a file that is open and locked. It stays open. */
export async function verifyFile(
  file: File,
  options: VerifyFileOptions = {},
): Promise<VerifyReport> {
  return await inSlices(verifySteps(file, options), options);
}

/** Like `verifyFile`, a step at a time, for synchronous callers. */
export function* verifySteps(
  file: File,
  { cacheBytes = READ_CACHE_BYTES, maxFindings }: VerifyFileOptions = {},
): Generator<Progress, VerifyReport, undefined> {
  const findings = new Findings(maxFindings);
  const { pages, recovery, findings: found, isCreationCut } = openDamaged(file, cacheBytes);
  if (isCreationCut) return { ...reportOf(undefined, findings, undefined), repairable: [CUT] };
  found.forEach((error) => findings.add(error));
  if (pages === undefined) return reportOf(undefined, findings, undefined);
  registerNodes(pages);
  const target = { reader: pages, scrub: pages.scrub.bind(pages), checkOpen: () => {} };
  const verification = new Verification(target, findings);
  yield* verification.run();
  return reportOf(verification, findings, recovery);
}

/** The target of a verification. */
export interface VerifyTarget {
  /** The reader of trees. */
  readonly reader: PageReader;
  /** Reads the file from end to end. */
  readonly scrub: (report: Report, options: ScrubOptions) => Scrub;
  /** Throws if the target is closed. */
  checkOpen(): void;
}

/** Verifies an open target. */
export async function verifyOpen(
  target: VerifyTarget,
  options: VerifyOptions,
): Promise<VerifyReport> {
  checkOptions("verify", options, OPTION_TYPES);
  const findings = new Findings(options.maxFindings);
  const verification = new Verification(target, findings);
  await inSlices(verification.run(), options);
  return reportOf(verification, findings, undefined);
}

function reportOf(
  verification: Verification | undefined,
  findings: Findings,
  recovery: RecoveryReport | undefined,
): VerifyReport {
  return {
    ok: findings.count === 0,
    pages: verification?.pages ?? 0,
    trees: verification?.trees ?? 0,
    entries: verification?.entries ?? 0,
    findings: findings.kept,
    findingCount: findings.count,
    repairable: verification?.repairable ?? [],
    unreached: verification?.unreached ?? 0,
    recovery,
  };
}

class Verification implements TreeVisitor {
  pages = 0;
  trees = 0;
  entries = 0;
  unreached = 0;
  repairable: readonly Finding[] = [];

  readonly #target: VerifyTarget;
  readonly #reader: PageReader;
  readonly #findings: Findings;
  readonly #reached: PageSet;
  /** Reported pages: further findings on them follow from the first. */
  readonly #damaged: PageSet;
  /** Trees with an unreachable part. */
  readonly #lossy = new Set<number>();
  readonly #catalog = new Map<number, CatalogEntry>();
  readonly #unfinished: Unfinished[] = [];
  /** The tree being walked, or the tree of an unfinished value. */
  #tree = CATALOG_TREE;

  constructor(target: VerifyTarget, findings: Findings) {
    this.#target = target;
    this.#reader = target.reader;
    this.#findings = findings;
    this.#reached = new PageSet();
    this.#damaged = new PageSet();
  }

  *run(): Generator<Progress, void, undefined> {
    const extra: ScrubOptions["extra"] = [];
    for (const [kind, check] of EXTRA_NODE_CHECKS) extra[kind] = check;
    const scrub = this.#target.scrub((error) => this.#findings.add(error), { extra });
    try {
      yield* this.#readAll(scrub);
      yield* this.#walkTrees();
      yield* this.#findOwners(scrub);
    } finally {
      scrub.close();
    }
  }

  *#readAll(scrub: Scrub): Generator<Progress, void, undefined> {
    this.repairable = scrub.superblocks().map(findingOf);
    const total = this.#reader.meta.pageCount;
    // A database in use may grow meanwhile.
    for (let chunk = 0; chunk < Math.min(scrub.chunks, format.chunksOf(total)); chunk++) {
      this.#target.checkOpen();
      scrub.chunk(chunk);
      const first = chunk * CHUNK_PAGES;
      for (let slot = 1; slot < CHUNK_PAGES; slot++) {
        const state = scrub.states[slot];
        if (state === SLOT_INTACT || state === SLOT_PAGE_LOST) this.pages++;
        if (state === SLOT_PAGE_LOST || state === SLOT_LOST) this.#damaged.add(first + slot);
      }
      yield { phase: "pages", done: Math.min(first + CHUNK_PAGES, total), total };
    }
  }

  *#walkTrees(): Generator<Progress, void, undefined> {
    const { catalogRoot } = this.#reader.meta;
    if (catalogRoot !== 0) yield* this.#walk(CATALOG_TREE, catalogRoot);
    for (const { id, root, name } of this.#catalog.values()) {
      const entries = yield* this.#walk(id, root);
      if (name === undefined) continue;
      this.trees++;
      this.entries += entries;
    }
    for (const value of this.#unfinished) {
      this.#tree = value.tree;
      yield* this.#tellSteps(walkUnfinished(this.#reader, value, this));
    }
    const total = this.#reached.size;
    yield { phase: "trees", done: total, total };
  }

  /** Walks a tree. Returns the number of entries reached. */
  *#walk(id: number, root: number): Generator<Progress, number, undefined> {
    this.#tree = id;
    const source = { reader: this.#reader, id, root };
    const steps = walkTree(source, this);
    return (yield* this.#tellSteps(steps)).entries;
  }

  /** Takes the steps of a walk, and returns its result. */
  *#tellSteps<T>(steps: Generator<void, T, undefined>): Generator<Progress, T, undefined> {
    for (;;) {
      this.#target.checkOpen();
      const step = steps.next();
      if (step.done) return step.value;
      // One less than all, so that the end of the phase is reported once.
      const done = Math.min(this.#reached.size, Math.max(this.pages - 1, 0));
      yield { phase: "trees", done, total: this.pages };
    }
  }

  /** For `TreeVisitor`. */
  reached(page: number): boolean {
    return this.#reached.add(page);
  }

  /** For `TreeVisitor`. */
  broken(error: CorruptionError, isLost: boolean): void {
    if (isLost) this.#lossy.add(this.#tree);
    if (!this.#damaged.has(error.page)) this.#findings.add(error);
  }

  /** For `TreeVisitor`: leaves of the catalog list the trees and the unfinished values. */
  leaf(frame: Frame, slot: number, page: number): void {
    if (this.#tree !== CATALOG_TREE) return;
    const batch = new LeafBatch();
    batch.fill(frame, slot, 0, entriesOf(frame, slot));
    for (let i = 0; i < batch.count; i++) this.#readEntry(batch, i, page);
  }

  #readEntry(batch: LeafBatch, index: number, page: number): void {
    try {
      const value = batch.value(index);
      const record = batch.isReference[index] === 0
        ? value
        : readReferenced(this.#reader, CATALOG_TREE, value, 0);
      const { nextTreeId } = this.#reader.meta;
      const key = batch.key(index);
      if (isUnfinishedKey(key)) {
        this.#unfinished.push(readUnfinished(key, record, page, nextTreeId));
        return;
      }
      const entry = readCatalogEntry(key, record, page, nextTreeId);
      if (this.#catalog.has(entry.id)) {
        const position = headerPosition(page);
        throw new CorruptionError(page, position, `the catalog names tree ${entry.id} twice`);
      }
      this.#catalog.set(entry.id, entry);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.broken(error, true);
    }
  }

  *#findOwners(scrub: Scrub): Generator<Progress, void, undefined> {
    const total = this.#reader.meta.pageCount;
    // Without a superblock the trees are unknown, so no page lacks an owner.
    if (scrub.hasSuperblock) {
      for (let chunk = 0; chunk < Math.min(scrub.chunks, format.chunksOf(total)); chunk++) {
        this.#target.checkOpen();
        scrub.headers(chunk);
        const first = chunk * CHUNK_PAGES;
        for (let slot = 1; slot < CHUNK_PAGES; slot++) this.#findOwner(scrub, slot, first);
        yield { phase: "owners", done: Math.min(first + CHUNK_PAGES, total - 1), total };
      }
    }
    yield { phase: "owners", done: total, total };
  }

  #findOwner({ frame, states }: Scrub, slot: number, first: number): void {
    const page = first + slot;
    if (page < FRESH_PAGES || states[slot] !== SLOT_INTACT || kindOf(frame, slot) === KIND_FREE) {
      return;
    }
    // Pages written since the walk began belong to a later verification.
    if (versionOf(frame, slot) > this.#reader.meta.version) return;
    if (this.#reached.has(page) || this.#damaged.has(page)) return;
    const tree = treeOf(frame, slot);
    const isKnown = tree === CATALOG_TREE || this.#catalog.has(tree);
    if (this.#mayBeLost(tree, isKnown, kindOf(frame, slot))) {
      this.unreached++;
      return;
    }
    // A run is reported at its first page.
    if (kindOf(frame, slot) === KIND_RUN_CONTINUED && !this.#reached.has(linkOf(frame, slot))) {
      return;
    }
    const rule = isKnown
      ? `in use by tree ${tree}, which does not lead to it`
      : `in use by tree ${tree}, which is not in the catalog`;
    this.#findings.add({ page, offset: headerPosition(page), rule });
  }

  /** Whether damage may hide the owner of a page: its tree or, for a run, an unfinished value. */
  #mayBeLost(tree: number, isKnown: boolean, kind: number): boolean {
    if (this.#lossy.has(tree)) return true;
    const isNamedByCatalog = !isKnown || kind === KIND_RUN || kind === KIND_RUN_CONTINUED;
    return isNamedByCatalog && this.#lossy.has(CATALOG_TREE);
  }
}
