/**
 * Takes over into a pager what other processes commit to a shared file: pages and facts in memory,
 * the superblock, and the chunks that the journal took. It notes which pages were given back, and
 * passes on which chunks have changed.
 *
 * The share reads the commits, and hands them over in their order, each once. The position that it
 * passes along is the one after them. Commits of this process are not taken over: memory has them.
 */

import { FREED, LogReader } from "../batch/log_record.ts";
import type { Cache } from "../cache/cache.ts";
import type { Loader } from "../cache/loader.ts";
import type { Writeback } from "../cache/writeback.ts";
import type { Group } from "../follow/batch_reader.ts";
import type { ChangedPages } from "../follow/changed_pages.ts";
import type { RecordIndex } from "../follow/record_index.ts";
import { Takeover } from "../follow/takeover.ts";
import { CHUNK_SHIFT } from "../format/format.ts";
import type { Meta } from "../format/meta.ts";
import type { ChunkNumber, PageNumber, Version } from "../format/units.ts";
import type { ClaimedPages } from "../journal/claimed_pages.ts";
import type { TapHolder, TransactionListener } from "../journal/commit_hooks.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";
import type { Journal } from "../journal/journal.ts";
import type { VersionStore } from "../transaction/version_store.ts";
import type { SharePosition } from "./position.ts";
import type { ShareFollower } from "./share.ts";

/** The parts of a pager that the commits of others change, and the records of the journal. */
export interface RemoteCommitsParts {
  readonly meta: Meta;
  readonly cache: Cache;
  readonly loader: Loader;
  readonly writeback: Writeback;
  readonly superblock: CurrentSuperblock;
  readonly journal: Journal;
  readonly claimed: ClaimedPages;
  readonly versions: VersionStore;
  readonly listener: TransactionListener;
  readonly taps: TapHolder;
  readonly index: RecordIndex;
}

/** Takes over into a pager what other processes commit. */
export class RemoteCommits implements ShareFollower {
  readonly #parts: RemoteCommitsParts;
  readonly #moved: () => void;
  readonly #takeover: Takeover;
  readonly #reader = new LogReader();
  /** The chunks of the journal that the listener knows. */
  #journalChunks: readonly ChunkNumber[] = [];

  /**
   * Creates the takeover of a pager.
   *
   * @param parts The parts of the pager, and the records of the journal.
   * @param moved Is called when the state may be another than before.
   */
  constructor(parts: RemoteCommitsParts, moved: () => void) {
    this.#parts = parts;
    this.#moved = moved;
    this.#takeover = new Takeover(parts);
  }

  /** Begins to collect the pages that others change; undefined ends it. */
  collect(into: ChangedPages | undefined): void {
    this.#takeover.collector = into;
  }

  /** The oldest version that a snapshot of this handle reads; Infinity without one. */
  get oldestSnapshot(): Version {
    return this.#parts.versions.snapshots.oldest?.version ?? Infinity;
  }

  /** Takes over transactions that another process has committed after a version. */
  take(groups: readonly Group[], before: Version, position: Readonly<SharePosition>): void {
    const { tap } = this.#parts.taps;
    let version = before;
    for (const group of groups) {
      this.#takeover.take(group);
      tap?.takenOver(version, group.meta, group.bytes);
      version = group.meta.version;
    }
    this.#takeover.end();
    this.#continue(groups, position);
  }

  /** Forgets all pages in memory, and takes over a state that was loaded anew. */
  beginAnew(groups: readonly Group[], position: Readonly<SharePosition>): void {
    const { index, taps, writeback, versions } = this.#parts;
    taps.tap?.missed();
    writeback.forgetDirty();
    for (const group of groups) index.add(group, () => {});
    versions.snapshots.endBefore(Infinity);
    this.#takeover.beginAnew(position.meta);
    this.#continue(groups, position);
  }

  /** The superblock is another: the areas of the journal may have more chunks. */
  superblockChanged(position: Readonly<SharePosition>): void {
    const { superblock, journal, loader, listener } = this.#parts;
    const known = new Set(this.#journalChunks);
    if (superblock.fields !== position.superblock) superblock.adopt(position.superblock);
    journal.areas.adopt();
    this.#coverAreas(position.pageCountMin);
    this.#journalChunks = journal.chunks.flat();
    for (const chunk of this.#journalChunks) {
      if (known.has(chunk)) continue;
      // Memory may have the header page of a transaction that rolled back.
      loader.forgetHeaderPage(chunk);
      listener.chunkChanged(chunk);
    }
  }

  /** Continues behind what was taken over. */
  #continue(groups: readonly Group[], { pageCountMin }: Readonly<SharePosition>): void {
    const { listener, claimed } = this.#parts;
    this.#coverAreas(pageCountMin);
    const { chunks, freed } = touchedBy(groups, this.#reader);
    // The bytes of a page that was in use are in the file.
    for (const page of freed) claimed.add(page);
    for (const chunk of chunks) listener.chunkChanged(chunk);
    this.#moved();
  }

  /** A writer that died may have made an area longer, and written no batch with its page count. */
  #coverAreas(pageCountMin: number): void {
    this.#takeover.cover(pageCountMin);
    this.#parts.claimed.cover(this.#parts.meta.pageCount);
  }
}

/** The chunks of which transactions have records, and the pages that they give back. */
function touchedBy(
  groups: readonly Group[],
  reader: LogReader,
): { readonly chunks: ReadonlySet<ChunkNumber>; readonly freed: readonly PageNumber[] } {
  const chunks = new Set<ChunkNumber>();
  const freed: PageNumber[] = [];
  for (const { bytes } of groups) {
    for (let at = 0; at < bytes.length;) {
      at = reader.read(bytes, at, bytes.length);
      chunks.add(reader.page >>> CHUNK_SHIFT);
      if (reader.type === FREED) freed.push(reader.page);
    }
  }
  return { chunks, freed };
}
