/**
 * Asking the server: answers as data, and components that ask as often as they have to.
 */

import { useEffect, useState } from "preact/hooks";
import type { Refusal } from "../api_types.ts";
import { tokenHeaders } from "./token.ts";

/** An answer, or why there is none yet. */
export interface Answer<T> {
  /** The last answer. */
  readonly data: T | undefined;
  /** Why the last question was refused. */
  readonly error: string;
  /** Whether a question is on its way. */
  readonly isAsking: boolean;
}

/**
 * Asks a question.
 *
 * @throws {Error} The server refused it, or is gone.
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
    throw new Error("The explorer has ended: nobody answers.");
  }
}

/**
 * The answer to a question, asked again when the question changes, and every so often.
 *
 * @param path The question; undefined = none.
 * @param everyMs How long after an answer to ask again; 0 = never.
 * @param epoch Asks again when it changes.
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
  // What was answered to another question is no answer to this one.
  return answer.path === path ? answer : { ...NOTHING, isAsking: path !== undefined };
}

const NOTHING = { data: undefined, error: "", isAsking: false, path: undefined };
