// The options of the benches: each prints its help, and refuses what it does not know before it
// measures anything.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";

const BENCHES = ["backup", "durable", "full", "kv", "level", "scale", "server", "shared"];
const CONFIG = fromFileUrl(new URL("../deno.json", import.meta.url));

/** Runs a bench with arguments. Returns its exit code and what it printed. */
async function run(bench: string, ...args: string[]): Promise<[number, string, string]> {
  const script = fromFileUrl(new URL(`../${bench}.ts`, import.meta.url));
  const command = ["run", "-A", "-q", "--no-check", "--config", CONFIG, script, ...args];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: command,
    env: { NO_COLOR: "1" },
  }).output();
  return [code, new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)];
}

describe("a bench", () => {
  for (const bench of BENCHES) {
    it(`${bench} prints its help, and refuses what it does not know`, async () => {
      const [[code, text], [wrongCode, wrongText, error]] = await Promise.all([
        run(bench, "--help"),
        run(bench, "--nothing"),
      ]);
      assertEquals(code, 0);
      assertStringIncludes(text, `Usage: deno task bench:${bench}`);
      assertEquals([wrongCode, wrongText], [2, ""]);
      // Where nothing is cached yet, Deno says more before it.
      assertEquals(error.trim().split("\n").slice(-2), [
        "Cannot read the options: Unknown option '--nothing'",
        "--help lists the options.",
      ]);
    });
  }
});
