/**
 * Planted bugs of shared files: the turns of those who write, copies of a version, watchers.
 */

import { also, bug, part, type PlantedBug } from "./planted_bugs.ts";

const TREES = "store/restarting_tree.ts";
const SESSION = "store/follow/sharing_session.ts";
const REMOTE = "store/follow/remote_changes.ts";
const VERSIONS = "pager/share/version_pages.ts";
const WORK_TEST = "tests/share/shared_work_test.ts";
const WATCH_TEST = "tests/share/watch_test.ts";
const PATH = "pager/share/shared_flusher.ts";
const TAKEN = "pager/share/remote_commits.ts";
const QUEUE = "pager/copy/commit_queue.ts";
const ARCHIVE = part("tests/share/archive_test.ts", "an archive of a shared database");
const KILLED = part("tests/share/archive_test.ts", "an archive of a shared file whose writer");
const FAILURES = "tests/share/shared_failure_test.ts";
const PINS = "pager/sidecar/pins.ts";
const PINS_TEST = "pager/sidecar/pins_test.ts";
const POWER = part("tests/share/shared_power_test.ts", "power cuts of processes that share");
const AFTER_HOLD = part("tests/share/interleaved_shared_test.ts", "gives the lock up before");

/** Bugs of shared files. */
export const SHARE_BUGS: readonly PlantedBug[] = [
  bug(
    "share-arguments",
    "a change that waits for its turn keeps its arguments as they were",
    TREES,
    "    if (!isObject(value)) return value;\n",
    "    if (value !== null) return value;\n",
    WORK_TEST,
  ),
  bug(
    "share-many-versions",
    "the keys of one read have one version, where it begins anew",
    "store/read/read_tree.ts",
    "(key) => get.call(this, key)",
    "(key) => this.get(key)",
    part(WORK_TEST, "a read of several keys of KV"),
  ),
  bug(
    "share-waits-on",
    "a call that waits for its turn is refused when the database has closed",
    SESSION,
    '    this.#turns.rejectAll(new ClosedError("Cannot use the database: it is closed"));\n',
    "",
    part(WORK_TEST, "a write, while another process"),
  ),
  bug(
    "share-overtakes",
    "calls that wait for the lock come before a writeSync that follows them",
    SESSION,
    "if (!this.#turns.isEmpty && !this.closed && this.pager.depth === 0) this.#runWaiting();",
    "",
    WORK_TEST,
  ),
  bug(
    "share-placed",
    "a copy gives up where pages newer than its version may be in place",
    VERSIONS,
    "    if (this.#share.placedVersion() > version) {\n",
    "    if (this.#share.placedVersion < 0) {\n",
    WORK_TEST,
  ),
  bug(
    "share-pending",
    "a copy has the commits that wait for the end of the turn when it begins",
    VERSIONS,
    "    this.#pending.writePending();\n",
    "",
    WORK_TEST,
  ),
  bug(
    "share-latest-header",
    "the headers of a version are those of its records, not of later ones",
    VERSIONS,
    "this.#index.copyHeader(first + slot, frame, slot, version);",
    "this.#index.copyHeader(first + slot, frame, slot);",
    WORK_TEST,
  ),
  bug(
    "share-watch-own",
    "a watcher hears of a commit of its own process once",
    REMOTE,
    "    if (known.meta.version === this.#database.pager.meta.version) return;\n",
    "    if (known.meta.version <= this.#database.pager.meta.version) return;\n",
    WATCH_TEST,
  ),
  bug(
    "share-sync-after",
    "a commit whose hold ends before its sync is acknowledged after it",
    PATH,
    "      if (!this.#share.isDurable) this.syncBehind();\n",
    "",
    AFTER_HOLD,
  ),
  bug(
    "share-note-untold",
    "others hear of a sync without the lock",
    PATH,
    "    this.#share.noteSynced();\n",
    "    this.#share.noteDurable();\n",
    AFTER_HOLD,
  ),
  bug(
    "share-note-early",
    "others hear of a sync after it has succeeded",
    PATH,
    "    this.#parts.journal.sync();\n    this.#hold.noteSync",
    "    this.#share.noteSynced();\n    this.#parts.journal.sync();\n    this.#hold.noteSync",
    part(FAILURES, "a shared file whose calls fail"),
  ),
  bug(
    "share-durable-early",
    "the commit word names as durable only what was synced",
    PATH,
    "      this.#write(isForced || this.#hold.waits);\n",
    "      this.#write(isForced || this.#hold.waits);\n      this.#share.noteDurable();\n",
    AFTER_HOLD,
  ),
  bug(
    "share-archive-others",
    "an archive has each batch of another process by itself",
    TAKEN,
    "      tap?.takenOver(version, group.meta, group.bytes);\n",
    "",
    ARCHIVE,
  ),
  also(
    bug(
      "share-archive-gap",
      "a queue that has missed a commit loses all that it has",
      QUEUE,
      "if (records === undefined || before !== this.#last) return this.lose();",
      "if (records === undefined) return this.lose();",
      ARCHIVE,
    ),
    TAKEN,
    "    taps.tap?.missed();\n    writeback",
    "    writeback",
  ),
  bug(
    "share-archive-missed",
    "an archive copies pages where the journal of others was gone before it was read",
    TAKEN,
    "    taps.tap?.missed();\n    writeback",
    "    writeback",
    ARCHIVE,
  ),
  bug(
    "share-archive-joined",
    "commits that were read as one batch are archived as one",
    QUEUE,
    "const joined = meta.version - before - 1;",
    "const joined = 0 * before;",
    ARCHIVE,
  ),
  bug(
    "share-archive-between",
    "a version between commits that were archived as one is refused",
    "store/archive/restore_archive.ts",
    'if (work.isPastEnd && typeof point === "number" && point !== work.meta.version) {',
    'if (work.isPastEnd && typeof point === "number" && point < 0) {',
    ARCHIVE,
  ),
  bug(
    "share-archive-not-durable",
    "what another process has not synced is synced before it is archived",
    "store/archive/archiver.ts",
    "    await this.#session.reachMedium(version);\n" +
      "    if (this.#needsPages || this.#queue.isLost) await this.#shipPages();\n" +
      "    else await this.#shipCommits(pager.durableVersion);\n",
    "    if (this.#needsPages || this.#queue.isLost) await this.#shipPages();\n" +
      "    else await this.#shipCommits(version);\n",
    KILLED,
  ),
  bug(
    "share-archive-role",
    "one of the processes that share a file archives it",
    "store/archive/archive_role.ts",
    "    if (!lock.tryLock(true)) return false;\n",
    "    lock.tryLock(true);\n",
    ARCHIVE,
  ),
  bug(
    "share-unwritten-seen",
    "what a failed write leaves in memory is forgotten",
    PATH,
    "      if (!isWritten) this.#loadAfterFailure();\n",
    "",
    FAILURES,
  ),
  bug(
    "share-rest",
    "followers of a shared file at rest see its last commit",
    "pager/share/sharing.ts",
    "      this.#flusher.confirmLast();\n",
    "",
    part(WORK_TEST, "a shared file at rest"),
  ),
  bug(
    "share-pin-look",
    "a process that was stopped for long gives up no place that is another's now",
    PINS,
    "    if (this.#isOwn()) this.#side",
    "    if (this.#own >= 0) this.#side",
    PINS_TEST,
  ),
  bug(
    "share-pin-stopped",
    "a process that was stopped in the middle of a write of its pin gives its place up",
    PINS,
    "    if (wasStopped) this.#own = -1;\n",
    "",
    PINS_TEST,
  ),
  bug(
    "share-unnamed",
    "who takes the write lock names itself in the lock file",
    "pager/sidecar/holder_note.ts",
    "    if (!isOwn) this.#file",
    "    if (this.#found[0] === 0) this.#file",
    "pager/sidecar/write_lock_test.ts",
  ),
  bug(
    "share-half-read",
    "a hold reads on to the end of the journal if the one before it failed to",
    "pager/share/share.ts",
    "    this.#isCurrent = false;\n    this.#catchUpLocked();\n",
    "    this.#catchUpLocked();\n",
    FAILURES,
  ),
  bug(
    "share-unannounced",
    "no commit is acknowledged before the commit word names it",
    PATH,
    "      if (!this.#share.isAnnounced) this.#announceAgain();\n",
    "",
    FAILURES,
  ),
  bug(
    "share-power-place",
    "pages are synced before the superblock that counts on them",
    "pager/share/shared_checkpoint.ts",
    "    placePages(to, generation, meta.version);\n    journal.sync();\n",
    "    placePages(to, generation, meta.version);\n",
    POWER,
  ),
  bug(
    "share-power-heed",
    "a commit that the commit word names is not durable for that",
    "pager/share/share.ts",
    "if (word !== undefined) position.noteDurable(word.durable);",
    "if (word !== undefined) position.noteDurable(word.sequence);",
    POWER,
  ),
  bug(
    "share-power-note-early",
    "a note of a sync is written after the sync, and others rely on it",
    PATH,
    "    this.#parts.journal.sync();\n    this.#hold.noteSync",
    "    this.#share.noteSynced();\n    this.#parts.journal.sync();\n    this.#hold.noteSync",
    POWER,
  ),
];
