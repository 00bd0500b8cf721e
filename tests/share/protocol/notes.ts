/**
 * The note of the sidecar: how far a sync without the write lock has reached. A process writes it
 * after its sync; whoever waits for the medium believes it, and needs no sync of its own.
 *
 * Whatever a note says is true for ever: so it needs no lock and no order. An older one may replace
 * a newer one, which costs a sync, and each process keeps the furthest that it has seen.
 */

import { readNote, writeNoteSectors } from "../support/sidecar.ts";
import { type Process, reportErrors, type Steps } from "../support/world.ts";

/** Says that everything up to a sequence is on the medium. */
export function* writeNote(process: Process, durable: number): Steps<void> {
  if (!process.world.weather.isNoted || process.kind !== "sharing") return;
  yield* writeNoteSectors(process, { durable });
  process.world.count("notes written");
}

/** Learns how far the syncs of others have reached. */
export function* heedNote(process: Process): Steps<void> {
  const { world } = process;
  if (!world.weather.isNoted || process.kind !== "sharing") return;
  const note = yield* readNote(process);
  const known = Math.min(note?.durable ?? 0, process.sequence);
  if (known <= process.durable) return;
  process.durable = known;
  world.count("notes heeded");
}

/** Throws what the sync of a flight reports, which nobody may take for its success. */
export function* endFlight(process: Process, sequence: number): Steps<void> {
  try {
    reportErrors(process);
  } catch (error) {
    if (!process.world.keeps("noteFailed")) yield* writeNote(process, sequence);
    throw error;
  }
}
