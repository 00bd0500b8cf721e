/**
 * The error of a page that another process has replaced, or is writing.
 */

import { SnapshotTooOldError } from "../format/errors.ts";

/** A page is not, or not yet, as the followed version has it: the reader begins anew. */
export class MovedError extends SnapshotTooOldError {}
