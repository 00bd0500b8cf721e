/**
 * The log of what several processes do to one file, in the order in which it happens.
 *
 * Each process adds an entry before a call, one after it, and one for each attempt and each
 * acknowledgement of a transaction. An entry is one write at the end of the file, which the system
 * does not mix with those of others: so the place of an entry is its place in the order. A call
 * happens between its two entries.
 */

import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { Call, CallKind, FileKind } from "./recording_fs.ts";

/** A key, and the length of the value that it was set to; -1 = deleted. */
export type Write = readonly [string, number];

/** What a process tells about its transactions. */
export type Note =
  | { readonly is: "try"; readonly id: string; readonly number: number; writes: readonly Write[] }
  /** Whoever asks for this transaction from now on finds it, also after a power cut. */
  | { readonly is: "durable"; readonly number: number; readonly id?: string }
  /** The file has just been opened in this state, and keeps it. */
  | { readonly is: "settled"; readonly number: number };

/** An entry: a call begins, it has returned, or a note. `call` is unique. */
export type Entry =
  | { readonly is: "issue"; readonly call: string; readonly what: Call }
  | { readonly is: "done"; readonly call: string }
  | { readonly is: "note"; readonly note: Note };

/** The length, the sum, the process, the call, the sort of entry, and the position. */
const HEAD_BYTES = 32;
const NOTHING = new Uint8Array(0);
const FILES: readonly FileKind[] = ["main", "side", "lock"];
const KINDS: readonly CallKind[] = ["write", "through", "truncate", "sync"];
const IS = ["issue", "done", "note"] as const;

/** Adds entries to a log. */
export class LogWriter {
  readonly #file: Deno.FsFile;
  readonly #process: number;
  #calls = 0;

  /** Opens a log for a process of a number. */
  constructor(path: string, process: number) {
    this.#file = Deno.openSync(path, { append: true, create: true });
    this.#process = process;
  }

  /** A call begins; returns its number. */
  issue({ file, kind, position, bytes }: Call): number {
    const sort = FILES.indexOf(file) << 4 | KINDS.indexOf(kind) << 2;
    this.#add(++this.#calls, sort, bytes, position);
    return this.#calls;
  }

  /** A call has returned. */
  done(number: number): void {
    this.#add(number, 1);
  }

  /** Adds a note. */
  note(note: Note): void {
    this.#add(0, 2, new TextEncoder().encode(JSON.stringify(note)));
  }

  #add(call: number, sort: number, bytes: Uint8Array = NOTHING, position = 0): void {
    const entry = new Uint8Array(HEAD_BYTES + bytes.length);
    const view = new DataView(entry.buffer);
    view.setUint32(0, entry.length, true);
    view.setUint32(8, this.#process, true);
    view.setUint32(12, call, true);
    view.setUint32(16, sort, true);
    view.setFloat64(24, position, true);
    entry.set(bytes, HEAD_BYTES);
    view.setUint32(4, crc32(entry.subarray(8)), true);
    if (this.#file.writeSync(entry) !== entry.length) throw new Error("the log is cut");
  }
}

/** Reads a log. */
export function readLog(path: string): Entry[] {
  const log = Deno.readFileSync(path);
  const entries: Entry[] = [];
  for (let at = 0; at < log.length;) {
    const view = new DataView(log.buffer, at);
    const length = view.getUint32(0, true);
    const entry = log.subarray(at, at + length);
    if (entry.length !== length || crc32(entry.subarray(8)) !== view.getUint32(4, true)) {
      throw new Error(`the log is torn at ${at}`);
    }
    entries.push(entryOf(view, entry.subarray(HEAD_BYTES)));
    at += length;
  }
  return entries;
}

function entryOf(view: DataView, bytes: Uint8Array): Entry {
  const call = `${view.getUint32(8, true)}.${view.getUint32(12, true)}`;
  const sort = view.getUint32(16, true);
  const is = IS[sort & 3]!;
  if (is === "note") return { is, note: JSON.parse(Buffer.from(bytes).toString()) };
  if (is === "done") return { is, call };
  const position = view.getFloat64(24, true);
  const [file, kind] = [FILES[sort >>> 4]!, KINDS[sort >>> 2 & 3]!];
  return { is, call, what: { file, kind, position, bytes: bytes.slice() } };
}
