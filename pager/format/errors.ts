/**
 * The errors that Quire throws, besides `TypeError` and `RangeError` for misuse.
 *
 * Messages name the action, a colon, then the state. The table of what a caller should do about
 * each stands in the README.
 */

/** Bytes on disk break a rule of the format. The file is left as it was. */
export class CorruptionError extends Error {
  /** The name of the class. */
  override readonly name = "CorruptionError";
  /** The page that breaks the rule. */
  readonly page: number;
  /** Where in the file, in bytes. */
  readonly offset: number;
  /** The rule, in words. */
  readonly rule: string;
  /** The file, as it was named; undefined for memory, and for a finding of a known file. */
  readonly path: string | undefined;

  /**
   * Describes one broken rule.
   *
   * @param page The page that breaks the rule.
   * @param offset Where in the file, in bytes.
   * @param rule The rule, in words.
   * @param path The file.
   */
  constructor(page: number, offset: number, rule: string, path?: string) {
    const of = path === undefined ? "" : ` of ${path}`;
    super(`Cannot trust page ${page}${of} at byte ${offset}: ${rule}`);
    this.page = page;
    this.offset = offset;
    this.rule = rule;
    this.path = path;
  }
}

/**
 * What is thrown of an error that was met in a file: a `CorruptionError` gets its path.
 *
 * @param path Where the file is; undefined for memory.
 */
export function inFile(error: unknown, path: string | undefined): unknown {
  if (!(error instanceof CorruptionError) || path === undefined) return error;
  if (error.path !== undefined) return error;
  const named = new CorruptionError(error.page, error.offset, error.rule, path);
  if (error.stack !== undefined) named.stack = error.stack.replace(error.message, named.message);
  return named;
}

/** Another open handle, in this process or another, has the file. */
export class LockedError extends Error {
  /** The name of the class. */
  override readonly name = "LockedError";
  /**
   * Whether a handle of this thread has it, so that closing that one helps. A handle of another
   * worker counts as another process's.
   */
  readonly isOwn: boolean;

  /**
   * Says who has a file.
   *
   * @param path The file.
   * @param isOwn Whether a handle of this thread has it.
   */
  constructor(path: string, isOwn: boolean) {
    const where = isOwn ? "in this process" : "in another process or worker";
    super(`Cannot open ${path}: another handle has it open, ${where}`);
    this.isOwn = isOwn;
  }
}

/** The handle was closed. */
export class ClosedError extends Error {
  /** The name of the class. */
  override readonly name = "ClosedError";
}

/**
 * The system refused to read, write or sync; `cause` is its error. After a failed write or sync the
 * handle refuses further writes and goes on reading; close and reopen it. A full disk refuses one
 * transaction and no more than that: then `cause.code` is `ENOSPC`, or `EDQUOT` where a quota is,
 * or `EFBIG` where a file may not be longer.
 */
export class IoError extends Error {
  /** The name of the class. */
  override readonly name = "IoError";
}

/** Something would exceed a limit of the format or of an option. Nothing was changed. */
export class LimitError extends Error {
  /** The name of the class. */
  override readonly name = "LimitError";
}

/** A snapshot was ended because what it held took more memory than `maxSnapshotBytes`. */
export class SnapshotTooOldError extends Error {
  /** The name of the class. */
  override readonly name = "SnapshotTooOldError";
}
