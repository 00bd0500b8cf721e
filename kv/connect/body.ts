/**
 * Reads the body of a request: no more bytes than a limit, and no longer than a time.
 */

import { clearTimeout, setTimeout } from "node:timers";
import { RefusedError } from "./refusal.ts";

const BODY_MS_MAX = 30_000;

/**
 * The body of a request.
 *
 * @throws {RefusedError} It has more than `max` bytes, or does not arrive.
 */
export async function bodyOf(request: Request, max: number): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > max) throw tooLarge(max);
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(tooLate()), BODY_MS_MAX);
  try {
    return await Promise.race([readAll(reader, max), late.promise]);
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
): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (;;) {
    const { value: part } = await reader.read();
    if (part === undefined) break;
    length += part.length;
    if (length > max) throw tooLarge(max);
    parts.push(part);
  }
  if (parts.length === 1) return parts[0]!;
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function tooLarge(max: number): RefusedError {
  return new RefusedError(413, `The body has more than ${max} bytes`);
}

function tooLate(): RefusedError {
  return new RefusedError(408, `The body did not arrive in ${BODY_MS_MAX / 1000} s`);
}
