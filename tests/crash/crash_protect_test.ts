/**
 * Power cuts after which an interrupted sector may hold anything.
 *
 * In its own file, so that it runs in parallel with `crash_test.ts`.
 */

import { crashSuite } from "./support/crash_suite.ts";

crashSuite("protect");
