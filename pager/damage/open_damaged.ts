/**
 * Opens a file that may be damaged, as far as possible, without writing to it.
 *
 * The journal is replayed in memory (`OverlayFile`), even over damaged pages. If that fails, the
 * file is used as it is: then the superblocks do not describe it, and the page count is derived
 * from its length. The seed of the header sums is the one that most headers agree on.
 */

import { Disk } from "../file/disk.ts";
import type { File } from "../file/file.ts";
import { OverlayFile } from "../file/overlay_file.ts";
import { seedOf } from "../format/checksum.ts";
import { CorruptionError } from "../format/errors.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  chunksOf,
  FRESH_PAGES,
  PAGE_BYTES,
  PAGE_COUNT_MAX,
  SUPERBLOCK,
  SUPERBLOCK_PAGE,
  VERSION_MAX,
} from "../format/format.ts";
import { Meta } from "../format/meta.ts";
import type { Superblock } from "../format/superblock.ts";
import type { PageNumber } from "../format/units.ts";
import {
  examineSuperblocks,
  hasFreshHeaders,
  isUnfinishedCreation,
} from "../journal/superblocks.ts";
import { checkSizes } from "../recovery/options.ts";
import { missingJournal, Recovery, type RecoveryReport } from "../recovery/recovery.ts";
import { DamagedPages } from "./damaged_pages.ts";
import { findSeed } from "./seed_search.ts";

const TREE_IDS_END = 2 ** 32;

/** The result of opening a file that may be damaged. */
export interface OpenedDamaged {
  /** Its pages; undefined if nothing in it belongs to a Quire database. */
  readonly pages: DamagedPages | undefined;
  /** Whether its content is described by a superblock, rather than derived from its length. */
  readonly hasSuperblock: boolean;
  /** Whether the file has all the pages of its superblock; false without one. */
  readonly isWhole: boolean;
  /** Whether the journal was not needed, was replayed in memory, or could not be replayed. */
  readonly journal: "none" | "replayed" | "ignored";
  /** The report of the replay, if there was one. */
  readonly recovery: RecoveryReport | undefined;
  /** The broken rules found while opening; those of superblocks only if there are no pages. */
  readonly findings: readonly CorruptionError[];
  /** Whether the creation of the database was interrupted, so that it was never used. */
  readonly isCreationCut: boolean;
}

/**
 * Opens a file that may be damaged. Nothing is written to it.
 *
 * @param file The file, which the caller closes.
 * @param cacheBytes The most memory for pages.
 * @throws {RangeError} `cacheBytes` is too small or too large.
 */
export function openDamaged(file: File, cacheBytes: number): OpenedDamaged {
  checkSizes({ cacheBytes });
  return new Examination(file).run(cacheBytes);
}

class Examination {
  readonly #file: File;
  readonly #findings: CorruptionError[] = [];
  #overlay: OverlayFile;
  #disk: Disk;

  constructor(file: File) {
    this.#file = file;
    this.#overlay = new OverlayFile(file);
    this.#disk = new Disk(this.#overlay);
  }

  run(cacheBytes: number): OpenedDamaged {
    const { current: superblock, damage } = examineSuperblocks(this.#disk);
    const isCreationCut = superblock === undefined && isUnfinishedCreation(this.#disk) &&
      hasFreshHeaders(this.#disk);
    const seed = this.#seed(superblock);
    if (seed === undefined || this.#disk.size() < FRESH_PAGES * PAGE_BYTES) {
      const findings = [...this.#findings, ...damage];
      const nothing = { hasSuperblock: false, isWhole: false, recovery: undefined };
      return { ...nothing, pages: undefined, journal: "none", findings, isCreationCut };
    }
    const isOpen = superblock?.open === true;
    const recovered = isOpen ? this.#recover(superblock) : undefined;
    const current = isOpen ? recovered?.superblock : superblock;
    const meta = current === undefined ? this.#wholeFile(superblock) : this.#within(current);
    return {
      pages: new DamagedPages(this.#disk, meta, seed, cacheBytes),
      hasSuperblock: current !== undefined,
      isWhole: superblock !== undefined && meta.pageCount >= superblock.pageCount,
      journal: recovered !== undefined ? "replayed" : isOpen ? "ignored" : "none",
      recovery: recovered?.report,
      findings: this.#findings,
      isCreationCut,
    };
  }

  /** The seed that the headers agree on; else that of the superblock. */
  #seed(superblock: Superblock | undefined): number | undefined {
    const chunks = Math.ceil(this.#disk.size() / CHUNK_BYTES);
    const found = findSeed(this.#disk, chunks);
    if (superblock === undefined) return found;
    const stated = seedOf(superblock.databaseId);
    if (found === undefined || found === stated) return stated;
    this.#find(
      SUPERBLOCK_PAGE,
      SUPERBLOCK.databaseId,
      "the page headers belong to another database than the superblock",
    );
    return found;
  }

  /** Replays the journal in memory; if that fails, discards the changes and returns undefined. */
  #recover(superblock: Superblock) {
    const missing = missingJournal(this.#disk, superblock);
    if (missing !== undefined) this.#findings.push(missing);
    try {
      const options = {
        protect: false,
        tolerant: true,
        overlay: this.#overlay,
        recordsMax: Infinity,
      };
      return new Recovery(this.#disk, superblock, options).run();
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#findings.push(error);
      this.#overlay = new OverlayFile(this.#file);
      this.#disk = new Disk(this.#overlay);
      return undefined;
    }
  }

  /** The facts in a superblock, limited to the length of the file. */
  #within(superblock: Superblock): Meta {
    const meta = new Meta();
    meta.assign(superblock);
    const bytes = this.#overlay.contentEnd();
    if (bytes >= meta.pageCount * PAGE_BYTES) return meta;
    // After a crash the last chunk may be short, because its free pages were never written.
    const chunks = Math.ceil(bytes / CHUNK_BYTES);
    if (superblock.open && chunks >= chunksOf(meta.pageCount)) return meta;
    this.#find(
      Math.floor(bytes / PAGE_BYTES),
      bytes % PAGE_BYTES,
      `the file has ${bytes} bytes, too few for its ${meta.pageCount} pages`,
    );
    meta.pageCount = Math.min(meta.pageCount, chunks * CHUNK_PAGES);
    return meta;
  }

  /** The widest facts that are possible for a file without a usable superblock. */
  #wholeFile(superblock: Superblock | undefined): Meta {
    const meta = new Meta();
    meta.version = VERSION_MAX;
    meta.pageCount = Math.min(Math.floor(this.#disk.size() / PAGE_BYTES), PAGE_COUNT_MAX);
    meta.catalogRoot = superblock?.catalogRoot ?? 0;
    meta.nextTreeId = TREE_IDS_END;
    return meta;
  }

  #find(page: PageNumber, offset: number, rule: string): void {
    this.#findings.push(new CorruptionError(page, page * PAGE_BYTES + offset, rule));
  }
}
