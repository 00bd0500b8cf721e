// A layered file against a plain one: reads, writes and cuts at random, and forks that stay as they
// were.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import { LayeredFile } from "./layered_file.ts";
import { MemoryFile } from "./memory_file.ts";

const SIZE_MAX = 70_000;

function contentOf(file: LayeredFile): Uint8Array {
  const bytes = new Uint8Array(file.size());
  assertEquals(file.readAt(bytes, 0, bytes.length, 0), bytes.length);
  return bytes;
}

describe("LayeredFile", () => {
  it("is as a file that is written, and its forks stay as they were", () => {
    const random = new Random(1);
    const start = new Uint8Array(40_000).map(() => random.below(256));
    const base = new MemoryFile(start);
    const plain = new MemoryFile(start);
    let file = new LayeredFile(base);
    const forks: [LayeredFile, Uint8Array][] = [];
    for (let i = 0; i < 300; i++) {
      if (random.once(10)) {
        forks.push([file, contentOf(file)]);
        file = file.fork();
      }
      if (random.once(12)) {
        const size = random.below(SIZE_MAX);
        file.truncate(size);
        plain.truncate(size);
      } else {
        const length = random.once(3) ? 8192 : random.below(20_000);
        const position = random.below(SIZE_MAX - length);
        const bytes = new Uint8Array(length).fill(i);
        file.writeAt(bytes, 0, length, position);
        plain.writeAt(bytes, 0, length, position);
      }
      assertEquals(file.size(), plain.size());
      assertEquals(contentOf(file), plain.content());
    }
    for (const [fork, content] of forks) assertEquals(contentOf(fork), content);
    assertEquals(base.content(), start);
  });
});
