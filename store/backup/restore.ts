/**
 * Restore: a new database from a backup and the increments that follow it.
 *
 * The base is copied as a backup copies it, then each increment is applied to that copy. The chain
 * is checked before anything is written: the increments are of the same database, and each begins
 * at the version where the one before it ends. The new file gets its name after everything in it
 * was checked, and is on the medium.
 */

import { setImmediate } from "node:timers";
import {
  assert,
  CopiedFile,
  type CopyReader,
  Disk,
  IncrementApply,
  IncrementReader,
  inFile,
  openDiskFile,
  openPager,
  type Pager,
  pathOf,
  takeAll,
} from "../../pager/mod.ts";
import { copyChunks } from "./copy_loop.ts";
import { FileSink } from "./sinks.ts";
import { DatabaseTarget } from "./targets.ts";

/** The result of a restore. */
export interface RestoreResult {
  /** The version of the new database. */
  readonly version: number;
  /** The number of pages of trees that were written, from the base and from increments. */
  readonly pages: number;
}

/** An increment that is being read. */
interface Increment {
  readonly path: string;
  readonly disk: Disk;
  readonly reader: IncrementReader;
}

const ACTION = "restore";
/** All pages are of a later version. */
const ALL = -1;

/**
 * Builds a new database from a base and increments; see `restore`.
 *
 * @param chain The base, and the increments that follow it.
 * @param options `signal` ends the work when aborted; `lockTimeoutMs` is the time to wait for
 * another handle of the base to close.
 */
export async function restoreChain(
  to: string | URL,
  chain: readonly (string | URL)[],
  options: { signal?: AbortSignal; lockTimeoutMs?: number } = {},
): Promise<RestoreResult> {
  const { signal, lockTimeoutMs } = options;
  const target = pathOf(ACTION, to);
  const [source, ...paths] = chain.map((path) => pathOf(ACTION, path));
  assert(source !== undefined, "a chain has a base");
  const pager = openPager(source, { readOnly: true, follow: false, lockTimeoutMs });
  const opened: Increment[] = [];
  try {
    for (const path of paths) opened.push(openIncrement(path));
    checkChain(pager, source, opened);
    return await build(target, pager, opened, signal);
  } finally {
    takeAll([...opened.map(({ disk }) => () => disk.close()), () => pager.close()]);
  }
}

async function build(
  to: string,
  pager: Pager,
  increments: readonly Increment[],
  signal: AbortSignal | undefined,
): Promise<RestoreResult> {
  const sink = new FileSink(to, pager.path);
  let reader: CopyReader | undefined;
  try {
    const target = new DatabaseTarget(sink);
    reader = pager.copies.begin();
    const source = { since: ALL, checkOpen: () => {}, versionNow: () => pager.meta.version };
    await copyChunks({ reader, target, ...source }, { signal });
    let { pages } = reader.sum;
    for (const increment of increments) pages += await apply(sink.disk, increment, signal);
    const meta = increments.at(-1)?.reader.head.meta ?? reader.meta;
    // Increments are of the history that the base was copied from.
    const superblock = { ...reader.superblock, ...meta, originVersion: meta.version };
    await new CopiedFile(sink.disk).complete(superblock);
    await sink.complete();
    return { version: meta.version, pages };
  } catch (error) {
    sink.abandon();
    throw sink.named(error);
  } finally {
    reader?.close();
  }
}

/** Applies an increment to the copy of its base. Returns the number of pages written. */
async function apply(
  disk: Disk,
  { path, reader }: Increment,
  signal: AbortSignal | undefined,
): Promise<number> {
  const work = new IncrementApply(disk, reader);
  try {
    const steps = work.run();
    for (;;) {
      signal?.throwIfAborted();
      const step = steps.next();
      if (step.done !== true) {
        await new Promise<void>((resolve) => setImmediate(resolve));
      } else if (step.value) {
        return work.pages;
      } else {
        throw new RangeError(
          `Cannot ${ACTION}: ${path} does not fit: the base has another history`,
        );
      }
    }
  } catch (error) {
    throw inFile(error, path);
  }
}

function openIncrement(path: string): Increment {
  const disk = new Disk(openDiskFile(path, { readOnly: true }));
  try {
    return { path, disk, reader: new IncrementReader(disk) };
  } catch (error) {
    disk.close();
    throw inFile(error, path);
  }
}

/** Checks that each increment begins where the one before it, or the base, ends. */
function checkChain(pager: Pager, base: string, increments: readonly Increment[]): void {
  const { databaseId } = pager.copies;
  let { version } = pager.meta;
  let before = base;
  for (const { path, reader: { head } } of increments) {
    if (databaseId.some((byte, i) => byte !== head.databaseId[i])) {
      throw new RangeError(`Cannot ${ACTION}: ${path} is of another database than ${base}`);
    }
    if (head.base !== version) {
      const state = `${path} begins at version ${head.base}, and ${before} ends at ${version}`;
      throw new RangeError(`Cannot ${ACTION}: ${state}`);
    }
    version = head.meta.version;
    before = path;
  }
}
