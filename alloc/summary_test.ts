// Compares the summary with an array that is searched from its start.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../tests/support/random.ts";
import { Summary } from "./summary.ts";

const SPANS = [1, 2, 7, 8, 9, 63, 64, 65, 253, 254, 255];

/** A plain array with the methods of `Summary`. */
class NaiveSummary {
  longests: number[] = [];

  resize(size: number): void {
    this.longests = Array.from({ length: size }, (_, chunk) => this.longests[chunk] ?? 0);
  }

  find(span: number, from: number): number {
    return this.longests.findIndex((longest, chunk) => chunk >= from && longest >= span);
  }

  longest(): number {
    return Math.max(0, ...this.longests);
  }
}

function expectSame(summary: Summary, model: NaiveSummary, random: Random): void {
  assertEquals(summary.size, model.longests.length);
  assertEquals(summary.longest(), model.longest());
  for (const span of SPANS) {
    for (const from of [0, 1, random.below(summary.size + 2), summary.size]) {
      assertEquals(summary.find(span, from), model.find(span, from), `span ${span} from ${from}`);
    }
  }
}

describe("Summary", () => {
  it("counts new chunks as full", () => {
    const summary = new Summary();
    summary.resize(5);
    assertEquals([summary.size, summary.get(4), summary.find(1, 0), summary.longest()], [
      5,
      0,
      -1,
      0,
    ]);
  });

  it("tells a free run of 255 from one of 254", () => {
    const summary = new Summary();
    summary.resize(3);
    summary.set(2, 255);
    assertEquals([summary.get(2), summary.find(255, 0), summary.find(254, 0)], [255, 2, 2]);
  });

  it("find from any chunk returns the next one with room", () => {
    for (const size of [1, 2, 3, 4, 5, 7, 8, 9, 31, 33]) {
      for (let room = 0; room < size; room++) {
        const summary = new Summary();
        summary.resize(size);
        summary.set(room, 10);
        for (let from = 0; from <= size + 1; from++) {
          assertEquals(summary.find(10, from), from <= room ? room : -1);
          assertEquals(summary.find(11, from), -1);
        }
      }
    }
  });

  it("forgets a chunk that is cut off, also when it comes back", () => {
    const summary = new Summary();
    summary.resize(4);
    summary.set(3, 9);
    summary.resize(3);
    assertEquals([summary.find(1, 0), summary.longest()], [-1, 0]);
    summary.resize(4);
    assertEquals([summary.get(3), summary.find(1, 0)], [0, -1]);
  });

  it("agrees with the model over random changes and sizes", () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = new Random(seed);
      const summary = new Summary();
      const model = new NaiveSummary();
      summary.resize(1);
      model.resize(1);
      for (let step = 0; step < 300; step++) {
        if (random.once(6)) {
          const size = 1 + random.below(random.once(4) ? 200 : 20);
          summary.resize(size);
          model.resize(size);
        }
        const chunk = random.below(summary.size);
        const longest = random.once(3) ? 0 : random.pick([1, 8, 64, 254, 255, random.below(256)]);
        summary.set(chunk, longest);
        model.longests[chunk] = longest;
        expectSame(summary, model, random);
      }
    }
  });
});
