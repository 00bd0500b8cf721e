/**
 * Planted bugs of archives, and of restores from them.
 */

import { also, bug, part, type PlantedBug } from "./planted_bugs.ts";

const ARCHIVER = "store/archive/archiver.ts";
const INDEX = "store/archive/segments/archive_index.ts";
const MODEL = "tests/model/archive_test.ts";
const POWER = "tests/crash/archive_power_test.ts";
const ARCHIVE = "store/archive/archive_test.ts";
const REPLICA = "store/archive/replica_test.ts";
const LAYERS = "pager/file/layered_file_test.ts";
const MERGING = "store/archive/segments/merging.ts";
const MERGER_TEST = "store/archive/merger_test.ts";
const INDEX_TEST = "store/archive/segments/archive_index_test.ts";

/** Bugs of archives. */
export const ARCHIVE_BUGS: readonly PlantedBug[] = [
  bug(
    "archive-not-durable",
    "only commits that are on the medium are archived",
    ARCHIVER,
    "    await this.#session.reachMedium(version);\n" +
      "    if (this.#needsPages || this.#queue.isLost) await this.#shipPages();\n" +
      "    else await this.#shipCommits(pager.durableVersion);\n",
    "    if (this.#needsPages || this.#queue.isLost) await this.#shipPages();\n" +
      "    else await this.#shipCommits(pager.meta.version);\n",
    POWER,
  ),
  bug(
    "increment-uncut",
    "pages that an archived increment does not have are not in a restored file",
    "pager/copy/increment_apply.ts",
    "    if (this.#disk.size() > end) this.#disk.truncate(end);\n",
    "",
    part(ARCHIVE, "restore() from an archive"),
  ),
  also(
    bug(
      "archive-drops-commit",
      "a commit that does not fit in the queue is archived with others",
      "pager/copy/commit_queue.ts",
      "if (this.bytes + bytes > this.#bytesMax) return this.lose();",
      "if (this.bytes + bytes > this.#bytesMax) return;",
      ARCHIVE,
    ),
    "pager/copy/commit_queue.ts",
    "if (records === undefined || before !== this.#last) return this.lose();",
    "if (records === undefined) return this.lose();",
  ),
  bug(
    "archive-page-of-later",
    "a page that a commit bypassed is archived as of that commit",
    "pager/copy/commit_packets.ts",
    "if (!versions.copyTo(page, snapshot, this.#scratch, SCRATCH)) {",
    "if (versions.snapshots.snapshotCount >= 0) {",
    MODEL,
  ),
  bug(
    "archive-apart",
    "an archive that continues begins with the sum of the state that it found",
    ARCHIVER,
    "    this.#tip = position;\n  }\n",
    "    this.#tip = position;\n" +
      "    this.#needsPages = position.version < this.#session.pager.meta.version;\n  }\n",
    ARCHIVE,
  ),
  bug(
    "archive-other-history",
    "a copy is not archived behind commits that its source has made since",
    "pager/copy/history.ts",
    "state.history === origin && state.version <= originVersion;",
    "state.history === origin;",
    ARCHIVE,
  ),
  bug(
    "archive-branch",
    "a backup has a history of its own",
    "pager/copy/copy_reader.ts",
    "    this.superblock = branched({\n",
    "    this.superblock = Object.freeze({\n",
    ARCHIVE,
  ),
  bug(
    "merge-own-link",
    "a merged segment ends with the link of its last member",
    MERGING,
    "merged: { link: linkOf(last.segment), made },",
    "merged: { link: last.segment.after, made },",
    MERGER_TEST,
  ),
  bug(
    "merge-deletes-early",
    "members are deleted some time after they were merged, from what is listed",
    MERGING,
    "merged !== undefined && merged.made < before);",
    "merged !== undefined && before > 0);",
    "store/archive/segments/merging_test.ts",
  ),
  bug(
    "merge-past-base",
    "no merged segment goes past the position of a base",
    MERGING,
    "if (around.length !== 2 || around.some(({ kind }) => kind !== COMMITS)) return undefined;\n" +
      "  return around.find((other) => other !== segment);",
    "return around.find((other) => other !== segment && other.kind === COMMITS);",
    "store/archive/segments/merging_test.ts",
  ),
  bug(
    "merge-unproved-member",
    "a merged segment continues only a state that one of its members leads to",
    "store/archive/segments/segment_head.ts",
    "members.some((member) => member.to === version && member.link === link);",
    "members.length >= 0 || version === link;",
    MERGER_TEST,
  ),
  bug(
    "stream-link",
    "a replica applies a segment of a stream only after the one that it follows",
    "store/archive/replica_file.ts",
    "} else if (segment.from === version && segment.after === link) {",
    "} else if (segment.after === link || segment.from >= version) {",
    "store/stream/stream_test.ts",
  ),
  bug(
    "archive-deletes-needed",
    "the segments after the base that is kept are kept",
    "store/archive/segments/retention.ts",
    "kind === BASE ? to < kept.to : to <= kept.to;",
    "kind === BASE ? to < kept.to : to >= kept.from;",
    "store/archive/segments/retention_test.ts",
  ),
  bug(
    "archive-version-gap",
    "the version of each archived commit follows the one before it",
    "pager/copy/commit_apply.ts",
    "    if (meta.version !== wanted) {",
    "    if (meta.version < wanted) {",
    "pager/copy/commit_apply_test.ts",
  ),
  bug(
    "archive-ignores-links",
    "a segment follows the one that its link names",
    INDEX,
    "  return `${version} ${link}`;",
    "  return `${version} ${link * 0}`;",
    INDEX_TEST,
  ),
  bug(
    "archive-hidden-states",
    "a time at which commits were archived together is refused",
    INDEX,
    "return isKnown ? ends",
    "return isKnown || to >= 0 ? ends",
    INDEX_TEST,
  ),
  bug(
    "archive-unchecked-part",
    "a part that differs from the one that was put is refused",
    "store/archive/segments/segment_reader.ts",
    "if (bytes.length !== part.bytes || crc32(bytes) !== part.sum) {",
    "if (bytes.length < 0) {",
    ARCHIVE,
  ),
  bug(
    "replica-shares-writes",
    "a version of a replica stays as it was while the next one is written",
    "pager/file/layered_file.ts",
    "      const bytes = new Uint8Array(PAGE_BYTES);\n",
    "      const bytes = this.#pages.get(page) ?? new Uint8Array(PAGE_BYTES);\n",
    LAYERS,
  ),
  bug(
    "replica-without-base",
    "a replica closes a file once the one that replaced it is open",
    "store/archive/replica_file.ts",
    "    [this.#base, this.view, this.state] = openBase(this.#path, this.#openFile);\n",
    "    this.#base.close();\n" +
      "    [this.#base, this.view, this.state] = openBase(this.#path, this.#openFile);\n",
    REPLICA,
  ),
  bug(
    "replica-wrong-link",
    "a replica notes the segment that it applied last",
    "store/archive/replica_file.ts",
    "  return { databaseId, meta: after, link: work.link, time: work.time };\n",
    "  return { databaseId, meta: after, link: segment.after, time: work.time };\n",
    REPLICA,
  ),
  bug(
    "restore-another-history",
    "a state is compared with the sum of all its headers",
    "store/archive/restore_archive.ts",
    "      if (step.done === true) {\n",
    "      if (step.done === true) break;\n      if (step.done === true) {\n",
    ARCHIVE,
  ),
];
