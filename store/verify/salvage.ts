/**
 * Building a new database from what can be trusted in a damaged one.
 *
 * One way for every kind of damage: the file is read from end to end, and each leaf that is sound
 * by its own header is taken, whatever leads to it. So no branch, no bitmap, no catalog and no
 * superblock is needed; where they are there, the superblock tells which commits the journal still
 * has to supply, and the catalog tells names. Leaves are sorted by key; gaps between them show
 * where entries are missing.
 *
 * The damaged file is never written. In memory are, beside the cache, the first and the last key of
 * each leaf of one tree.
 */

import {
  CATALOG_TREE,
  type CatalogEntry,
  firstLeafOf,
  isUnfinishedKey,
  readCatalogEntry,
  registerNodes,
} from "../../btree/mod.ts";
import {
  CorruptionError,
  openDamaged,
  openDiskFile,
  type OpenedDamaged,
  pathOf,
} from "../../pager/mod.ts";
import type { DamagedPages } from "../../pager/mod.ts";
import { type Finding, Findings } from "./findings.ts";
import { type KeyGap, LeafMerge } from "./leaf_merge.ts";
import { checkOptions } from "../read/argument_checks.ts";
import { Rebuild } from "./rebuild.ts";
import { inSlices, type Progress } from "./slices.ts";
import { isDamage, Survey, type TreeRemains } from "./survey.ts";
import { FILE_OPTION_TYPES, READ_CACHE_BYTES, type VerifyFileOptions } from "./verify.ts";

/** How to salvage a database. */
export type SalvageOptions = VerifyFileOptions;

/** Where entries of a tree may be missing: between two keys that are there. */
export interface SalvageGap {
  /** The last key before it, or undefined where none is. */
  readonly lower: Uint8Array | undefined;
  /** The first key after it, or undefined where none is. */
  readonly upper: Uint8Array | undefined;
  /** At least so many entries are missing there. */
  readonly entries: number;
}

/** What was saved and lost of a tree. */
export interface SalvagedTree {
  /** Its name in the new database. */
  readonly name: string;
  /** Whether the catalog told the name; else it is made from the tree's number. */
  readonly isNamed: boolean;
  /** Entries saved. */
  readonly entries: number;
  /** Entries that older leaves had and newer ones did not have any more. */
  readonly superseded: number;
  /** Entries lost because their values are damaged. */
  readonly lostValues: number;
  /** Their keys, no more than findings are kept. */
  readonly lostKeys: readonly Uint8Array[];
  /** Where entries may be missing. */
  readonly gaps: readonly SalvageGap[];
}

/** What was saved and lost. */
export interface SalvageReport {
  /** Every tree. */
  readonly trees: readonly SalvagedTree[];
  /** Entries saved. */
  readonly entries: number;
  /** Whether a superblock told what is in the file. */
  readonly hasSuperblock: boolean;
  /** Whether the journal was not needed, was replayed, or could not be read and was left out. */
  readonly journal: "none" | "replayed" | "ignored";
  /** Pages lost, as far as anything is known of them. */
  readonly lostPages: number;
  /** Chunks of 256 pages of which no header could be read, so that all in them is lost. */
  readonly lostChunks: readonly number[];
  /** What is wrong with the file, as much as was to be kept: each lost page with the reason. */
  readonly findings: readonly Finding[];
  /** How many findings there were. */
  readonly findingCount: number;
}

/**
 * Builds a new database from what can be trusted in a damaged one, which is only read.
 *
 * It takes every leaf whose own header, sums and structure are right, so it needs neither
 * superblocks nor catalog nor branches. What it cannot save, it names: lost pages with the reason,
 * and the keys between which entries are missing. The new database passes `verify`.
 *
 * It is written to `to` with `.unfinished` added, and gets its name when it is whole and on the
 * medium. A program that has permission for `to` alone writes to `to` itself; nobody can open that
 * before it is whole. Nobody gets a permission on it that is not on the damaged file.
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
 * @param from The damaged file, as a path or a `file:` URL. Nobody may have it open for writing.
 * @param to Where the new database goes. Nothing may be there; after an error nothing is.
 * @throws {CorruptionError} Nothing in the file is of a Quire database.
 * @throws {IoError} There is something at `to`, or the system refused.
 * @throws {LockedError} Another handle writes to the damaged file.
 * @throws {TypeError} A path or an option is of a wrong type, or a path is a URL that is not of a
 * file.
 * @throws {RangeError} An option is out of its range.
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
  const file = openDiskFile(source, { readOnly: true, lockTimeoutMs });
  try {
    const opened = openDamaged(file, cacheBytes);
    const { pages } = opened;
    if (pages === undefined) throw opened.findings[0] ?? new CorruptionError(0, 0, "no pages");
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
  /** What the catalog says of trees, by number. */
  readonly #catalog = new Map<number, CatalogEntry>();
  readonly #names = new Set<string>();
  readonly #trees: SalvagedTree[] = [];
  #leavesDone = 0;
  #leaves = 0;

  constructor(opened: OpenedDamaged, pages: DamagedPages, rebuild: Rebuild, findings: Findings) {
    this.#opened = opened;
    this.#pages = pages;
    this.#rebuild = rebuild;
    this.#findings = findings;
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

  /** Learns names, and of trees that have a name and no leaf any more. */
  #readCatalog(): void {
    const remains = this.#survey.remainsOf(CATALOG_TREE);
    const merge = new LeafMerge(this.#pages, remains, this.#report);
    for (const { key, value } of merge.entries()) {
      // Parts of a value are no entry.
      if (isUnfinishedKey(key)) continue;
      try {
        const { nextTreeId } = this.#pages.meta;
        const entry = readCatalogEntry(key, value(), 0, nextTreeId);
        // Of a tree that is both, what lives counts.
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

  /** Not the catalog, and not what was dropped. */
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
    this.#rebuild.begin(name, entry ? { attributes: entry.attributes } : {});
    const lostKeys: Uint8Array[] = [];
    let entries = 0;
    let lostValues = 0;
    for (const { key, value } of merge.entries()) {
      if (this.#put(key, value)) entries++;
      else if (++lostValues <= this.#findings.most) lostKeys.push(key.slice());
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

  /** Saves an entry; false when its value is lost. */
  #put(key: Uint8Array, value: () => Uint8Array): boolean {
    let bytes: Uint8Array;
    try {
      bytes = value();
    } catch (error) {
      if (isDamage(error)) this.#report(error);
      return false;
    }
    this.#rebuild.put(key, bytes);
    return true;
  }

  #gapsOf(merge: LeafMerge, entry: CatalogEntry | undefined): KeyGap[] {
    let first: number | undefined;
    try {
      first = entry && firstLeafOf({ reader: this.#pages, id: entry.id, root: entry.root });
    } catch (error) {
      // A damaged branch was told of, and leads nowhere.
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
