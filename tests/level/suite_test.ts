/**
 * The test suite that abstract-level ships, on QuireLevel: every assertion passes.
 *
 * It opens some 900 files. They lie in memory where the system has a folder for that, as a sync of
 * each would take most of the time.
 */

import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { HANG_MS } from "../support/programs/hang.ts";

const SUITE = fromFileUrl(new URL("./support/suite.ts", import.meta.url));
const MEMORY = "/dev/shm";
const ASSERTIONS_MIN = 5000;

/** Runs the suite. Returns its exit code and its output, in the format TAP. */
async function runSuite(): Promise<{ code: number; tap: string }> {
  const parent = isFolder(MEMORY) ? { dir: MEMORY } : {};
  const folder = Deno.makeTempDirSync({ prefix: "quire-test-", ...parent });
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", SUITE, folder],
      signal: AbortSignal.timeout(HANG_MS),
    }).output();
    const decoder = new TextDecoder();
    return { code, tap: decoder.decode(stdout) + decoder.decode(stderr) };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** A count of the summary, such as `# pass  5132`. */
function countOf(tap: string, name: string): number {
  return Number(new RegExp(`^# ${name} +(\\d+)$`, "m").exec(tap)?.[1]);
}

describe("the test suite of abstract-level", () => {
  it("passes on QuireLevel, with more than 5,000 assertions", async () => {
    const { code, tap } = await runSuite();
    const failed = tap.match(/^not ok .*$/gm) ?? [];
    assertEquals(failed, []);
    assertEquals(code, 0, tap.slice(-2000));
    const passed = countOf(tap, "pass");
    console.log(`abstract-level's suite: ${passed} assertions pass`);
    assertEquals(passed, countOf(tap, "tests"));
    assertGreaterOrEqual(passed, ASSERTIONS_MIN);
  });
});
