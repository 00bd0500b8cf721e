// The end of the file: it is looked for from the last chunk on, past a bounded number of chunks.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Loader } from "../cache/loader.ts";
import { Disk } from "../file/disk.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { Frame, POOL } from "../format/frame.ts";
import { setInUse } from "../format/header.ts";
import { Meta } from "../format/meta.ts";
import { ClaimedPages } from "../journal/claimed_pages.ts";
import { FileEnd } from "./file_end.ts";

/** A file whose last page in use is in one chunk, and the chunks that were looked at. */
function fileOf(pageCount: number, lastUsed: number): { fileEnd: FileEnd; looks: number[] } {
  const disk = new Disk(new MemoryFile());
  const meta = new Meta();
  meta.pageCount = pageCount;
  const frame = new Frame(-1, POOL, 2);
  setInUse(frame, 1, 7);
  const looks: number[] = [];
  const headerPage = (chunk: number) => {
    looks.push(chunk);
    return chunk === lastUsed ? 1 : 0;
  };
  const loader = { headerPage } as unknown as Loader;
  const claimed = new ClaimedPages(disk, pageCount);
  return { fileEnd: new FileEnd({ disk, meta, loader, frames: [frame], claimed }), looks };
}

describe("The end of the file", () => {
  it("is after the last page in use outside the journal", () => {
    const { fileEnd, looks } = fileOf(100 * 256, 90);
    assertEquals(fileEnd.pageCountWithout(new Set([97, 99]), Infinity), 90 * 256 + 8);
    assertEquals(looks, [98, 96, 95, 94, 93, 92, 91, 90]);
  });

  it("is looked for in a bounded number of chunks", () => {
    const { fileEnd, looks } = fileOf(1000 * 256, 90);
    assertEquals(fileEnd.pageCountWithout(new Set(), 512), 488 * 256);
    assertEquals(looks.length, 512);
  });
});
