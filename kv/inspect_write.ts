/**
 * The text of an atomic operation for `console.log`: the calls that made it, as Deno shows them.
 */

import { decodeValue, deserialize, LaterBytes } from "./value/value.ts";
import type { GivenMessage, GivenMutation, GivenWrite } from "./write/encode.ts";

/** The text of an operation. */
export function inspectWrite(
  write: GivenWrite<LaterBytes>,
  show: (value: unknown) => string,
): string {
  const calls = [
    ...write.checks.map(({ key, versionstamp }) => {
      const stamp = versionstamp === null ? "null" : `"${versionstamp}"`;
      return `check({ key: ${show(key)}, versionstamp: ${stamp} })`;
    }),
    ...write.mutations.map((mutation) => mutationCall(mutation, show)),
    ...write.enqueues.map((message) => enqueueCall(message, show)),
  ];
  if (calls.length === 0) return "AtomicOperation (empty)";
  return ["AtomicOperation", ...calls.map((call) => `  ${call}`)].join("\n");
}

function mutationCall(
  { key, type, value, expireIn }: GivenMutation<LaterBytes>,
  show: (value: unknown) => string,
): string {
  if (value === undefined) return `${type}(${show(key)})`;
  const options = expireIn === undefined ? "" : `, { expireIn: ${expireIn} }`;
  const decoded = value instanceof LaterBytes
    ? value.value
    : decodeValue(value.encoding, value.data);
  return `${type}(${show(key)}, ${show(decoded)}${options})`;
}

function enqueueCall(message: GivenMessage<LaterBytes>, show: (value: unknown) => string): string {
  const { payload, delay, keysIfUndelivered, backoffSchedule } = message;
  const options = [
    ...(delay === 0 ? [] : [`delay: ${delay}`]),
    ...(keysIfUndelivered.length === 0 ? [] : [`keysIfUndelivered: ${show(keysIfUndelivered)}`]),
    ...(backoffSchedule === undefined ? [] : [`backoffSchedule: ${show(backoffSchedule)}`]),
  ];
  const more = options.length === 0 ? "" : `, { ${options.join(", ")} }`;
  const value = payload instanceof LaterBytes ? payload.value : deserialize(payload);
  return `enqueue(${show(value)}${more})`;
}
