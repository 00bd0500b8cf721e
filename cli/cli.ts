#!/usr/bin/env -S deno run -R=. -W=.
/**
 * The command line of Quire: `quire COMMAND FILE`.
 *
 * ```sh
 * deno run --allow-read=cities.quire cli/cli.ts info cities.quire
 * deno install -g -R=. -W=. -n quire cli/cli.ts
 * ```
 *
 * @module
 */

import { runProgram } from "./program.ts";

// Not `Deno.exit`, which would cut what is still being written.
Deno.exitCode = await runProgram(Deno.args);
