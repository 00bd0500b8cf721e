/**
 * Backup: copies an open database, or what changed in it since a version, to a new file or a
 * stream, while reads and writes go on.
 *
 * The copy shows the last commit before it began. It is completed only once that commit is on the
 * medium: otherwise a crash of the source could replace it by another commit with the same number.
 */

import { type CopyReader, pathOf } from "../../pager/mod.ts";
import type { ProgressOptions } from "../maintenance/slices.ts";
import { checkOptions, type OptionTypes, PROGRESS_TYPES } from "../read/argument_checks.ts";
import type { Session } from "../write/session.ts";
import { compactCopy } from "./compact_copy.ts";
import { copyChunks } from "./copy_loop.ts";
import { sourceOf } from "./copy_pace.ts";
import { FileSink, StreamSink } from "./sinks.ts";
import { BytesTarget, type CopyTarget, DatabaseTarget, IncrementTarget } from "./targets.ts";

/** Options of `Database.backup`. */
export interface BackupOptions extends ProgressOptions {
  /**
   * Write an increment, which has only what changed after this version; `restore` applies it to a
   * copy of that version. Default: a whole copy.
   */
  since?: number | undefined;
  /**
   * Build the copy anew, with full pages in key order and no free page: a smaller file, and scans
   * of it read in order. It has an id of its own, so no increment fits it. Not with `since`, nor to
   * a stream. Default false.
   */
  compact?: boolean | undefined;
}

/** The result of a backup. */
export interface BackupResult {
  /** The version that the copy shows. */
  readonly version: number;
  /** The number of pages of trees that were written. */
  readonly pages: number;
  /** The bytes read from the file of the database. */
  readonly bytesRead: number;
  /** The bytes written to the target. */
  readonly bytesWritten: number;
}

const ACTION = "back up";
const OPTION_TYPES: OptionTypes = { ...PROGRESS_TYPES, since: "number", compact: "boolean" };
/** All pages are of a later version. */
const ALL = -1;

/** Copies the last commit of an open database; see `Database.backup`. */
export async function backup(
  session: Session,
  to: string | URL | WritableStream<Uint8Array>,
  options: BackupOptions,
): Promise<BackupResult> {
  checkOptions(ACTION, options, OPTION_TYPES);
  const { signal } = options;
  checkSince(options.since, session.pager.meta.version);
  signal?.throwIfAborted();
  if (options.compact === true) {
    return await compactCopy(session, compactPath(to, options), options);
  }
  const sink = to instanceof WritableStream
    ? streamSink(to, signal)
    : new FileSink(pathOf(ACTION, to), session.pager.path);
  let reader: CopyReader | undefined;
  try {
    const target = targetOf(sink, options.since);
    reader = await session.inTurn(() => beginOn(session, target));
    await session.reachMedium(reader.meta.version);
    const since = options.since ?? ALL;
    await copyChunks({ reader, target, since, ...sourceOf(session) }, options);
    reader.close();
    signal?.throwIfAborted();
    await target.complete(reader);
    const { meta, sum, bytesRead } = reader;
    const pages = target instanceof IncrementTarget ? target.pages : sum.pages;
    return { version: meta.version, pages, bytesRead, bytesWritten: sink.bytesWritten };
  } catch (error) {
    sink.abandon(error);
    throw sink instanceof FileSink ? sink.named(error) : error;
  } finally {
    reader?.close();
  }
}

/** Begins a copy, and its target with it, which has to be there when pages are taken early. */
function beginOn(session: Session, target: CopyTarget): CopyReader {
  const reader = session.pager.copies.begin(target.takeEarly);
  try {
    target.begin(reader);
    return reader;
  } catch (error) {
    reader.close();
    throw error;
  }
}

function checkSince(since: number | undefined, version: number): void {
  if (since === undefined || (Number.isInteger(since) && since >= 0 && since <= version)) return;
  throw new RangeError(`Cannot ${ACTION}: since ${since} is not a version from 0 to ${version}`);
}

function compactPath(
  to: string | URL | WritableStream<Uint8Array>,
  { since }: BackupOptions,
): string {
  if (since !== undefined) {
    throw new TypeError(`Cannot ${ACTION}: an increment cannot be compact; leave out since`);
  }
  if (!(to instanceof WritableStream)) return pathOf(ACTION, to);
  throw new TypeError(`Cannot ${ACTION}: a compact copy goes to a file, not to a stream`);
}

function streamSink(
  stream: WritableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): StreamSink {
  if (stream.locked) throw new TypeError(`Cannot ${ACTION}: the stream is locked`);
  return new StreamSink(stream, signal);
}

function targetOf(sink: FileSink | StreamSink, since: number | undefined): CopyTarget {
  if (since !== undefined) return new IncrementTarget(sink, since);
  return sink instanceof FileSink ? new DatabaseTarget(sink) : new BytesTarget(sink);
}
