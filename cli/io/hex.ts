/**
 * Bytes as hexadecimal, for people to read.
 */

const ROW_BYTES = 16;

/** Bytes as pairs of digits; the first ones of many. */
export function hex(bytes: Uint8Array, most: number = bytes.length): string {
  const pairs = Array.from(bytes.subarray(0, most), (byte) => byte.toString(16).padStart(2, "0"));
  return pairs.join(" ") + (bytes.length > most ? " ..." : "");
}

/** Bytes as rows of an address, pairs of digits and ASCII; equal rows that follow are one star. */
export function hexRows(bytes: Uint8Array, firstAddress = 0): string[] {
  const rows: string[] = [];
  let before: string | undefined;
  let isSkipping = false;
  for (let at = 0; at < bytes.length; at += ROW_BYTES) {
    const row = bytes.subarray(at, at + ROW_BYTES);
    const digits = hex(row);
    if (digits === before) {
      if (!isSkipping) rows.push("*");
      isSkipping = true;
      continue;
    }
    [before, isSkipping] = [digits, false];
    const address = (firstAddress + at).toString(16).padStart(8, "0");
    rows.push(`${address}  ${digits.padEnd(3 * ROW_BYTES - 1)}  |${ascii(row)}|`);
  }
  return rows;
}

function ascii(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
  }).join("");
}
