/**
 * The files of a folder, whole: for an archive. A file gets its name when it is complete and on the
 * medium. Only the call that creates a file waits in line; all others leave the thread free.
 */

import * as fs from "node:fs";
import { dirname, join, resolve } from "node:path";
import { IoError } from "../format/errors.ts";
import { reason } from "./disk.ts";
import { startSyncOfFolder } from "./folder_sync.ts";
import { NewFile } from "./new_file.ts";

/** The files of a folder. */
export class Folder {
  /** The path as it was given, for errors. */
  readonly #given: string;
  readonly #path: string;
  readonly #syncFolderOf: (path: string) => Promise<unknown>;
  /** The creation of the folder that is under way. */
  #creating: Promise<void> | undefined;

  /**
   * Names a folder.
   *
   * @param path The path, which the first write creates if it is missing.
   * @param syncFolderOf Puts the entry of a path, in the folder above it, on the medium.
   */
  constructor(
    path: string,
    syncFolderOf: (path: string) => Promise<unknown> = (of) => startSyncOfFolder(of),
  ) {
    this.#given = path;
    // The current folder may change.
    this.#path = resolve(path);
    this.#syncFolderOf = syncFolderOf;
  }

  /**
   * Writes a new file. One of the same content may exist.
   *
   * @throws {IoError} Later, in the promise: another file has the name, or the system refused.
   */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.#path, name);
    const there = await this.read(name);
    if (there !== undefined) {
      if (sameBytes(there, bytes)) return;
      throw new IoError(`Cannot create ${this.#named(name)}: it exists, with other bytes`);
    }
    await (this.#creating ??= this.#create().finally(() => this.#creating = undefined));
    const file = new NewFile(path);
    try {
      await writeAll(file.descriptor, bytes);
      await file.finishLater();
    } catch (cause) {
      file.abandon();
      throw cause instanceof IoError ? cause : failed("write", this.#named(name), cause);
    }
  }

  /** A file, as errors name it. */
  #named(name: string): string {
    return join(this.#given, name);
  }

  async #create(): Promise<void> {
    try {
      if (fs.existsSync(this.#path)) return;
      const first = await fs.promises.mkdir(this.#path, { recursive: true });
      if (first === undefined) return;
      // A power cut must not take the folder, and with it what is on the medium in it.
      for (let path = this.#path;; path = dirname(path)) {
        await this.#syncFolderOf(path);
        if (path === resolve(first) || path === dirname(path)) return;
      }
    } catch (cause) {
      throw failed("create", this.#given, cause);
    }
  }

  /**
   * The content of a file; undefined if there is none.
   *
   * @throws {IoError} Later, in the promise: the system refused.
   */
  async read(name: string): Promise<Uint8Array | undefined> {
    const path = join(this.#path, name);
    try {
      return new Uint8Array(await fs.promises.readFile(path));
    } catch (cause) {
      if (isMissing(cause)) return undefined;
      throw failed("read", this.#named(name), cause);
    }
  }

  /**
   * The names in the folder; none if it does not exist.
   *
   * @throws {IoError} Later, in the promise: the system refused.
   */
  async names(): Promise<string[]> {
    try {
      return await fs.promises.readdir(this.#path);
    } catch (cause) {
      if (isMissing(cause)) return [];
      throw failed("list", this.#given, cause);
    }
  }

  /**
   * Removes a file, if it exists.
   *
   * @throws {IoError} Later, in the promise: the system refused.
   */
  async remove(name: string): Promise<void> {
    const path = join(this.#path, name);
    try {
      await fs.promises.unlink(path);
    } catch (cause) {
      if (!isMissing(cause)) throw failed("remove", this.#named(name), cause);
    }
  }

  /**
   * Removes a file, if it exists and another one was written more than `ms` milliseconds later, by
   * the clock of the file system. Resolves to whether it is gone.
   *
   * @throws {IoError} Later, in the promise: the system refused.
   */
  async removeOlder(name: string, other: string, ms: number): Promise<boolean> {
    const path = join(this.#path, name);
    try {
      const [left, last] = await Promise.all([path, join(this.#path, other)].map(timeOf));
      if (left! >= last! - ms) return false;
      await fs.promises.unlink(path);
    } catch (cause) {
      if (!isMissing(cause)) throw failed("remove", this.#named(name), cause);
    }
    return true;
  }

  /** Removes the folder, if it is empty. */
  async removeItself(): Promise<void> {
    try {
      await fs.promises.rmdir(this.#path);
    } catch {
      // It has other files, or is gone already: an empty folder that stays does no harm.
    }
  }
}

async function writeAll(descriptor: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await new Promise<number>((resolve, reject) => {
      fs.write(descriptor, bytes, done, bytes.length - done, done, (error, count) => {
        if (error) reject(error);
        else if (count === 0) reject(new Error("the system wrote nothing"));
        else resolve(count);
      });
    });
  }
}

async function timeOf(path: string): Promise<number> {
  return (await fs.promises.stat(path)).mtimeMs;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

function failed(action: string, path: string, cause: unknown): IoError {
  return new IoError(`Cannot ${action} ${path}: ${reason(cause)}`, { cause });
}
