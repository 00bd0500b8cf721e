/**
 * Runs the test suite that abstract-level ships, on QuireLevel in files below the folder that is
 * its argument. Tape prints the results in the format TAP.
 */

import suite from "abstract-level/test";
import test from "tape";
import { QuireLevel } from "../../../level/mod.ts";

const [folder] = Deno.args;
let count = 0;

suite({
  test,
  factory: (options: object) => new QuireLevel(`${folder}/${count++}.quire`, options),
});
