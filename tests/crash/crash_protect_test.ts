// Power cuts where a sector of a write that was cut may hold anything.
//
// A file of its own, so that `deno test --parallel` runs it beside `crash_test.ts`.

import { crashSuite } from "./support/crash_suite.ts";

crashSuite("protect");
