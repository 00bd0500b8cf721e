/**
 * Adds the location to errors of codecs: the tree, the key, and the index among many entries. The
 * codec's message comes first.
 */

const SHOWN_UNITS = 60;

/**
 * The error to throw for an error of a codec.
 *
 * @param tree The name of the tree.
 * @param key The key as given or, if it could not be decoded, its bytes.
 * @param index The index among many entries, from 0.
 */
export function inEntry(error: unknown, tree: string, key: unknown, index?: number): unknown {
  if (!(error instanceof TypeError || error instanceof RangeError)) return error;
  // A user's codec may throw its own classes of errors.
  const { constructor } = error;
  if (constructor !== TypeError && constructor !== RangeError) return error;
  const entry = index === undefined ? "" : `, entry ${index}`;
  const message = `${error.message} (tree ${tree}, key ${shown(key)}${entry})`;
  const cause = error.cause ?? error;
  return constructor === TypeError
    ? new TypeError(message, { cause })
    : new RangeError(message, { cause });
}

/** A key in one short line, whatever it is. */
function shown(key: unknown): string {
  let text: string;
  try {
    text = key instanceof Uint8Array ? hexOf(key) : JSON.stringify(key, plain) ?? String(key);
  } catch {
    text = typeof key;
  }
  return text.length <= SHOWN_UNITS ? text : `${text.slice(0, SHOWN_UNITS - 3)}...`;
}

function plain(_: string, part: unknown): unknown {
  if (part instanceof Uint8Array) return hexOf(part);
  return typeof part === "bigint" ? String(part) : part;
}

function hexOf(bytes: Uint8Array): string {
  const digits = Array.from(bytes.subarray(0, SHOWN_UNITS), (byte) => {
    return byte.toString(16).padStart(2, "0");
  });
  return `0x${digits.join("")}`;
}
