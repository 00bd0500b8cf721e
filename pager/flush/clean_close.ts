/**
 * The end of a session: a file that is marked clean, without a journal, cut behind its last page.
 *
 * On a full disk it claims the first bytes of the next session's journal, so that other users of
 * the disk cannot take them. Where pages in use follow the journal, its chunks are no room for
 * another one: the journal stays, empty, and the file stays marked open.
 */

import type { Journal } from "../journal/journal.ts";
import type { Steps } from "../journal/synced_steps.ts";
import type { DiskRoom } from "./disk_room.ts";
import type { FileEnd } from "./file_end.ts";
import type { JournalLocation } from "./journal_location.ts";

/** Gives the journal back once everything is in the pages of the file. */
export function* leaveClean(
  parts: { journal: Journal; location: JournalLocation; fileEnd: FileEnd; room: DiskRoom },
): Steps {
  const { journal, location, fileEnd, room } = parts;
  const isTight = room.mayBeTight && !fileEnd.hasPlenty();
  const chunks = new Set(journal.chunks.flat());
  if (isTight && fileEnd.pageCountWithout(chunks, Infinity) > location.pageCountMin) return;
  yield* location.giveBack(Infinity);
  fileEnd.cut();
  if (!isTight) return;
  fileEnd.claimNextJournal();
  yield;
}
