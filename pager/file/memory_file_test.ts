// Compares the file in memory with an array of bytes.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import { MemoryFile } from "./memory_file.ts";

describe("MemoryFile", () => {
  it("begins with a copy of its content", () => {
    const content = Uint8Array.from([1, 2, 3]);
    const file = new MemoryFile(content);
    content[0] = 9;
    assertEquals([...file.content()], [1, 2, 3]);
    file.content()[1] = 9;
    assertEquals([...file.content()], [1, 2, 3]);
  });

  it("readAt returns what there is, and 0 at and past the end", () => {
    const file = new MemoryFile(Uint8Array.from([1, 2, 3]));
    const target = new Uint8Array(4);
    assertEquals(file.readAt(target, 1, 3, 1), 2);
    assertEquals([...target], [0, 2, 3, 0]);
    assertEquals([file.readAt(target, 0, 1, 3), file.readAt(target, 0, 1, 99)], [0, 0]);
  });

  it("writeAt past the end leaves zeros between", () => {
    const file = new MemoryFile();
    assertEquals(file.writeAt(Uint8Array.from([7, 8, 9]), 1, 2, 3), 2);
    assertEquals([...file.content()], [0, 0, 0, 8, 9]);
  });

  it("bytes cut off come back as zeros", () => {
    const file = new MemoryFile(new Uint8Array(10).fill(5));
    file.truncate(4);
    file.truncate(6);
    file.writeAt(Uint8Array.of(1), 0, 1, 8);
    assertEquals([...file.content()], [5, 5, 5, 5, 0, 0, 0, 0, 1]);
  });

  it("can always be locked", () => {
    assertEquals([new MemoryFile().lock(true), new MemoryFile().lock(false)], [true, true]);
  });

  it("agrees with an array over random writes, cuts and reads", () => {
    const random = new Random(5);
    const file = new MemoryFile();
    let model: number[] = [];
    for (let step = 0; step < 500; step++) {
      const position = random.below(3000);
      const source = Uint8Array.from({ length: random.below(200) }, () => random.below(256));
      if (random.once(5)) {
        file.truncate(position);
        model = Array.from({ length: position }, (_, i) => model[i] ?? 0);
      } else if (source.length > 0) {
        file.writeAt(source, 0, source.length, position);
        while (model.length < position) model.push(0);
        source.forEach((byte, i) => model[position + i] = byte);
      }
      assertEquals(file.size(), model.length);
    }
    assertEquals([...file.content()], model);
  });
});
