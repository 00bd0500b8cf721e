/**
 * Versionstamps: a counter of commits as 16 hexadecimal digits, and four zeros, as in Deno KV; and
 * the versions that commits get.
 */

import type { Database, TransactionTree } from "../../mod.ts";

/** The name under which `meta` has the version of the last commit. */
const LAST_VERSION = "version";
/** The name under which `meta` has how far versions are ahead of the file's, if they are. */
const AHEAD = "ahead";

const DIGITS = 16;
const BATCH = "0000";
const BYTES = 10;
const WORD = 2 ** 32;
/** Versions of other databases above this are not taken over, so that enough remain. */
const VERSION_MAX = 2 ** 52;
/** The last digits, by the last byte of the version. */
const ENDS = Array.from({ length: 256 }, (_, byte) => hex(byte, 2) + BATCH);
/** Entries that are read together were often set together, or not long after. */
let lastVersion = -1;
let lastVersionstamp = "";
let lastHigh = -1;
let lastStart = "";
const SHAPE = /^[0-9a-f]{20}$/i;

/**
 * The versionstamp of a version.
 *
 * ```ts
 * import { versionstampOf } from "../mod.ts";
 *
 * console.assert(versionstampOf(10) === "000000000000000a0000");
 * ```
 */
export function versionstampOf(version: number): string {
  if (version === lastVersion) return lastVersionstamp;
  const high = Math.floor(version / 256);
  if (high !== lastHigh) {
    lastStart = hex(high, DIGITS - 2);
    lastHigh = high;
  }
  lastVersion = version;
  return lastVersionstamp = lastStart + ENDS[version & 0xff];
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** Whether a text has the shape of a versionstamp. */
export function isVersionstamp(text: string): boolean {
  return SHAPE.test(text);
}

/** The versionstamp of a version as 10 bytes. */
export function versionstampBytes(version: number): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(version / WORD));
  view.setUint32(4, version % WORD);
  return bytes;
}

/** The version of a versionstamp, or undefined if no commit of this library should have it. */
export function versionOf(versionstamp: string): number | undefined {
  const version = Number(`0x${versionstamp.slice(0, DIGITS)}`);
  const isTaken = version <= VERSION_MAX && versionstamp.slice(DIGITS) === BATCH;
  return isTaken ? version : undefined;
}

type Meta = TransactionTree<string, number | string>;

/**
 * Gives the commits of a database their versions. None is given twice, even if a crash has undone
 * the commit that had it first: a client may have read it before it was durable, and a check would
 * hold that must fail.
 *
 * So a version is not only above the last one that is stored, but also above the version that the
 * file had when it was opened. That grows with each commit, and a recovery skips more than a crash
 * can undo. Where entries with higher versions were imported, `meta` has the difference.
 */
export class Versions {
  /** The version of the file when it was opened. */
  readonly #opened: number;
  /** The version above which all that follow are. */
  #floor: number | undefined;

  /** Begins a session. */
  constructor(db: Database) {
    this.#opened = db.version;
  }

  /** The version of the commit of a transaction. */
  next(meta: Meta): number {
    this.#floor ??= this.#opened + numberIn(meta, AHEAD);
    const version = Math.max(numberIn(meta, LAST_VERSION), this.#floor) + 1;
    meta.set(LAST_VERSION, version);
    return version;
  }

  /** The version that a transaction which imports entries may give; it is not used up. */
  peek(meta: Meta): number {
    return numberIn(meta, LAST_VERSION) + 1;
  }

  /** Notes the highest version of entries that a transaction imports. */
  noteImported(meta: Meta, version: number): void {
    const last = Math.max(numberIn(meta, LAST_VERSION), version);
    meta.set(LAST_VERSION, last);
    if (last > this.#opened) meta.set(AHEAD, last - this.#opened);
    this.#floor = undefined;
  }
}

function numberIn(meta: Meta, name: string): number {
  return Number(meta.get(name) ?? 0);
}
