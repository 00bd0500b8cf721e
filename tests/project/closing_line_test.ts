/** The closing line of several runs, from which CI counts the tests. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { closingLine, errorsIn, outcomeIn, sumOutcomes } from "./support/closing_line.ts";

const OK = "a ... ok (1ms)\n\nok | 3 passed (1 step) | 0 failed | 2 ignored (12ms)\n\n";
const ERROR = "a ... b => ./a_test.ts:3:1\nerror: Error: boom\n    at file:///a_test.ts:3:2";
const ERRORS =
  `a ... FAILED (1ms)\n\n ERRORS \n\n${ERROR}\n\n FAILURES \n\na ... b => ./a.ts:3:1\n\n`;
const FAILED = "FAILED | 11 passed (32 steps) | 1 failed (2 steps) | 1 filtered out (1m2s)\n\n" +
  "error: Test failed\n";

describe("the closing line", () => {
  const close = (...outputs: string[]) => closingLine(sumOutcomes(outputs.map(outcomeIn)), 61.7);

  it("is that of a single run, with the total time", () => {
    assertEquals(close(OK), "ok | 3 passed (1 step) | 0 failed | 2 ignored (1m2s)");
  });

  it("sums several runs, and fails if one failed", () => {
    const sum = "FAILED | 14 passed (33 steps) | 1 failed (2 steps) | 2 ignored | 1 filtered out";
    assertEquals(close(OK, FAILED), `${sum} (1m2s)`);
  });

  it("counts a run that ended without one as a failure", () => {
    assertEquals(close(OK, "killed"), "FAILED | 3 passed (1 step) | 1 failed | 2 ignored (1m2s)");
    assertEquals(close(), "ok | 0 passed | 0 failed (1m2s)");
  });

  it("is read back as it was written", () => {
    const sum = sumOutcomes([outcomeIn(OK), outcomeIn(FAILED)]);
    assertEquals(outcomeIn(closingLine(sum, 5)), sum);
  });
});

describe("the errors of a run", () => {
  it("are those between its two headings", () => {
    assertEquals(errorsIn(`${ERRORS}${FAILED}`), ERROR);
  });

  it("are none where nothing failed, or the run died", () => {
    assertEquals([errorsIn(OK), errorsIn("killed")], ["", ""]);
  });
});
