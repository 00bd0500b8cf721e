/**
 * Files that commands create: each takes its name when it is complete; an error or a signal removes
 * the unfinished file.
 */

import * as fs from "node:fs";
import { type Database, IoError, open } from "../../mod.ts";
import { NewFile, type NewFileOptions } from "../../pager/mod.ts";
import { asRefusal, EXIT, TAKEN, withAction } from "./exit.ts";
import { Interruption } from "./interruption.ts";
import { Output, type Sink } from "./output.ts";

/**
 * Writes a new file.
 *
 * @param copyOf The source of its content; the new file has no wider permissions.
 * @throws {Interrupted} A signal arrived.
 */
export function writeNewFile(path: string, copyOf: string, write: (out: Output) => void): void {
  using interruption = new Interruption();
  const file = makeNewFile(path, { copyOf });
  try {
    const out = new Output(interruption.writing(sinkInto(path, file.descriptor)));
    write(out);
    out.flush();
    interruption.check();
    named(() => file.finish());
  } finally {
    file.abandon();
  }
}

/** Writes to an existing device or pipe. */
export function writeDevice(path: string, write: (out: Output) => void): void {
  using interruption = new Interruption();
  using device = Deno.openSync(path, { write: true });
  const out = new Output(interruption.writing(device), path);
  write(out);
  out.flush();
}

/** A database that is being filled. */
export class NewDatabase implements Disposable {
  /** The database at its temporary path. */
  readonly db: Database;
  /** Ends the filling on a signal. */
  readonly interruption = new Interruption();
  readonly #file: NewFile;

  /**
   * Creates an empty database beside its final path.
   *
   * @param copyOf The path or descriptor of its source.
   */
  constructor(path: string, copyOf: string | number) {
    try {
      this.#file = makeNewFile(path, { copyOf });
    } catch (error) {
      this.interruption[Symbol.dispose]();
      throw error;
    }
    try {
      this.db = open(this.#file.path);
    } catch (error) {
      this.interruption[Symbol.dispose]();
      this.#file.abandon();
      throw error;
    }
  }

  /** Closes the database and gives it its name. */
  finish(): void {
    this.db.close();
    this.interruption.check();
    named(() => this.#file.finish());
  }

  /** Removes the file unless it was finished. */
  [Symbol.dispose](): void {
    this.interruption[Symbol.dispose]();
    try {
      this.db.close();
    } catch {
      // The file is discarded; the first error is the cause.
    }
    this.#file.abandon();
  }
}

/** Creates a file; if the path is taken, the error gives the remedy. */
function makeNewFile(path: string, options: NewFileOptions): NewFile {
  try {
    return new NewFile(path, options);
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    // A name that is taken from the start is a mistake of the call.
    throw asRefusal(error, TAKEN.test(error.message) ? EXIT.misuse : EXIT.unusable);
  }
}

/** Does something whose errors name the new file, and not the one that the command opened. */
function named<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof IoError ? asRefusal(error) : error;
  }
}

/** A sink whose errors name the file. */
function sinkInto(path: string, descriptor: number): Sink {
  return {
    writeSync(bytes) {
      try {
        return fs.writeSync(descriptor, bytes);
      } catch (cause) {
        throw withAction(`write ${path}`, cause);
      }
    },
  };
}
