/**
 * The ways to read a file that a study compares: through the system's cache, warm and cold, past
 * it, and by a mapping, warm and cold.
 */

import type { Trial } from "./sampling.ts";
import { BLOCK_BYTES, readAt, type Subject, valueOf } from "./subject.ts";

/** Reads the bytes at a position. */
export type Read = (length: number, position: number) => void;

/** A way of reading, or its name alone if it is absent. */
export interface Way {
  readonly name: string;
  /** Undefined if it is absent. */
  readonly read: Read | undefined;
  /** Makes the file cold; undefined for ways that are not. */
  readonly chill?: (() => void) | undefined;
}

/** The ways, by what they are called in rows. */
export interface Ways {
  readonly warm: Way;
  readonly cold: Way;
  readonly direct: Way;
  readonly mapWarm: Way;
  readonly mapCold: Way;
  readonly mapColdRandom: Way;
}

/** The sum of what was read from mappings, so that no read is left out. */
let seen = 0;

/** The ways to a file. */
export function waysTo(subject: Subject): Ways {
  const { descriptor } = subject;
  const direct = valueOf(subject.direct);
  const drop = valueOf(subject.drop);
  const mapping = valueOf(subject.mapping);
  const pread: Read = (length, position) => {
    readAt(descriptor, length, position);
    subject.noteRead(length, position);
  };
  const touch: Read | undefined = mapping && ((length, position) => {
    const { bytes } = mapping;
    // One byte of each block brings all of it in.
    for (let at = position; at < position + length; at += BLOCK_BYTES) seen += bytes[at]!;
  });
  const mapped = (advice: "normal" | "random") =>
    mapping && drop && (() => {
      drop();
      mapping.advise(advice);
    });
  return {
    warm: { name: "pread, warm", read: pread },
    cold: { name: "pread, cold", read: drop && pread, chill: drop },
    direct: { name: "direct", read: direct && directRead(direct.descriptor, direct.unit) },
    mapWarm: { name: "mmap, warm", read: touch },
    mapCold: { name: "mmap, cold", read: drop && touch, chill: mapped("normal") },
    mapColdRandom: { name: "mmap, cold, random", read: drop && touch, chill: mapped("random") },
  };
}

/** Reads the units that contain the bytes. */
function directRead(descriptor: number, unit: number): Read {
  return (length, position) => {
    const start = position - position % unit;
    const end = Math.ceil((position + length) / unit) * unit;
    readAt(descriptor, end - start, start);
  };
}

/** The trial of a way; undefined if the way is absent. */
export function trialOf(way: Way, trial: TrialOf): Trial | undefined {
  const { read, chill } = way;
  if (read === undefined) return undefined;
  const { places, reads = 1 } = trial;
  return { places, reads, chill, run: (place) => trial.run(read, place) };
}

/** A trial of any way. */
export interface TrialOf {
  readonly places: number;
  readonly reads?: number;
  run(read: Read, place: number): void;
}

/** Reads the whole file, so that it is in the system's cache. */
export function warmUp(subject: Subject): void {
  const { descriptor, bytes, mapping } = subject;
  const step = 1 << 20;
  subject.noteRead(bytes, 0);
  for (let at = 0; at < bytes; at += step) readAt(descriptor, Math.min(step, bytes - at), at);
  if (!("value" in mapping)) return;
  for (let at = 0; at < bytes; at += BLOCK_BYTES) seen += mapping.value.bytes[at]!;
}
