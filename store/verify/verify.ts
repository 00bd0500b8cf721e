/**
 * Checking a whole file, and telling of everything in it that breaks a rule of the format.
 *
 * Three passes. The first reads the file from end to end: superblocks, headers, bitmaps, sums, the
 * structure of each page, runs, the journal's areas (`Scrub`). The second walks every tree from the
 * catalog on: order, bounds, depths, siblings, values, each page reached once (`walkTree`), and
 * then the values that streams have not finished (`walkUnfinished`). The third reads the headers
 * again: each page in use was reached.
 *
 * A damaged page is told of once. What lies below it cannot be reached, and is counted rather than
 * told of page by page. Nothing is written, and memory is two bits a page beside the cache.
 */

import {
  CATALOG_TREE,
  type CatalogEntry,
  EXTRA_NODE_CHECKS,
  isUnfinishedKey,
  LeafBatch,
  readCatalogEntry,
  readRuns,
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
  openDiskFile,
  type PageReader,
  PageSet,
  pathOf,
  type RecoveryReport,
  type Report,
  type Scrub,
  type ScrubOptions,
  SLOT_LOST,
  SLOT_PAGE_LOST,
  SLOT_SOUND,
} from "../../pager/mod.ts";
import { type Finding, findingOf, Findings } from "./findings.ts";
import { checkOptions, type OptionTypes, PROGRESS_TYPES } from "../read/argument_checks.ts";
import { inSlices, type Progress, type ProgressOptions } from "./slices.ts";

const { CHUNK_PAGES, FRESH_PAGES, KIND_FREE, KIND_RUN, KIND_RUN_CONTINUED } = format;
const { PAGE_BYTES, SUPERBLOCK_PAGE } = format;
const { entriesOf, headerPosition, kindOf, linkOf, treeOf, versionOf } = header;

/** `cacheBytes` of `verify` and `salvage` unless said otherwise. */
export const READ_CACHE_BYTES: number = 64 * 1024 * 1024;

/** How to verify a database. */
export interface VerifyOptions extends ProgressOptions {
  /** How many findings to keep; all are counted. Default 1000. */
  maxFindings?: number | undefined;
}

/** How to verify a file. */
export interface VerifyFileOptions extends VerifyOptions {
  /** The most memory for pages, in bytes. Default 64 MiB. */
  cacheBytes?: number | undefined;
  /** How long to wait for another handle to close, in milliseconds. Default 0. */
  lockTimeoutMs?: number | undefined;
}

/** What is in a file, and what is wrong with it. */
export interface VerifyReport {
  /** Whether nothing is wrong but what is `repairable`. */
  readonly ok: boolean;
  /** Pages in use by trees. */
  readonly pages: number;
  /** Trees in the catalog. */
  readonly trees: number;
  /** Entries that were reached in them. */
  readonly entries: number;
  /** Broken rules, as many as were to be kept. */
  readonly findings: readonly Finding[];
  /** How many broken rules there are. */
  readonly findingCount: number;
  /**
   * What a power cut has left unfinished, and opening the file for writing repairs: a copy of the
   * superblock that is not whole while the other is, or a creation that was cut. No data is lost by
   * it. A copy of the superblock that the medium has damaged looks the same. A file without bytes,
   * or of zeros, is none of this: it may be what is left of any file.
   */
  readonly repairable: readonly Finding[];
  /** Pages in use that are not reached because of damage told of above them. */
  readonly unreached: number;
  /** What recovery, in memory, did to a file that had not been closed. */
  readonly recovery: RecoveryReport | undefined;
}

/** What is wrong with a file whose creation was cut. */
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
 * Checks a whole file that nobody has open for writing: every page and header, every tree, every
 * value. Tells of everything that is wrong, and changes nothing; a file that was not closed is
 * recovered in memory first.
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
 * @param path Where the file is, as a path or a `file:` URL.
 * @throws {LockedError} Another handle writes to it.
 * @throws {IoError} The system refused.
 * @throws {TypeError} The path or an option is of a wrong type, or the path is a URL that is not of
 * a file.
 * @throws {RangeError} An option is out of its range.
 */
