/**
 * The maintenance of an open database: checkpoints, verification, copies, compaction, and what it
 * tells of itself.
 */

import { type Census, census, type ChunkCensus, chunkCensus } from "../btree/mod.ts";
import { backup, type BackupOptions, type BackupResult } from "./backup/backup.ts";
import type { KeyChange } from "./changes/changes.ts";
import { Inspector } from "./inspect/inspector.ts";
import type { DatabaseStats } from "./inspect/stats.ts";
import { type ChangesOptions, listChanges } from "./list_changes.ts";
import { compact, type CompactOptions, type CompactReport } from "./maintenance/compact.ts";
import { verifyOpen, type VerifyOptions, type VerifyReport } from "./verify/verify.ts";
import type { Session } from "./write/session.ts";

/**
 * The maintenance of an open database. `Database` extends it.
 *
 * ```ts
 * import { type DatabaseMaintenance, open } from "../mod.ts";
 *
 * const isIntact = async (db: DatabaseMaintenance) => (await db.verify()).ok;
 *
 * using db = open(":memory:");
 * console.assert(await isIntact(db));
 * ```
 */
export class DatabaseMaintenance {
  readonly #session: Session;

  /**
   * Created as a part of a `Database`.
   *
   * @param session The session of the database.
   */
  constructor(session: Session) {
    this.#session = session;
  }

  /** The last version on the medium. */
  get durableVersion(): number {
    return this.#session.pager.durableVersion;
  }

  /**
   * Writes all committed changes to the file, and returns when they are on the medium.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.write((tx) => tx.tree("a").set("key", new Uint8Array(1)), { durability: "none" });
   * db.checkpoint();
   * console.assert(db.durableVersion === db.version);
   * ```
   *
   * @throws {IoError} The system refused. The handle writes nothing more.
   */
  checkpoint(): void {
    this.#session.refuseInsideOrClosed("take a checkpoint");
    this.#session.refuseFollowed("take a checkpoint");
    this.#session.checkpoint();
  }

  /**
   * Counts the pages of the file by kind, from page headers alone: 1/256 of the file is read.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("a").set("key", new Uint8Array(1));
   * console.assert(db.census().pages === db.stats().pageCount);
   * ```
   */
  census(): Census {
    this.#session.refuseInsideOrClosed("take a census");
    return this.#session.read(() => census(this.#session.pager));
  }

  /**
   * Iterates over the page headers of the file, chunk by chunk.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("a").set("key", new Uint8Array(1));
   * for (const { chunk, pages } of db.chunks()) console.assert(chunk === 0 && pages > 1);
   * ```
   */
  chunks(): Generator<ChunkCensus> {
    this.#session.refuseInsideOrClosed("take a census");
    return chunkCensus(this.#session.pager);
  }

  /**
   * Checks the whole file and every tree as of the last commit, and reports every broken rule.
   * Reads and writes continue meanwhile; verification changes nothing. It reads trees through the
   * cache, and all other pages past it.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("cities").set("Lisboa", new Uint8Array([1]));
   * const { ok, findings } = await db.verify();
   * console.assert(ok, findings);
   * ```
   *
   * @throws {ClosedError} The database was closed meanwhile.
   * @throws {SnapshotTooOldError} Writes meanwhile exceeded the memory for old pages.
   */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    this.#session.refuseInsideOrClosed("verify");
    this.#session.refuseFollowed("verify");
    const { pager } = this.#session;
    const reader = pager.snapshot();
    try {
      const scrub = pager.scrub.bind(pager);
      const checkOpen = () => this.#session.checkOpen();
      return await verifyOpen({ reader, scrub, checkOpen }, options);
    } finally {
      reader.close();
    }
  }

