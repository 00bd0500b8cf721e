/**
 * Scratch files beside a database, to measure its disk. They are removed in any case: where the
 * system allows it, as soon as they are open, so that even a killed process leaves none.
 */

import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { EXIT, Refusal, withAction } from "./exit.ts";

const NAMES_MAX = 100;

/**
 * The folder that a path is, or is in.
 *
 * @throws {Refusal} There is nothing at the path.
 */
export function folderOf(path: string): string {
  try {
    return Deno.statSync(path).isDirectory ? path : dirname(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw withAction(`measure ${path}`, error);
    throw new Refusal(`Cannot measure ${path}: it does not exist; check the path`, EXIT.unusable);
  }
}

/** A new file of its own, until it is disposed of. */
export class Scratch implements Disposable {
  /** Its path, until `hide`. */
  readonly path: string;
  /** A descriptor for reading and writing. */
  readonly descriptor: number;
  #isHidden = false;

  /**
   * Creates an empty file.
   *
   * @param name The beginning of its name after `.quire-`.
   * @throws {Refusal} All of its names are taken.
   */
  constructor(folder: string, name: string) {
    for (let i = 0; i < NAMES_MAX; i++) {
      const path = join(folder, `.quire-${name}-${i}.tmp`);
      try {
        this.descriptor = fs.openSync(path, "wx+");
        this.path = path;
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== "EEXIST") throw error;
      }
    }
    throw new Refusal(
      `Cannot measure ${folder}: it has leftovers, .quire-${name}-*.tmp; remove them`,
    );
  }

  /** Removes its name, if the system allows it while the file is open. */
  hide(): void {
    try {
      fs.unlinkSync(this.path);
      this.#isHidden = true;
    } catch {
      // It is removed when it is closed.
    }
  }

  /** Closes and removes it. */
  [Symbol.dispose](): void {
    fs.closeSync(this.descriptor);
    if (!this.#isHidden) fs.unlinkSync(this.path);
  }
}
