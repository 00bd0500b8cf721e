/**
 * The interface of a place that keeps an archive.
 */

/**
 * A place that keeps an archive: objects of bytes under names of letters, digits and `-`. A call
 * that fails rejects; the archive repeats it, and so it does where a call has no answer for five
 * minutes. `folderStore` is one, and so is any service with
 * these four operations.
 */
export interface ArchiveStore {
  /**
   * Keeps an object, whole or not at all, durably when it resolves. The same object may be put
   * twice, and never another one under its name. The bytes are not changed afterwards.
   */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Resolves to the bytes of an object, or to undefined if there is none. */
  get(name: string): Promise<Uint8Array | undefined>;
  /**
   * Resolves to the names of all objects, in any order. Names of other origin are ignored. An
   * object that was put a moment ago may be missing, and a name may occur twice.
   */
  list(): Promise<readonly string[]>;
  /** Removes an object; none of the name is no error. */
  delete(name: string): Promise<void>;
}

/**
 * Refuses what is no store.
 *
 * @param action The refused action, for the message.
 * @throws {TypeError} An operation is missing.
 */
export function checkStore(action: string, store: unknown): asserts store is ArchiveStore {
  const calls: Readonly<Record<string, unknown>> = typeof store === "object" && store !== null
    ? store as Record<string, unknown>
    : {};
  for (const name of ["put", "get", "list", "delete"]) {
    if (typeof calls[name] === "function") continue;
    throw new TypeError(`Cannot ${action}: the store has no ${name}()`);
  }
}
