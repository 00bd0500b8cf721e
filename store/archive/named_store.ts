/**
 * What failures of a store say, and a store whose errors say it, for callers that do not repeat its
 * calls.
 */

import { IoError } from "../../pager/mod.ts";
import { untilAborted } from "../backup/waiting.ts";
import type { ArchiveStore } from "./archive_store.ts";

/** A store whose errors say what failed, and whose calls a signal ends, with its reason. */
export function namedStore(store: ArchiveStore, signal?: AbortSignal): ArchiveStore {
  const attempt = async <T>(action: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await untilAborted(call(), signal);
    } catch (cause) {
      signal?.throwIfAborted();
      throw storeFailure(action, cause);
    }
  };
  return {
    put: (name, bytes) => attempt("write", () => store.put(name, bytes)),
    get: (name) => attempt("read", () => store.get(name)),
    list: () => attempt("list", () => store.list()),
    delete: (name) => attempt("delete from", () => store.delete(name)),
  };
}

/** The error for a call of a store that failed; one of the file system names its file already. */
export function storeFailure(action: string, cause: unknown): IoError {
  if (cause instanceof IoError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new IoError(`Cannot ${action} the archive: ${why}`, { cause });
}
