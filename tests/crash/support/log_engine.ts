/**
 * The smallest engine that survives power cuts, and broken variants of it. The crash tests must
 * pass the engine and fail the variants, which shows that they can detect such bugs.
 *
 * The file is a log of commits, each on a 4 KiB boundary: length, checksum, checksum of the
 * previous commit, text. The first commit that does not match ends the log, and is truncated.
 */

import { crc32 } from "node:zlib";
import type { File } from "../../../pager/mod.ts";
import {
  type Change,
  type Durability,
  type Engine,
  type Handle,
  type State,
  stateAfter,
  stateWithout,
  type StreamEnd,
} from "./engine.ts";

const ALIGN = 4096;
const HEAD_BYTES = 12;
const LENGTH_MAX = 1024 * 1024;

/** The step that a broken variant omits. */
export type Flaw =
  /** Commits return before they are on the medium. */
  | "sync"
  /** A commit is accepted without its checksum. */
  | "checksum"
  /** Bytes after the end of the log remain, and commits are not chained. */
  | "chain"
  /** Commits that were read at opening may not be on the medium. */
  | "resync"
  /** A commit deletes nothing. */
  | "delete";

/** The engine, or a variant that omits a step. */
export function logEngine(flaw?: Flaw): Engine {
  return {
    name: flaw === undefined ? "log" : `log without ${flaw}`,
    rotPages: [],
    open: (file) => new LogHandle(file, flaw),
  };
}

type Entry = { drop: string } | { changes: [string, string, string | null][] };

class LogHandle implements Handle {
  readonly #file: File;
  readonly #flaw: Flaw | undefined;
  #state: State = new Map();
  readonly #kept: State[] = [];
  #end = 0;
  #sum = 0;
  #isSynced = true;
  version = 0;
  durableVersion = 0;

  constructor(file: File, flaw: Flaw | undefined) {
    this.#file = file;
    this.#flaw = flaw;
    while (this.#readOne());
    if (flaw !== "chain" && file.size() > this.#end) file.truncate(this.#end);
    if (flaw !== "resync") file.sync();
    this.durableVersion = this.version;
  }

  write(changes: readonly Change[], durability: Durability): boolean {
    const isDone = ({ value }: Change) => value !== undefined || this.#flaw !== "delete";
    const done = changes.filter(isDone);
    this.#append({
      changes: done.map(({ tree, key, value }) => [tree, key.toHex(), value?.toHex() ?? null]),
    }, durability);
    this.#state = stateAfter(this.#state, done);
    return durability === "sync";
  }

  abort(_changes: readonly Change[]): void {}

  load(changes: readonly Change[], durability: Durability): boolean {
    return this.write(changes, durability);
  }

  writeAround(changes: readonly Change[], _undone: readonly Change[]): boolean {
    return this.write(changes, "sync");
  }

  stream(change: Change, _partBytes: number, end: StreamEnd): boolean {
    return end === "finish" && this.write([change], "sync");
  }

  drop(tree: string): boolean {
    this.#append({ drop: tree }, "sync");
    this.#state = stateWithout(this.#state, tree);
    return true;
  }

  checkpoint(): void {
    this.#sync();
  }

  checkpointStep(): void {}

  sliceConfirmed(): void {}

  compact(_steps: "step" | "all"): void {}

  readonly isFlying = false;

  takeOff(): Promise<void> {
    return Promise.resolve();
  }

  land(): void {}

  requestCheckpoint(): void {}
  beginMove(): void {}

  state(): State {
    return this.#state;
  }

  keep(): void {
    this.#kept.push(this.#state);
  }

  kept(): State[] {
    return this.#kept;
  }

  release(): void {
    this.#kept.shift();
  }

  check(): void {}

  close(): void {
    this.#sync();
    this.#file.close();
  }

  #sync(): void {
    if (this.#flaw !== "sync") this.#file.sync();
    this.#isSynced = true;
    this.durableVersion = this.version;
  }

  #append(entry: Entry, durability: Durability): void {
    const text = new TextEncoder().encode(JSON.stringify(entry));
    const bytes = new Uint8Array(Math.ceil((HEAD_BYTES + text.length) / ALIGN) * ALIGN);
    bytes.set(text, HEAD_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, text.length, true);
    view.setUint32(8, this.#sum, true);
    this.#sum = crc32(bytes.subarray(8, HEAD_BYTES + text.length));
    view.setUint32(4, this.#sum, true);
    this.version++;
    if (durability === "sync" && this.#isSynced && this.#flaw !== "sync") {
      this.#file.writeThroughAt(bytes, 0, bytes.length, this.#end);
      this.durableVersion = this.version;
    } else {
      this.#file.writeAt(bytes, 0, bytes.length, this.#end);
      this.#isSynced = false;
      if (durability === "sync") this.#sync();
    }
    this.#end += bytes.length;
  }

  /** Reads the next commit of the log. Returns whether there was one. */
  #readOne(): boolean {
    const head = new Uint8Array(HEAD_BYTES);
    if (this.#file.readAt(head, 0, HEAD_BYTES, this.#end) < HEAD_BYTES) return false;
    const view = new DataView(head.buffer);
    const length = view.getUint32(0, true);
    if (length === 0 || length > LENGTH_MAX) return false;
    const bytes = new Uint8Array(4 + length);
    if (this.#file.readAt(bytes, 0, 4 + length, this.#end + 8) < 4 + length) return false;
    const sum = view.getUint32(4, true);
    if (this.#flaw !== "checksum" && crc32(bytes) !== sum) return false;
    if (this.#flaw !== "chain" && view.getUint32(8, true) !== this.#sum) return false;
    this.#apply(JSON.parse(new TextDecoder().decode(bytes.subarray(4))));
    this.#sum = sum;
    this.version++;
    this.#end += Math.ceil((HEAD_BYTES + length) / ALIGN) * ALIGN;
    return true;
  }

  #apply(entry: Entry): void {
    if ("drop" in entry) {
      this.#state = stateWithout(this.#state, entry.drop);
    } else {
      const changes = entry.changes.map(([tree, key, value]) => ({
        tree,
        key: Uint8Array.fromHex(key),
        value: value === null ? undefined : Uint8Array.fromHex(value),
      }));
      this.#state = stateAfter(this.#state, changes);
    }
  }
}
