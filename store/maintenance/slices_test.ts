// Work in slices: its result and errors, its pauses and progress reports, and its end by a signal.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inSlices, type Progress } from "./slices.ts";

/** Work of some milliseconds a step; notes whether it was closed. */
function* work(steps: number, ms: number, ends: string[] = []): Generator<Progress, string> {
  try {
    for (let done = 1; done <= steps; done++) {
      const end = performance.now() + ms;
      while (performance.now() < end);
      yield { phase: "pages", done, total: steps };
    }
    return "all";
  } finally {
    ends.push("closed");
  }
}

describe("inSlices()", () => {
  it("returns what the work returns, and tells of its end", async () => {
    const reported: number[] = [];
    const ends: string[] = [];
    const onProgress = ({ done }: Progress) => reported.push(done);
    assertEquals(await inSlices(work(50, 0, ends), { onProgress }), "all");
    assertEquals(reported.at(-1), 50);
    assertEquals(ends, ["closed"]);
  });

  it("lets others have their turn between slices", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await inSlices(work(40, 3), {});
    clearInterval(timer);
    assert(turns > 3, `${turns} turns`);
  });

  it("throws what the work throws", async () => {
    const broken = function* (): Generator<Progress, void> {
      yield { phase: "pages", done: 0, total: 1 };
      throw new RangeError("broken");
    };
    await assertRejects(() => inSlices(broken(), {}), RangeError, "broken");
  });

  it("ends with the reason of its signal, before the first step or later, and closes", async () => {
    const ends: string[] = [];
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error("enough"));
    const { signal } = stop;
    await assertRejects(
      () => inSlices(work(50, 5, ends), { signal, onProgress }),
      Error,
      "enough",
    );
    assertEquals(ends, ["closed"]);
    const reported: number[] = [];
    const late = { signal, onProgress: ({ done }: Progress) => reported.push(done) };
    await assertRejects(() => inSlices(work(1, 0), late), Error, "enough");
    assertEquals(reported, []);
  });
});
