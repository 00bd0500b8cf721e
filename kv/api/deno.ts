/**
 * What the package uses of the `Deno` namespace, some of which exists only with `--unstable-kv`,
 * and the names in it that programs see.
 */

/** The constructor of Deno's `KvU64`, for a class of its structure. */
interface U64Constructor {
  readonly prototype: object;
  new (value: bigint): { readonly value: bigint };
}

/** Deno's classes whose instances only Deno creates. */
interface NativeClasses {
  readonly Kv?: { readonly prototype: object };
  readonly AtomicOperation?: { readonly prototype: object };
  readonly KvListIterator?: { readonly prototype: object };
}

/** The parts of the namespace that need `--unstable-kv`. */
interface UnstableDeno extends NativeClasses {
  readonly KvU64?: U64Constructor;
  readonly openKv?: (path: string) => Promise<unknown>;
}

/** The method by which a class shows itself in `console.log`. */
export const CUSTOM_INSPECT: symbol = Symbol.for("Deno.customInspect");

/** The tag of a 64-bit integer. */
export const U64_TAG = "Deno.KvU64";

/** The beginning of Deno KV's own files. */
const NATIVE_FORMAT = "SQLite format 3\0";

/** The texts of errors that name Deno's classes. */
export const TEXTS = {
  noConstructor: "Deno.Kv can not be constructed: use Deno.openKv instead",
  noPromise: "'Deno.AtomicOperation' is not a promise: did you forget to call 'commit()'",
} as const;

const unstable = Deno as unknown as UnstableDeno;

/** Deno's own function, also where a program puts Quire's in its place. */
const nativeOpen = unstable.openKv;

/** Deno's class of 64-bit integers, if it exists. */
export const nativeU64: U64Constructor | undefined = unstable.KvU64;

/** Makes the instances of a class also instances of Deno's class of that name, if it exists. */
export function joinNativeClass(own: object, name: keyof NativeClasses): void {
  const native = unstable[name]?.prototype;
  if (native === undefined) return;
  Object.setPrototypeOf(own, native);
  // Deno's methods of that kind read Deno's private fields.
  for (const symbol of Object.getOwnPropertySymbols(native)) {
    if (!Object.hasOwn(own, symbol)) Object.defineProperty(own, symbol, { value: undefined });
  }
}

/**
 * Opens a database of Deno KV, in a file or of a server, by Deno itself.
 *
 * @throws {TypeError} The program runs without `--unstable-kv`, or the server refuses.
 */
export async function openNative(place: string): Promise<unknown> {
  if (nativeOpen === undefined) {
    throw new TypeError(`Cannot open ${place}: Deno.openKv is missing without --unstable-kv`);
  }
  return await nativeOpen(place);
}

/** Whether the program runs with `--unstable-kv`. */
export function hasNativeKv(): boolean {
  return nativeOpen !== undefined;
}

/**
 * Whether a file has the format of Deno KV's own files. False if the system does not say: then to
 * open it fails.
 */
export function isNativeFile(path: string): boolean {
  try {
    // To open a pipe would wait for a writer.
    if (!Deno.statSync(path).isFile) return false;
    using file = Deno.openSync(path, { read: true });
    const start = new Uint8Array(NATIVE_FORMAT.length);
    file.readSync(start);
    return new TextDecoder().decode(start) === NATIVE_FORMAT;
  } catch {
    return false;
  }
}

/** Whether there is nothing at a path, or an empty file, as a new one of Deno KV is at first. */
export function isVacant(path: string): boolean {
  try {
    const { isFile, size } = Deno.lstatSync(path);
    return isFile && size === 0;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
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

/** Reports an error that nothing else receives. */
export function reportFailure(what: string, error: unknown): void {
  console.error(`${what}:`, error);
}

/** Reports an error that a program's handler threw, and that nothing else receives. */
export function reportHandlerError(error: unknown): void {
  console.error("Exception in queue handler", error);
}
