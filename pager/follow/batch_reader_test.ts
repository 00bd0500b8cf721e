// Reading the journal ahead: the same transactions, by one read of their bytes.

import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { makeFile, openNodes, transact, write } from "../../tests/support/trees/pages.ts";
import { BATCH_HEADER_BYTES } from "../batch/batch.ts";
import { Disk } from "../file/disk.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { readSuperblock } from "../journal/superblocks.ts";
import { BatchReader, type Group, type Position } from "./batch_reader.ts";

const COMMITS = 6;

/** A file with some commits in its journal. */
function fileWithCommits(): FaultyFile {
  const file = makeFile(3);
  const pager = openNodes(file);
  for (let i = 0; i < COMMITS; i++) {
    transact(pager, () => write(pager, 4, 9 + i));
    pager.flush("sync");
  }
  return new FaultyFile(new MemoryFile(file.content()));
}

describe("BatchReader.readAhead()", () => {
  it("takes the same transactions from one read, and those behind from the file", () => {
    const file = fileWithCommits();
    const disk = new Disk(file);
    const superblock = readSuperblock(disk);
    const { replayGeneration: generation, replaySequence: sequence } = superblock;
    const start: Position = { generation, offset: 0, sequence, sum: undefined };
    const reader = new BatchReader(disk, superblock);
    const readAll = (): { groups: Group[]; reads: number } => {
      const before = file.counts.read;
      const groups: Group[] = [];
      for (let at = start;; at = groups.at(-1)!.end) {
        const group = reader.next(at);
        if (group === undefined) return { groups, reads: file.counts.read - before };
        groups.push(group);
      }
    };
    const single = readAll();
    assertGreater(single.groups.length, COMMITS - 1);
    const ends = single.groups.map(({ end }) => end.offset);
    const all: Group[][] = [];
    for (const end of [ends[2]!, ends.at(-1)! + BATCH_HEADER_BYTES]) {
      reader.readAhead(start, end);
      const ahead = readAll();
      reader.endAhead();
      assertEquals(ahead.groups, single.groups);
      assertGreater(single.reads, ahead.reads);
      all.push(ahead.groups);
    }
    // What is read later, to the same memory, leaves the records of before as they are.
    reader.readAhead(single.groups[0]!.end, ends.at(-1)!);
    reader.endAhead();
    for (const groups of all) assertEquals(groups, single.groups);
  });
});
