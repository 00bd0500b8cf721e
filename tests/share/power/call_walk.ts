/**
 * Walks through the log of several processes, and tracks what the medium certainly has of the
 * database, and what the sidecar and the lock file have.
 *
 * A sync that has returned makes durable what returned before it began, whoever wrote it. A write
 * through that has returned is durable by itself. Every other write and truncation may be lost,
 * independently of the others; what survives is applied in the order of the log. A sync whose
 * process died counts for nothing.
 */

import { Blocks } from "../../support/files/blocks.ts";
import { isApart, Operation, type Pending, type Walk } from "../../support/files/power_file.ts";
import type { Entry } from "./call_log.ts";
import type { Call } from "./recording_fs.ts";

const SIDE_BYTES = 4096;
const LOCK_BYTES = 24;

/** An operation that has begun. */
interface Issued extends Pending {
  forced: boolean;
  isDone: boolean;
}

/** Walks through a log. */
export class CallWalk implements Walk {
  readonly base: Blocks;
  /** The operations that the medium may have, in the order of the log. */
  pending: Issued[] = [];
  /** What the sidecar has, and the lock file. */
  readonly side = new Uint8Array(SIDE_BYTES);
  readonly lock = new Uint8Array(LOCK_BYTES);
  /** The bytes that processes read. */
  readonly seen: Blocks;
  /** Writes and truncations that have not returned. */
  readonly #running = new Map<string, Issued>();
  /** Syncs that have not returned, with what they cover. */
  readonly #syncs = new Map<string, readonly Issued[]>();

  /** Begins before the first entry, with a file that is on the medium. */
  constructor(start: Blocks = new Blocks()) {
    this.base = start.fork();
    this.seen = start.fork();
  }

  /** The calls that change the file and have not returned. */
  get unfinished(): number {
    return this.#running.size;
  }

  /** Whether something was written behind a sync that runs, which does not cover it. */
  get isOvertaken(): boolean {
    const done = this.pending.filter(({ isDone, forced }) => isDone && !forced);
    return [...this.#syncs.values()].some((covered) => !done.every((one) => covered.includes(one)));
  }

  /** Goes on by one entry. */
  take(entry: Entry): void {
    if (entry.is === "done") this.#end(entry.call);
    else if (entry.is === "issue" && entry.what.file === "main") this.#begin(entry);
    else if (entry.is === "issue") this.#writeBeside(entry.what);
  }

  #writeBeside({ file, kind, position, bytes }: Call): void {
    if (kind !== "write") throw new Error(`a ${kind} of the ${file} file`);
    (file === "side" ? this.side : this.lock).set(bytes, position);
  }

  #begin({ call, what }: Entry & { is: "issue" }): void {
    const { kind, position, bytes } = what;
    if (kind === "sync") {
      this.#syncs.set(call, this.pending.filter(({ isDone }) => isDone));
      return;
    }
    const isCut = kind === "truncate";
    const operation = new Operation(kind, isCut ? 0 : position, bytes, isCut ? position : 0);
    const issued = { operation, forced: false, isDone: false };
    operation.applyTo(this.seen);
    this.pending.push(issued);
    this.#running.set(call, issued);
  }

  #end(call: string): void {
    const synced = this.#syncs.get(call);
    this.#syncs.delete(call);
    for (const issued of synced ?? []) issued.forced = true;
    const issued = this.#running.get(call);
    this.#running.delete(call);
    if (issued !== undefined) {
      issued.isDone = true;
      issued.forced = issued.operation.kind === "through";
    }
    this.#settle();
  }

  /** Moves what is durable to the bytes that the medium has, unless something older matters. */
  #settle(): void {
    const left: Issued[] = [];
    for (const issued of this.pending) {
      const { operation, forced } = issued;
      if (forced && left.every((other) => isIndependent(other.operation, operation))) {
        operation.applyTo(this.base);
      } else {
        left.push(issued);
      }
    }
    this.pending = left;
  }
}

function isIndependent(earlier: Operation, later: Operation): boolean {
  return later.kind !== "truncate" && isApart(earlier, later);
}
