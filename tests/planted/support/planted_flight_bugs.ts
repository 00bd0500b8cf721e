/**
 * Planted bugs of flights: commits and checkpoints whose syncs run off the thread.
 */

import { bug, part, type PlantedBug, protect, whole } from "./planted_bugs.ts";

const CHECKPOINT = "pager/flush/checkpoint.ts";
const CHECKPOINTER = "pager/flush/checkpointer.ts";
const AHEAD = part("pager/flush/checkpoint_test.ts", "A checkpoint that is ahead");
const COMMIT_PATH = "pager/flush/flusher.ts";
const JOURNAL_PLACE = "pager/flush/journal_location.ts";
const JOURNAL = "pager/journal/journal.ts";
const WRITEBACK = "pager/cache/writeback.ts";

/** The rules of syncs that run off the thread. */
export const FLIGHT_BUGS: readonly PlantedBug[] = [
  bug(
    "flight-newest",
    "a flight makes durable what was written when it took off, and nothing newer",
    JOURNAL,
    "this.durableVersion = Math.max(this.durableVersion, flight.version);",
    "this.durableVersion = this.writtenVersion;",
    whole("flights"),
  ),
  bug(
    "flight-gap",
    "no batch is written through while one before it is not on the medium",
    JOURNAL,
    "return this.#durableSequence === this.sequence;",
    "return this.durableVersion === this.writtenVersion;",
    whole("flightCheckpoints"),
  ),
  bug(
    "flight-bypass",
    "rule 9: bypassed pages are on the medium before the batch that names them is written",
    JOURNAL,
    "      if (this.pending.hasBypassed) this.#setPendingAside();\n      else if",
    "      if",
    whole("flightsBypass"),
  ),
  bug(
    "flight-confirms-early",
    "a flight confirms what a batch confirmed when it took off, and nothing newer",
    JOURNAL,
    "this.confirmedVersion = Math.max(this.confirmedVersion, flight.confirmed);",
    "this.confirmedVersion = this.#meta.version;",
    whole("flightStages"),
  ),
  bug(
    "flight-confirms-itself",
    "a batch confirms what was on the medium before it, and not what it is synced with",
    JOURNAL,
    "if ((confirms || isWanted) && this.#nextConfirmed < this.durableVersion) {\n" +
      "      this.#writeConfirmation(false);\n",
    "if ((confirms || isWanted) && this.#nextConfirmed < this.writtenVersion) {\n" +
      "      this.#writeConfirmation(false);\n" +
      "      this.#nextConfirmed = this.writtenVersion;\n",
    part("pager/flush/checkpoint_test.ts", "A checkpoint in flight"),
  ),
  bug(
    "stage-stale",
    "a staged chunk is not written over pages that were written after it was staged",
    WRITEBACK,
    "    if (this.#staged.chunk === chunk) this.#staged.drop();\n    if (first",
    "    if (first",
    whole("flightStages"),
  ),
  bug(
    "stage-unconfirmed",
    "rule 1: a staged chunk is written once its version is confirmed",
    WRITEBACK,
    "    if (version > confirmed) return -1;\n",
    "",
    whole("flightStages"),
  ),
  bug(
    "stage-cleans",
    "a chunk that changed after it was staged stays dirty",
    WRITEBACK,
    "if (this.dirtyChunks.get(chunk) === version) {",
    "if (version > 0) {",
    whole("flightStages"),
  ),
  bug(
    "stage-rewrites",
    "rule 4: a page that was written from the stage is not written again without a change",
    WRITEBACK,
    "      this.#markUnchangedClean(first, version);\n",
    "",
    protect("flightStages"),
  ),
  bug(
    "slices-unsynced",
    "a checkpoint ends after a flight that took off behind its last slice",
    CHECKPOINT,
    "    if (this.#isSyncing) {\n      this.#isSyncing = false;\n",
    "    if (this.#chunks.length === 0) {\n      this.#isSyncing = false;\n",
    whole("flightCheckpoints"),
    part("pager/flush/checkpoint_test.ts", "A checkpoint in flight"),
  ),
  bug(
    "copy-unfinished",
    "a chunk that is written in parts stays dirty, and listed, until the last one",
    WRITEBACK,
    "    if (this.#staged.pagesLeft > 0) return -1;\n",
    "",
    part("pager/flush/checkpoint_test.ts", "A checkpoint in flight"),
  ),
  bug(
    "stage-reused",
    "a staged chunk is not written over a page of it that was freed, and written past the journal",
    WRITEBACK,
    "      if (pages[start]! >>> CHUNK_SHIFT === this.#staged.chunk) this.#staged.drop();\n",
    "",
    part("pager/flush/checkpoint_test.ts", "a slice of a checkpoint"),
  ),
  bug(
    "rest-endless",
    "a checkpoint that is ahead of the commits rests a few times in a row",
    CHECKPOINTER,
    "    this.#restCount++;\n",
    "",
    AHEAD,
  ),
  bug(
    "rest-hurried",
    "a checkpoint does not rest while others wait for its end",
    CHECKPOINTER,
    "if (this.#checkpoint.isRunning) this.#isHurried = true;",
    "if (this.#checkpoint.isRunning) return;",
    AHEAD,
  ),
  bug(
    "rest-growth",
    "a checkpoint of flights has ended when the area has to grow",
    CHECKPOINTER,
    "return Math.min(this.#partUntilDue, this.#fill.partUntilGrowth);",
    "return this.#partUntilDue;",
    part("store/write/flight_test.ts", "a journal that flights fill"),
  ),
  bug(
    "move-ignored",
    "a transaction ends a move of the journal before it begins",
    COMMIT_PATH,
    "  beforeTransaction(): void {\n    this.#finishSteps();\n",
    "  beforeTransaction(): void {\n",
    whole("flightMoves"),
  ),
  bug(
    "move-unsynced",
    "each step of a move that is ended in line follows a sync of the step before",
    "pager/journal/synced_steps.ts",
    "    if (!this.#isPaused) sync();\n",
    "",
    whole("flightMoves"),
  ),
  bug(
    "created-unsynced",
    "no superblock lists a new area of the journal that is not on the medium",
    JOURNAL_PLACE,
    "    this.show();\n    yield;\n",
    "    this.show();\n",
    whole("firstCommit"),
    whole("flightMoves"),
  ),
  bug(
    "close-unsynced",
    "each step of a close in turns follows a sync of the step before",
    COMMIT_PATH,
    "      await this.#disk.startSync();\n",
    "      await Promise.resolve();\n",
    "tests/crash/flight_fault_test.ts",
  ),
  bug(
    "area-left-unsynced",
    "the chunks that an area leaves have empty header pages before no superblock lists them",
    JOURNAL_PLACE,
    "    for (const chunk of this.#move.from) this.#writeHeaderPage(chunk, emptyHeaderPage());\n",
    "",
    whole("flightAreas"),
  ),
  bug(
    "area-unreserved",
    "no page takes a chunk that an area moves to or leaves before the move ends",
    JOURNAL_PLACE,
    "    for (const chunk of [to, ...area.chunks]) this.#listener.chunkReserved(chunk);\n",
    "",
    whole("flightAreas"),
  ),
  bug(
    "area-over-freed",
    "an area moves to no chunk in which a pending commit has freed pages",
    JOURNAL_PLACE,
    "Math.max(this.#layout().dataChunks, Math.ceil(freedEnd));",
    "Math.max(this.#layout().dataChunks, Math.ceil(freedEnd * 0));",
    part("pager/flush/journal_location_test.ts", "The journal"),
  ),
  bug(
    "release-unnoted",
    "rule 9: the bypass waits for the release of pages, of whichever commit",
    JOURNAL,
    "    if (this.pending.freedEnd > 0) this.#noteFreed(meta.version);\n",
    "",
    whole("bypass"),
    whole("flightsBypass"),
  ),
  bug(
    "growth-unlisted",
    "a batch is written to a chunk only after superblocks list it, where areas grow by flights",
    JOURNAL_PLACE,
    "    this.#superblock.writeFirstCopy({ open: true, journals });\n    yield;\n" +
      "    this.#superblock.writeSecondCopy();\n    yield;\n    this.#superblock.endSteps();\n" +
      "    area.chunks.push(...added);\n",
    "    area.chunks.push(...added);\n",
    whole("flightGrowth"),
  ),
  bug(
    "growth-ignored",
    "a checkpoint begins in line only after the growth of the areas",
    "pager/flush/checkpointer.ts",
    "    this.#growth.finish(this.#sync);\n    this.#moveEndBack();\n",
    "    this.#moveEndBack();\n",
    whole("flightGrowth"),
  ),
  bug(
    "growth-unshown",
    "a chunk that the journal takes by flights has its header page in memory",
    JOURNAL_PLACE,
    "      this.#replaceHeaderPage(chunk, journalHeaderPage(chunk, seed));\n    }\n  }\n\n" +
      "  /** Whether an area is moving",
    "    }\n  }\n\n  /** Whether an area is moving",
    part("pager/flush/journal_location_test.ts", "a chunk that the journal takes"),
  ),
  bug(
    "switch-without-room",
    "the journal continues in an area that has room for what is pending",
    JOURNAL,
    "    if (this.chunksToSwitch > this.otherArea.chunks.length) return false;\n" +
      "    return this.#areas.tryMakeRoom(this.otherArea, this.#pendingBytes() + BATCH_ALIGN",
    "    return this.#areas.tryMakeRoom(this.otherArea, BATCH_ALIGN",
    part("pager/flush/journal_location_test.ts", "a chunk that the journal takes"),
  ),
  bug(
    "taken-dirty",
    "no checkpoint writes to a chunk that the journal has taken",
    JOURNAL_PLACE,
    "    this.#writeback.forget(chunk);\n",
    "",
    part("pager/flush/journal_location_test.ts", "a chunk that the journal takes"),
  ),
  bug(
    "freed-forgotten",
    "a chunk that the journal gives back in a transaction is found after its rollback",
    JOURNAL_PLACE,
    "    meta.allocatorHint = Math.min(meta.allocatorHint, this.#lowestFreed);\n",
    "",
    part("pager/flush/journal_location_test.ts", "a chunk that the journal gives back"),
  ),
  bug(
    "written-hint",
    "a checkpoint at an older commit finds the chunks that the journal gave back since",
    JOURNAL_PLACE,
    "    this.#journal.lowerHint(this.#meta.allocatorHint);\n",
    "",
    part("pager/flush/journal_location_test.ts", "a chunk that the journal gives back"),
  ),
];
