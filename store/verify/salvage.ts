/**
 * Salvage: builds a new database from the intact pages of a damaged one.
 *
 * One method serves every kind of damage: it reads the whole file and takes each intact leaf
 * by its own header, whether or not a branch leads to it. It needs no branch, bitmap, catalog or
 * superblock. If they are intact, the superblock tells which commits of the journal to replay, and
 * the catalog supplies names. It sorts leaves by key; gaps between them show missing entries.
 *
 * It never writes to the damaged file. Besides the cache, memory holds the first and last key of
 * each leaf of one tree.
 */

import {
  type BTree,
  CATALOG_TREE,
  type CatalogEntry,
  firstLeafOf,
  isUnfinishedKey,
  readCatalogEntry,
  registerNodes,
} from "../../btree/mod.ts";
import {
  CorruptionError,
  type DamagedPages,
  format,
  inFile,
  openDamaged,
  type OpenedDamaged,
  openStillFile,
  pathOf,
} from "../../pager/mod.ts";
import { inSlices, type Progress } from "../maintenance/slices.ts";
import { checkOptions } from "../read/argument_checks.ts";
import { type Finding, Findings } from "./findings.ts";
import { type KeyGap, LeafMerge, type StrayEntry } from "./leaf_merge.ts";
import { Rebuild } from "./rebuild.ts";
import { isDamage, Survey, type TreeRemains } from "./survey.ts";
import { FILE_OPTION_TYPES, READ_CACHE_BYTES, type VerifyFileOptions } from "./verify.ts";

/** Options of `salvage`. */
export type SalvageOptions = VerifyFileOptions;

/** A gap between two saved keys, in which entries of a tree may be missing. */
export interface SalvageGap {
  /** The last key before the gap, or undefined. */
  readonly lower: Uint8Array | undefined;
  /** The first key after the gap, or undefined. */
  readonly upper: Uint8Array | undefined;
  /** The least number of missing entries. */
  readonly entries: number;
}

/** The saved and lost parts of a tree. */
export interface SalvagedTree {
  /** Its name in the new database. */
  readonly name: string;
  /** Whether the name is from the catalog; otherwise it is derived from the id of the tree. */
  readonly isNamed: boolean;
  /** Entries saved. */
  readonly entries: number;
  /** Entries of older leaves that were left out, because newer leaves cover their keys. */
  readonly superseded: number;
  /** Entries lost with damaged values. */
  readonly lostValues: number;
  /** The keys of these entries, at most `maxFindings`. */
  readonly lostKeys: readonly Uint8Array[];
  /** Gaps in which entries may be missing. */
  readonly gaps: readonly SalvageGap[];
}

/** The result of a salvage. */
export interface SalvageReport {
  /** Every tree. */
  readonly trees: readonly SalvagedTree[];
  /** Entries saved. */
  readonly entries: number;
  /** Whether a superblock is intact. */
  readonly hasSuperblock: boolean;
  /** Whether the journal was not needed, was replayed, or was unreadable and ignored. */
  readonly journal: "none" | "replayed" | "ignored";
  /** Known lost pages; a lost chunk may have held more. */
  readonly lostPages: number;
  /** Chunks of 256 pages without a readable header, which are lost whole. */
  readonly lostChunks: readonly number[];
  /** The first `maxFindings` findings: each lost page with the reason. */
  readonly findings: readonly Finding[];
  /** The number of all findings. */
  readonly findingCount: number;
}