export async function verify(
  path: string | URL,
  options: VerifyFileOptions = {},
): Promise<VerifyReport> {
  const place = pathOf("verify", path);
  checkOptions("verify", options, FILE_OPTION_TYPES);
  const { lockTimeoutMs = 0 } = options;
  const file = openDiskFile(place, { readOnly: true, lockTimeoutMs });
  try {
    return await verifyFile(file, options);
  } finally {
    file.close();
  }
}

/** As `verify`, for a file that is open and locked; it is left open. */
export async function verifyFile(
  file: File,
  options: VerifyFileOptions = {},
): Promise<VerifyReport> {
  return await inSlices(verifySteps(file, options), options);
}

/** As `verifyFile`, a step at a time, for whoever cannot wait for a promise. */
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

/** What is verified. */
export interface VerifyTarget {
  /** Where trees are read. */
  readonly reader: PageReader;
  /** Reads the file from end to end. */
  readonly scrub: (report: Report, options: ScrubOptions) => Scrub;
  /** Throws when it cannot be read any more. */
  checkOpen(): void;
}

/** Verifies what is open. */
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
  /** Pages that were told of: what else is wrong with them follows from that. */
  readonly #damaged: PageSet;
  /** Trees of which a part could not be reached. */
  readonly #lossy = new Set<number>();
  readonly #catalog = new Map<number, CatalogEntry>();
  readonly #unfinished: Unfinished[] = [];
  /** The tree that is being walked, or that an unfinished value is for. */
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
    yield* this.#readAll(scrub);
    yield* this.#walkTrees();
    yield* this.#findOwners(scrub);
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
        if (state === SLOT_SOUND || state === SLOT_PAGE_LOST) this.pages++;
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

  /** Walks a tree; returns how many entries were reached. */
  *#walk(id: number, root: number): Generator<Progress, number, undefined> {
    this.#tree = id;
    const source = { reader: this.#reader, id, root };
    const steps = walkTree(source, this);
    return (yield* this.#tellSteps(steps)).entries;
  }

  /** Takes the steps of a walk; returns what the walk does. */
  *#tellSteps<T>(steps: Generator<void, T, undefined>): Generator<Progress, T, undefined> {
    for (;;) {
      this.#target.checkOpen();
      const step = steps.next();
      if (step.done) return step.value;
      // One less than all, so that the end of the phase is told once.
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

  /** For `TreeVisitor`: leaves of the catalog say which trees there are, and unfinished values. */
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
        : readRuns(this.#reader, CATALOG_TREE, value, 0);
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
    // Without a catalog no tree can be told to be in none.
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
    if (page < FRESH_PAGES || states[slot] !== SLOT_SOUND || kindOf(frame, slot) === KIND_FREE) {
      return;
    }
    // What was written since the walk began is for the next one to reach.
    if (versionOf(frame, slot) > this.#reader.meta.version) return;
    if (this.#reached.has(page) || this.#damaged.has(page)) return;
    const tree = treeOf(frame, slot);
    const isKnown = tree === CATALOG_TREE || this.#catalog.has(tree);
    if (this.#mayBeLost(tree, isKnown, kindOf(frame, slot))) {
      this.unreached++;
      return;
    }
    // Of a run, its first page is told of.
    if (kindOf(frame, slot) === KIND_RUN_CONTINUED && !this.#reached.has(linkOf(frame, slot))) {
      return;
    }
    const rule = isKnown
      ? `in use by tree ${tree}, which does not lead to it`
      : `in use by tree ${tree}, which is not in the catalog`;
    this.#findings.add({ page, offset: headerPosition(page), rule });
  }

  /** Whether what leads to a page may be damaged: its tree, or, of a run, an unfinished value. */
  #mayBeLost(tree: number, isKnown: boolean, kind: number): boolean {
    if (this.#lossy.has(tree)) return true;
    const isNamedByCatalog = !isKnown || kind === KIND_RUN || kind === KIND_RUN_CONTINUED;
    return isNamedByCatalog && this.#lossy.has(CATALOG_TREE);
  }
}
