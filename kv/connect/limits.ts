/**
 * The limits of a server: how much a client may send, ask for and hold open.
 */

/** The longest frame of a watch that Deno's client reads. */
export const PACKET_BYTES_MAX: number = 16 * 2 ** 20;

/** The limits of a server. */
export interface ServerLimits {
  /** The bytes of the body of a request. Default 16 MiB. */
  readonly bodyBytes: number;
  /** The bytes of the keys and values that a read returns. Default 128 MiB. */
  readonly responseBytes: number;
  /** The ranges of a read. Default 1000. */
  readonly ranges: number;
  /** The entries that all ranges of a read ask for. Default 100 000. */
  readonly entries: number;
  /** The checks of a write, its mutations and its messages, each. Default 10 000. */
  readonly changes: number;
  /** The keys of a watch. Default 1000. */
  readonly watchedKeys: number;
  /** The watches that are open at the same time. Default 1000. */
  readonly watches: number;
  /**
   * The bytes of the bodies of all requests, of answers that clients have not read yet, and of
   * states of watches, together. Default 512 MiB, or what one request may need.
   */
  readonly memoryBytes: number;
}

const MIB = 2 ** 20;

const DEFAULTS: ServerLimits = {
  bodyBytes: 16 * MIB,
  responseBytes: 128 * MIB,
  ranges: 1000,
  entries: 100_000,
  changes: 10_000,
  watchedKeys: 1000,
  watches: 1000,
  memoryBytes: 512 * MIB,
};
/** What an answer adds to keys and values, at most, for each entry. */
const ENTRY_BYTES = 64;

/**
 * The limits of the options of a server.
 *
 * @throws {TypeError} One is not a positive integer, or has no such name.
 */
export function serverLimitsOf(given: Partial<ServerLimits> = {}): ServerLimits {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULTS, name)) throw new TypeError(`Cannot serve: no limit is ${name}`);
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new TypeError(`Cannot serve: the limit ${name} is not a positive integer`);
  }
  const limits = { ...DEFAULTS, ...given };
  const needed = bytesNeeded(limits);
  if (given.memoryBytes === undefined) {
    return { ...limits, memoryBytes: Math.max(limits.memoryBytes, needed) };
  }
  if (limits.memoryBytes >= needed) return limits;
  throw new TypeError(`Cannot serve: one request may need ${needed} bytes, more than memoryBytes`);
}

/** The bytes that one request may need: a client tries for ever what never fits. */
function bytesNeeded({ bodyBytes, responseBytes, entries }: ServerLimits): number {
  return Math.max(bodyBytes + responseBytes + ENTRY_BYTES * entries, PACKET_BYTES_MAX);
}