/**
 * Builds a new database from the intact pages of a damaged one, which it only reads.
 *
 * It takes every leaf whose own header, sums and structure are intact, so it needs neither
 * superblocks nor catalog nor branches. It reports lost pages with the reason, and the keys between
 * which entries are missing. The new database passes `verify`.
 *
 * It is written to `to` with `.unfinished` added, and renamed once it is complete and synced. A
 * program with permission for `to` alone writes to `to` itself, which cannot be opened before it is
 * whole. Its permissions are no wider than those of the damaged file.
 *
 * ```ts
 * import { open, salvage } from "../../mod.ts";
 *
 * const dir = Deno.makeTempDirSync();
 * {
 *   using db = open(`${dir}/broken.quire`);
 *   await db.tree("cities").set("Lisboa", new Uint8Array([1]));
 * }
 * const file = Deno.openSync(`${dir}/broken.quire`, { write: true });
 * file.seekSync(8192, Deno.SeekMode.Start);
 * file.writeSync(new Uint8Array(2 * 8192)); // Both superblocks are gone.
 * file.close();
 *
 * const { trees } = await salvage(`${dir}/broken.quire`, `${dir}/saved.quire`);
 * console.assert(trees[0]?.name === "cities" && trees[0].entries === 1);
 * {
 *   using saved = open(`${dir}/saved.quire`);
 *   console.assert(saved.tree("cities").has("Lisboa"));
 * }
 * Deno.removeSync(dir, { recursive: true });
 * ```
 *
 * @param from The damaged file, as a path or a `file:` URL. No handle may have it open for writing.
 * @param to The path of the new database. No file may exist there; after an error none does.
 * @throws {CorruptionError} No part of the file belongs to a Quire database.
 * @throws {IoError} A file exists at `to`, or the system refused.
 * @throws {LockedError} Another handle writes to the damaged file.
 * @throws {TypeError} A path or an option has the wrong type, or a URL is not a `file:` URL.
 * @throws {RangeError} An option is out of range.
 */
export async function salvage(
  from: string | URL,
  to: string | URL,
  options: SalvageOptions = {},
): Promise<SalvageReport> {
  const [source, target] = [pathOf("salvage", from), pathOf("salvage", to)];
  checkOptions("salvage", options, FILE_OPTION_TYPES);
  const { cacheBytes = READ_CACHE_BYTES, lockTimeoutMs = 0 } = options;
  const findings = new Findings(options.maxFindings);
  const file = openStillFile(source, { lockTimeoutMs });
  try {
    const opened = openDamaged(file, cacheBytes);
    const { pages } = opened;
    if (pages === undefined) {
      throw inFile(opened.findings[0] ?? new CorruptionError(0, 0, "no pages"), source);
    }
    registerNodes(pages);
    opened.findings.forEach((error) => findings.add(error));
    const rebuild = new Rebuild(target, cacheBytes, source);
    try {
      const work = new Salvage(opened, pages, rebuild, findings).run();
      const report = await inSlices(work, options);
      rebuild.finish();
      return report;
    } catch (error) {
      rebuild.abandon();
      throw error;
    }
  } finally {
    file.close();
  }
}

class Salvage {
  readonly #opened: OpenedDamaged;
  readonly #pages: DamagedPages;
  readonly #rebuild: Rebuild;
  readonly #findings: Findings;
  readonly #report = (error: CorruptionError) => this.#findings.add(error);
  readonly #survey = new Survey();
  /** The catalog entries of trees, by number. */
  readonly #catalog = new Map<number, CatalogEntry>();
  readonly #names = new Set<string>();
  readonly #trees: SalvagedTree[] = [];
  /** The bytes that values may have which are not saved yet. */
  #valueBytesLeft: number;
  #leavesDone = 0;
  #leaves = 0;

  constructor(opened: OpenedDamaged, pages: DamagedPages, rebuild: Rebuild, findings: Findings) {
    this.#opened = opened;
    this.#pages = pages;
    this.#rebuild = rebuild;
    this.#findings = findings;
    this.#valueBytesLeft = pages.meta.pageCount * format.PAGE_BYTES;
  }

