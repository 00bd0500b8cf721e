/** What a run costs, and what it printed, also where it fails or is killed. */

import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runTimed } from "./timed_run.ts";

const OPTIONS = { cwd: "/", env: {} };
const run = (script: string) => runTimed("sh", ["-c", script], OPTIONS);

describe("runTimed", () => {
  it("returns what a program printed, and whether it succeeded", async () => {
    const { success, out, err } = await run("pwd; printf 'a b\\nc d\\n' >&2");
    assertEquals({ success, out, err }, { success: true, out: "/\n", err: "a b\nc d\n" });
    assertEquals((await run("exit 3")).success, false);
    assertEquals((await run("kill -KILL $$")).success, false);
  });

  it("counts the processor time of a program", async () => {
    // No start of Deno takes less than the unit of these times, which is a hundredth of a second.
    const { user, system } = await runTimed(Deno.execPath(), ["eval", "1"], OPTIONS);
    assertGreater(user + system, 0);
  });
});
