/**
 * Reads the body of a request: no more bytes than a limit, and no longer than a time.
 */

import { clearTimeout, setTimeout } from "node:timers";
import type { RequestMemory } from "./memory_budget.ts";
import { RefusedError } from "./refusal.ts";

const BODY_MS_MAX = 30_000;

/**
 * The body of a request.
 *
 * @param memory Takes its bytes as they arrive.
 * @throws {RefusedError} It has more than `max` bytes, does not arrive, or finds no memory.
 */
export async function bodyOf(
  request: Request,
  max: number,
  memory: RequestMemory,
): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > max) throw tooLarge(max);
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(tooLate()), BODY_MS_MAX);
  try {
    return await Promise.race([readAll(reader, max, memory), late.promise]);
  } catch (error) {
    if (error instanceof RefusedError) throw error;
    throw new RefusedError(400, "The body was cut off");
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}

async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  max: number,
  memory: RequestMemory,
): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (;;) {
    const { value: part } = await reader.read();
    if (part === undefined) break;
    length += part.length;
    if (length > max) throw tooLarge(max);
    memory.take(part.length);
    parts.push(part);
  }
  if (parts.length === 1) return parts[0]!;
  const body = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return body;
}

function tooLarge(max: number): RefusedError {
  return new RefusedError(413, `The body has more than ${max} bytes`);
}

function tooLate(): RefusedError {
  return new RefusedError(408, `The body did not arrive in ${BODY_MS_MAX / 1000} s`);
}
