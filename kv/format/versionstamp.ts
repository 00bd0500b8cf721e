/**
 * Versionstamps: a counter of commits as 16 hexadecimal digits, and four zeros, as in Deno KV.
 */

const DIGITS = 16;
const BATCH = "0000";
const BYTES = 10;
const WORD = 2 ** 32;
/** Entries that are read together were often set together. */
let lastVersion = -1;
let lastVersionstamp = "";
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
  if (version !== lastVersion) {
    lastVersionstamp = version.toString(16).padStart(DIGITS, "0") + BATCH;
    lastVersion = version;
  }
  return lastVersionstamp;
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

/** The version of a versionstamp, or undefined if no version of this library has it. */
export function versionOf(versionstamp: string): number | undefined {
  const version = Number(`0x${versionstamp.slice(0, DIGITS)}`);
  const isExact = Number.isSafeInteger(version) && versionstamp.slice(DIGITS) === BATCH;
  return isExact ? version : undefined;
}
