/**
 * Files that commands make: each gets its name when it is whole, and an error or a signal removes
 * what there is of it.
 */

import * as fs from "node:fs";
import { type Database, IoError, open } from "../../mod.ts";
import { NewFile, type NewFileOptions } from "../../pager/mod.ts";
import { asRefusal, withAction } from "./exit.ts";
import { Interruption } from "./interruption.ts";
import { Output, type Sink } from "./output.ts";

/**
 * Writes a new file.
 *
 * @param copyOf The file whose content it has; it is not more open than that.
 * @throws {Interrupted} A signal came.
 */
export function writeNewFile(path: string, copyOf: string, write: (out: Output) => void): void {
  using interruption = new Interruption();
  const file = makeNewFile(path, { copyOf });
  try {
    const out = new Output(interruption.writing(sinkInto(path, file.descriptor)));
    write(out);
    out.flush();
    interruption.check();
    named(() => file.publish());
  } finally {
    file.abandon();
  }
}

/** Writes to what is there and is no file, such as a device or a pipe. */
export function writeDevice(path: string, write: (out: Output) => void): void {
  using interruption = new Interruption();
  using device = Deno.openSync(path, { write: true });
  const out = new Output(interruption.writing(device), path);
  write(out);
  out.flush();
}

/** A database that is being filled. */
export class NewDatabase implements Disposable {
  /** Where it is built. */
  readonly db: Database;
  /** What ends the filling by signals. */
  readonly interruption = new Interruption();
  readonly #file: NewFile;

  /**
   * Makes an empty one beside its place.
   *
   * @param copyOf The path or descriptor of what it is filled from.
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

  /** Closes it, and gives it its name. */
  finish(): void {
    this.db.close();
    this.interruption.check();
    named(() => this.#file.publish());
  }

  /** Removes it, unless it has its name. */
  [Symbol.dispose](): void {
    this.interruption[Symbol.dispose]();
    try {
      this.db.close();
    } catch {
      // It is not kept, and the error that it is not kept for tells more.
    }
    this.#file.abandon();
  }
}

function makeNewFile(path: string, options: NewFileOptions): NewFile {
  return named(() => new NewFile(path, options));
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