  *run(): Generator<Progress, SalvageReport, undefined> {
    const survey = this.#survey;
    yield* survey.run((report) => this.#pages.scrub(report), this.#report);
    this.#readCatalog();
    const trees = survey.trees.filter((remains) => this.#isWanted(remains));
    this.#leaves = trees.reduce((sum, { leaves }) => sum + leaves.length, 0);
    for (const remains of trees.sort((a, b) => a.id - b.id)) yield* this.#saveTree(remains);
    yield { phase: "entries", done: this.#leaves, total: this.#leaves };
    return this.#result();
  }

  #result(): SalvageReport {
    const { hasSuperblock, journal } = this.#opened;
    const { lostPages, lostChunks } = this.#survey;
    return {
      trees: this.#trees,
      entries: this.#trees.reduce((sum, { entries }) => sum + entries, 0),
      hasSuperblock,
      journal,
      lostPages,
      lostChunks,
      findings: this.#findings.kept,
      findingCount: this.#findings.count,
    };
  }

  /** Reads names, including those of trees that have lost all leaves. */
  #readCatalog(): void {
    const remains = this.#survey.remainsOf(CATALOG_TREE);
    const merge = new LeafMerge(this.#pages, remains, this.#report);
    for (const { key, value } of merge.entries()) {
      // An unfinished value is not an entry.
      if (isUnfinishedKey(key)) continue;
      try {
        const { nextTreeId } = this.#pages.meta;
        const entry = readCatalogEntry(key, value(), 0, nextTreeId);
        // For a tree with both kinds of record, the live one counts.
        if (this.#catalog.get(entry.id)?.name === undefined) this.#catalog.set(entry.id, entry);
      } catch (error) {
        if (isDamage(error)) this.#report(error);
      }
    }
    for (const { id, name } of this.#catalog.values()) {
      if (name === undefined) continue;
      this.#survey.remainsOf(id);
      this.#names.add(name);
    }
  }

  /** Whether a tree is neither the catalog nor dropped. */
  #isWanted({ id }: TreeRemains): boolean {
    if (id === CATALOG_TREE) return false;
    const entry = this.#catalog.get(id);
    return entry === undefined || entry.name !== undefined;
  }

  *#saveTree(remains: TreeRemains): Generator<Progress, void, undefined> {
    const { id } = remains;
    const entry = this.#catalog.get(id);
    const name = entry?.name ?? this.#makeName(id);
    const merge = new LeafMerge(this.#pages, remains, this.#report);
    const tree = this.#rebuild.create(name, entry ? { attributes: entry.attributes } : {});
    const lostKeys: Uint8Array[] = [];
    let entries = 0;
    let lostValues = 0;
    for (const stray of merge.entries()) {
      if (this.#put(tree, stray)) entries++;
      else if (++lostValues <= this.#findings.most) lostKeys.push(stray.key.slice());
      yield { phase: "entries", done: this.#leavesDone, total: this.#leaves };
    }
    this.#leavesDone += remains.leaves.length;
    const { superseded } = merge;
    const gaps = this.#gapsOf(merge, entry).map(({ lower, upper, entries }) => ({
      lower: lower?.slice(),
      upper: upper?.slice(),
      entries,
    }));
    const isNamed = entry !== undefined;
    this.#trees.push({ name, isNamed, entries, superseded, lostValues, lostKeys, gaps });
  }

  /** Saves an entry; false if its value is lost. */
  #put(tree: BTree, { key, page, valueLength, value }: StrayEntry): boolean {
    let bytes: Uint8Array;
    try {
      this.#checkRoom(page, valueLength());
      bytes = value();
      this.#valueBytesLeft -= bytes.length;
    } catch (error) {
      if (isDamage(error)) this.#report(error);
      return false;
    }
    this.#rebuild.put(tree, key, bytes);
    return true;
  }

  /** Each value has bytes of its own in the file; forged leaves refer to one many times. */
  #checkRoom(page: number, length: number): void {
    if (length <= this.#valueBytesLeft) return;
    const offset = page * format.PAGE_BYTES;
    throw new CorruptionError(page, offset, "the values are longer than the file");
  }

  #gapsOf(merge: LeafMerge, entry: CatalogEntry | undefined): KeyGap[] {
    let first: number | undefined;
    try {
      first = entry && firstLeafOf({ reader: this.#pages, id: entry.id, root: entry.root });
    } catch (error) {
      // The damaged branch is already reported.
      isDamage(error);
    }
    return merge.gaps(first, this.#survey.hasUnknown || !this.#opened.isWhole);
  }

  #makeName(id: number): string {
    let name = `tree-${id}`;
    for (let count = 2; this.#names.has(name); count++) name = `tree-${id}-${count}`;
    this.#names.add(name);
    return name;
  }
}
