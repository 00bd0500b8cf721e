/**
 * What the package uses of the `Deno` namespace, some of which exists only with `--unstable-kv`,
 * and the names in it that programs see.
 */

/** The constructor of Deno's `KvU64`, for a class of its structure. */
interface U64Constructor {
  readonly prototype: object;
  new (value: bigint): { readonly value: bigint };
}

/** The parts of the namespace that need `--unstable-kv`. */
interface UnstableDeno {
  readonly KvU64?: U64Constructor;
  readonly openKv?: (path: string) => Promise<unknown>;
}

/** The method by which a class shows itself in `console.log`. */
export const CUSTOM_INSPECT: symbol = Symbol.for("Deno.customInspect");

/** The tag of a 64-bit integer. */
export const U64_TAG = "Deno.KvU64";

/** The texts of errors that name Deno's classes. */
export const TEXTS = {
  noConstructor: "Deno.Kv can not be constructed: use Deno.openKv instead",
  noPromise: "'Deno.AtomicOperation' is not a promise: did you forget to call 'commit()'",
} as const;

const unstable = Deno as unknown as UnstableDeno;

/** Deno's class of 64-bit integers, if it exists. */
export const nativeU64: U64Constructor | undefined = unstable.KvU64;

/**
 * Opens a database of a KV Connect server by Deno's own client.
 *
 * @throws {TypeError} The program runs without `--unstable-kv`.
 */
export async function openRemote(url: string): Promise<unknown> {
  if (unstable.openKv === undefined) {
    throw new TypeError("Cannot open a URL: run the program with --unstable-kv");
  }
  return await unstable.openKv(url);
}

/** The error of a handle that was closed. */
export function badResource(): Error {
  return new Deno.errors.BadResource("Bad resource ID");
}

/**
 * The identity of a file, the same for all its paths; undefined if there is none, or if the system
 * does not say.
 */
export function fileIdentity(path: string | URL): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    // Of a larger number the last bits are lost, so other files could have the same.
    const isExact = ino !== null && ino > 0 && Number.isSafeInteger(ino);
    return isExact ? `${dev}:${ino}` : Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}

/** Reports an error that a program's handler threw, and that nothing else receives. */
export function reportHandlerError(error: unknown): void {
  console.error("Exception in queue handler", error);
}