  /**
   * Packs leaves, to 0.9 of a page, and pages that values share, where that saves a twelfth of
   * them, and moves pages from the end of the file to free pages, so that the file becomes shorter.
   * It works in many short transactions, one per turn of the event loop. Reads and writes continue
   * meanwhile, and watchers see no change. The space of pages that a snapshot sees returns after
   * it. Values over 32 MiB stay where they are, and so do the pages before them.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("a").set("key", new Uint8Array(1));
   * const { bytesBefore, bytesAfter } = await db.compact({ budgetMs: 1 });
   * console.assert(bytesAfter <= bytesBefore);
   * ```
   *
   * @throws {CorruptionError} A page breaks a rule. Pages that moved before stay moved.
   * @throws {ClosedError} The database was closed meanwhile.
   * @throws {IoError} The system refused.
   */
  async compact(options: CompactOptions = {}): Promise<CompactReport> {
    this.#session.refuseInsideOrClosed("compact");
    this.#session.refuseFollowed("compact");
    return await compact(this.#session, options);
  }

  /**
   * Copies the database as of the last commit to a new file or a stream. Reads and writes continue
   * meanwhile, whatever they change, and at most one chunk of 2 MiB is read in each turn of the
   * event loop. Every copied page has been checked.
   *
   * The file is a closed database. It is written to `to` with `.unfinished` added, and renamed when
   * it is complete and on the medium; after an error nothing remains. Its permissions are no wider
   * than those of the source.
   *
   * With `since`, only pages that changed after that version are written, as an increment for
   * `restore`; they are found from page headers, 1/256 of the file.
   *
   * With `compact`, the copy is built anew from all entries, with full pages in key order. Old
   * pages wait in memory until their keys are copied; beyond `maxSnapshotBytes` the backup fails.
   *
   * A stream receives the bytes of that file in order, and is closed. As the order is fixed, pages
   * that change before their turn wait in memory; beyond `maxSnapshotBytes` the backup fails.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * const dir = Deno.makeTempDirSync();
   * {
   *   using db = open(":memory:");
   *   await db.tree("a").set("key", new Uint8Array(1));
   *   const { version } = await db.backup(`${dir}/copy.quire`);
   *   console.assert(version === db.version);
   * }
   * {
   *   using copy = open(`${dir}/copy.quire`);
   *   console.assert(copy.tree("a").has("key"));
   * }
   * Deno.removeSync(dir, { recursive: true });
   * ```
   *
   * @param to The path of the new file, or a `file:` URL, or a stream.
   * @throws {IoError} A file exists at `to`, or the system refused.
   * @throws {CorruptionError} A page is damaged.
   * @throws {ClosedError} The database was closed meanwhile.
   * @throws {SnapshotTooOldError} To a stream, or compact: writes meanwhile exceeded the memory for
   *   old pages.
   * @throws {TypeError} A transaction is open, or an argument has the wrong type.
   * @throws {RangeError} `since` is not a version that the database has reached.
   */
  async backup(
    to: string | URL | WritableStream<Uint8Array>,
    options: BackupOptions = {},
  ): Promise<BackupResult> {
    this.#session.refuseInsideOrClosed("back up");
    this.#session.refuseFollowed("back up");
    return await backup(this.#session, to, options);
  }

  /**
   * Lists the keys whose values differ between an older version and the last commit, by name of
   * tree and by key. Headers of pages are compared first, 1/256 of the file, and then the leaves
   * that differ. Reads and writes continue meanwhile.
   *
   * A tree that was renamed counts as removed under its old name and as added under the new one. A
   * tree without entries does not show.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const tree = db.tree("a");
   * await tree.set("old", new Uint8Array(1));
   * using since = db.snapshot();
   * await tree.set("new", new Uint8Array(2));
   * await tree.delete("old");
   * const changed = [];
   * for await (const { key, value } of db.changes({ since })) {
   *   changed.push(new TextDecoder().decode(key), value?.length);
   * }
   * console.assert(changed.join() === "new,2,old,");
   * ```
   *
   * @throws {RangeError} `since` is not an older version of this database, or its pages are gone.
   * @throws {TypeError} A transaction is open, or an argument has the wrong type.
   * @throws {CorruptionError} A page is damaged.
   * @throws {IoError} The copy cannot be read.
   * @throws {ClosedError} The database or the snapshot was closed meanwhile.
   * @throws {SnapshotTooOldError} Writes meanwhile exceeded the memory for old pages.
   */
  changes(options: ChangesOptions): AsyncIterableIterator<KeyChange> {
    this.#session.refuseInsideOrClosed("list changes");
    this.#session.refuseFollowed("list changes");
    return listChanges(
      this.#session,
      options,
      () => this.#session.refuseInsideOrClosed("list changes"),
    );
  }

  /**
   * Returns statistics of the database.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("a").set("key", new Uint8Array(1));
   * const { version, pageCount, fileBytes, snapshots } = db.stats();
   * console.assert(version === 1 && snapshots === 0);
   * console.assert(fileBytes <= pageCount * 8192);
   * ```
   */
  stats(): DatabaseStats {
    this.#session.checkOpen();
    const { pager } = this.#session;
    const { version, pageCount } = pager.meta;
    const { durableVersion, recovery } = pager;
    const fileBytes = pager.fileBytes();
    const archive = this.#session.archive?.stats();
    const sharing = pager.sharingState();
    return {
      ...pager.stats(),
      version,
      durableVersion,
      recovery,
      pageCount,
      fileBytes,
      sharing,
      archive,
    };
  }

  /**
   * Returns an inspector for tools. It changes nothing, and costs nothing until it is used.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * console.assert(db.inspect().page(1).header.kindName === "superblock");
   * ```
   */
  inspect(): Inspector {
    return new Inspector(this.#session);
  }
}
