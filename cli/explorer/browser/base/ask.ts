/**
 * Queries to the server: one query, and a hook that repeats a query for a component.
 */

import { useEffect, useState } from "preact/hooks";
import type { Refusal } from "../../api_types.ts";
import { tokenHeaders } from "./token.ts";

/** The state of a query. */
export interface Answer<T> {
  /** The last answer. */
  readonly data: T | undefined;
  /** Why the last query was refused. */
  readonly error: string;
  /** Whether a query is in progress. */
  readonly isAsking: boolean;
}

/**
 * Sends a query.
 *
 * @throws {Error} The server refused it, or does not respond.
 */
export async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await fetchFrom(path, signal);
  const body: unknown = await response.json();
  if (!response.ok) throw new Error((body as Refusal).error);
  return body as T;
}

async function fetchFrom(path: string, signal?: AbortSignal): Promise<Response> {
  try {
    const headers = tokenHeaders();
    return await fetch(path, signal === undefined ? { headers } : { headers, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Error("The explorer has ended.");
  }
}

/**
 * The answer to a query. The query is sent again when it changes, and at an interval.
 *
 * @param path The query; undefined = none.
 * @param everyMs Milliseconds from an answer to the next query; 0 = no repetition.
 * @param epoch Sends the query again when it changes.
 */
export function useAnswer<T>(path: string | undefined, everyMs = 0, epoch = 0): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T> & { path: string | undefined }>(NOTHING);
  useEffect(() => {
    if (path === undefined) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const turn = async () => {
      setAnswer((last) => ({ ...last, isAsking: true }));
      try {
        const data = await ask<T>(path, abort.signal);
        setAnswer({ data, error: "", isAsking: false, path });
      } catch (error) {
        if (abort.signal.aborted) return;
        const message = error instanceof Error ? error.message : String(error);
        setAnswer((last) => ({ ...last, error: message, isAsking: false, path }));
      }
      if (everyMs > 0) timer = setTimeout(turn, everyMs);
    };
    turn();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, epoch]);
  // Ignore the answer to another query.
  return answer.path === path ? answer : { ...NOTHING, isAsking: path !== undefined };
}

const NOTHING = { data: undefined, error: "", isAsking: false, path: undefined };
