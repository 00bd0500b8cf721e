/**
 * Recovery in the model of flights: replays the batches of an image, and tells a cut journal from a
 * rotten one. It is not interrupted itself.
 */

import type { Batch, Image, Superblock } from "./flight_medium.ts";
import { cellOf, LOADED, slotOf } from "./flight_state.ts";

/** A loaded page that does not match its header. */
const MISMATCH = -1;

/** Thrown by `recover` for a journal that lacks a batch which was on the medium. */
export class RottenJournal extends Error {}

/**
 * Recovers an image: the version that it finds, and the pages of it.
 *
 * @param loadedPlace Where the loaded page is.
 */
export function recover(image: Image, loadedPlace: number): { version: number; pages: number[] } {
  const copies = [image["copy 0"], image["copy 1"]] as Superblock[];
  const start = copies[0]!.number > copies[1]!.number ? copies[0]! : copies[1]!;
  const pages = [0, 1, LOADED].map((chunk) => image[cellOf(chunk)] as number);
  let { generation, sequence, version } = start;
  let slot = 0;
  for (let isFirst = !start.isClean, isDone = start.isClean; !isDone;) {
    const area = generation & 1;
    const batch = image[slotOf(start.places[area]!, slot)] as Batch | null;
    const isListed = slot < start.lengths[area]!;
    if (isListed && batch?.generation === generation && batch.sequence === sequence + 1) {
      for (const record of batch.records) pages[record.page] = record.version;
      ({ sequence, version } = batch);
      slot++;
    } else if (isFirst) {
      isFirst = false;
      generation++;
      slot = 0;
    } else isDone = true;
  }
  if (!start.isClean) checkTail(image, start, sequence + 1);
  const loaded = image[slotOf(loadedPlace, 0)];
  if (pages[LOADED] !== 0 && pages[LOADED] !== loaded) pages[LOADED] = MISMATCH;
  return { version, pages };
}

/** Refuses a journal where a later batch says that the missing one was on the medium. */
function checkTail(image: Image, start: Superblock, missing: number): void {
  start.places.forEach((place, area) => {
    for (let slot = 0; slot < start.lengths[area]!; slot++) {
      const value = image[slotOf(place, slot)]!;
      if (value === null || typeof value === "number" || !("records" in value)) continue;
      if (value.generation >= start.generation && value.durable >= missing) {
        throw new RottenJournal(`batch ${missing} is missing`);
      }
    }
  });
}
