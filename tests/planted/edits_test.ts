/**
 * The planted bugs without the hunt: every edit matches the sources exactly once, every hunt
 * exists, and the list covers each row of the crash model and each rule of the pager.
 *
 * An edit quotes source text. If a change of the sources fails here, correct the quote in the file
 * of `support/` that has the bug, so that it still plants the same bug.
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { testOf } from "./support/planted_bugs.ts";
import { BUGS, CANARY, CRASH_BUGS } from "./support/planted_list.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));

/** Rows of the crash model without a planted bug, because no source implements them. */
const ROWS = "wal imaged hdrImage chain syncSwitch revoke bypassDurable acquireImage abortImaged " +
  "resync blind sbOrder recycleLate bypassSync cleanGap sbBoth anyImage";
const RULES = 17;

/** A source, or undefined if it does not exist. */
function readSource(path: string): string {
  try {
    return Deno.readTextFileSync(join(TOP, path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

describe("the edits of planted bugs", () => {
  it("match the sources exactly once", () => {
    const misfits: string[] = [];
    for (const { name, edits } of [...BUGS, CANARY]) {
      const texts = new Map<string, string>();
      for (const { file, find, replace } of edits) {
        const text = texts.get(file) ?? readSource(file);
        const count = text.split(find).length - 1;
        if (count !== 1) misfits.push(`${name}: ${count} places in ${file} fit ${find}`);
        if (find === replace) misfits.push(`${name}: changes nothing in ${file}`);
        // The edits of one bug apply in order, each to the result of the one before.
        texts.set(file, text.replace(find, () => replace));
      }
    }
    assertEquals(misfits, []);
  });

  it("are hunted by tests that exist", () => {
    const tests = [...BUGS, CANARY].flatMap(({ hunts }) => hunts.map(testOf))
      .filter((test) => test !== undefined);
    assertGreaterOrEqual(new Set(tests.map(({ file }) => file)).size, 5);
    const missing = tests.filter(({ file, describe = "" }) => {
      // A filter that fits no name would run nothing, and succeed.
      const outermost = [...readSource(file).matchAll(/^ *describe\(\s*["`](.*)["`]/gm)];
      return !outermost.some(([, name]) => name!.includes(describe));
    });
    assertEquals(missing, []);
  });
});

describe("the list of planted bugs", () => {
  const breaks = BUGS.map((bug) => bug.breaks).join("\n");

  it("is long enough, and names each bug once", () => {
    assertGreaterOrEqual(CRASH_BUGS.length, 25);
    assertGreaterOrEqual(BUGS.length, 40);
    assertEquals(new Set(BUGS.map(({ name }) => name)).size, BUGS.length);
  });

  it("has each row of the crash model, and each rule of the pager", () => {
    for (const row of ROWS.split(" ")) {
      assert(breaks.includes(`model ${row}`), row);
    }
    for (let rule = 1; rule <= RULES; rule++) {
      const isNamed = new RegExp(`\\brule ${rule}\\b`).test(breaks);
      assert(isNamed, `rule ${rule}`);
    }
    assertEquals(readSource("docs/rules.md").match(/^\d+\. \*\*/gm)?.length, RULES);
  });
});
