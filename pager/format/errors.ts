/**
 * The errors that Quire throws, besides `TypeError` and `RangeError` for misuse.
 *
 * A message consists of the action, a colon, and the state. The README lists the errors, and says
 * how a caller should handle each.
 */

/** Bytes on disk break a rule of the format. The file is left as it was. */
export class CorruptionError extends Error {
  /** The name of the class. */
  override readonly name = "CorruptionError";
  /** The page that breaks the rule. */
  readonly page: number;
  /** The offset in the file, in bytes. */
  readonly offset: number;
  /** The rule, in words. */
  readonly rule: string;
  /** The path of the file, as given; undefined for memory, and in reports about a known file. */
  readonly path: string | undefined;

  /**
   * Describes one broken rule.
   *
   * @param page The page that breaks the rule.
   * @param offset The offset in the file, in bytes.
   * @param rule The rule, in words.
   * @param path The path of the file.
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
 * Adds the path of a file to an error that occurred in it, if it is a `CorruptionError`.
 *
 * @param path The path of the file; undefined for memory.
 * @returns The error to throw.
 */
export function inFile(error: unknown, path: string | undefined): unknown {
  if (!(error instanceof CorruptionError) || path === undefined) return error;
  if (error.path !== undefined) return error;
  const named = new CorruptionError(error.page, error.offset, error.rule, path);
  if (error.stack !== undefined) named.stack = error.stack.replace(error.message, named.message);
  return named;
}

/** How another handle has a file open, for the message. */
const HELD = {
  open: ["has it open", ""],
  shared: ["shares it", "; open it with shared: true, or to follow it"],
  unshared: ["has it open without shared: true", ""],
  elsewhere: [
    "has it open read-only, or shares it by another path, such as a link",
    "; all that share a file open it by one path",
  ],
  writing: ["is writing it", ""],
} as const;

/** Another handle, in this thread or elsewhere, has the file open. */
export class LockedError extends Error {
  /** The name of the class. */
  override readonly name = "LockedError";
  /**
   * Whether a handle of this thread has the file open; closing it then helps. A handle of another
   * worker counts as one of another process.
   */
  readonly isOwn: boolean;

  /**
   * Says where a file is open.
   *
   * @param path The path of the file.
   * @param isOwn Whether a handle of this thread has it open.
   * @param how How the other handle has it open.
   */
  constructor(path: string, isOwn: boolean, how: keyof typeof HELD = "open") {
    const where = isOwn ? "in this thread" : "in another process or worker";
    const [does, remedy] = HELD[how];
    const action = how === "writing" ? "use" : "open";
    super(`Cannot ${action} ${path}: another handle ${does}, ${where}${remedy}`);
    this.isOwn = isOwn;
  }
}

/** The handle is closed. */
export class ClosedError extends Error {
  /** The name of the class. */
  override readonly name = "ClosedError";
}

/**
 * The system refused to read, write or sync; `cause` is its error. After a failed write or sync the
 * handle refuses further writes but still reads; close and reopen it. A full disk fails only the
 * current transaction: then `cause.code` is `ENOSPC`, or `EDQUOT` for a quota, or `EFBIG` for a
 * limit on the size of files.
 */
export class IoError extends Error {
  /** The name of the class. */
  override readonly name = "IoError";
}

/** An operation would exceed a limit of the format or of an option. Nothing was changed. */
export class LimitError extends Error {
  /** The name of the class. */
  override readonly name = "LimitError";
}

/**
 * A snapshot was ended because its pages took more memory than `maxSnapshotBytes` or, in a
 * followed or shared file, because another process has replaced pages of its version.
 */
export class SnapshotTooOldError extends Error {
  /** The name of the class. */
  override readonly name = "SnapshotTooOldError";
}

/**
 * A follower could not read a page, however often it tried: another process was writing it, or it
 * is damaged, which a follower cannot tell while another process may write. `cause` is the rule
 * that the page broke last.
 */
export class BusyError extends Error {
  /** The name of the class. */
  override readonly name = "BusyError";
}
