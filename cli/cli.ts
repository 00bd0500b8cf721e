#!/usr/bin/env -S deno run -RW
/**
 * The command line of Quire: `quire COMMAND FILE`.
 *
 * ```sh
 * deno run -RW cli/cli.ts info cities.quire
 * deno install -g -RW -n quire cli/cli.ts
 * ```
 *
 * @module
 */

import { runProgram } from "./program.ts";

// Not `Deno.exit`, which would cut what is still being written.
Deno.exitCode = await runProgram(Deno.args);
