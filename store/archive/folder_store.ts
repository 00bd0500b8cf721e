/**
 * An archive in a folder of the file system.
 *
 * A process that is killed leaves the file that it was writing under another name. A store notes
 * such files in each listing, and at the latest with the first object that it writes. Each object
 * after that removes those which are an hour older than itself: nobody is writing them.
 */

import { Folder, IoError, pathOf } from "../../pager/mod.ts";
import type { ArchiveStore } from "./archive_store.ts";
import { parsePart, parseSegment } from "./segments/segment.ts";

const ACTION = "archive";
/** The name of an object that is not complete. */
const UNFINISHED = /^(.+)\.unfinished(?:-\d+)?$/;
/** A file that is older than the last object by this is left over, in milliseconds: an hour. */
const LEFT_MS = 60 * 60 * 1000;

/**
 * A store that keeps an archive as files of a folder, which the first of them creates. A file gets
 * its name when it is complete and on the medium. Use a folder of another disk, or of a mounted
 * machine.
 *
 * ```ts
 * import { archive, folderStore, open, restore } from "../../mod.ts";
 *
 * const dir = Deno.makeTempDirSync();
 * {
 *   using db = open(`${dir}/db.quire`);
 *   await using shipping = archive(db, folderStore(`${dir}/archive`));
 *   await db.tree("a").set("key", new Uint8Array(1));
 *   await shipping.flush();
 * }
 * await restore(`${dir}/restored.quire`, { from: folderStore(`${dir}/archive`) });
 * Deno.removeSync(dir, { recursive: true });
 * ```
 *
 * @param path The path of the folder, or a `file:` URL.
 * @throws {TypeError} The path is empty or has the wrong type, or the URL is not a `file:` URL.
 */
export function folderStore(path: string | URL): ArchiveStore {
  const name = pathOf(ACTION, path);
  // As a part of a path it would be the current folder.
  if (name === "") throw new TypeError(`Cannot ${ACTION}: the path of the folder is empty`);
  const folder = new Folder(name);
  const left = new LeftFiles(folder);
  return {
    put: async (name, bytes) => {
      await folder.write(name, bytes);
      await left.removeOlder(name);
    },
    get: (name) => folder.read(name),
    list: async () => {
      const names = await folder.names();
      left.note(names);
      return names;
    },
    delete: (name) => folder.remove(name),
  };
}

/** The unfinished files that killed processes have left, or that another process is writing. */
class LeftFiles {
  readonly #folder: Folder;
  readonly #names = new Set<string>();
  #isListed = false;

  /** Notes none before the first listing. */
  constructor(folder: Folder) {
    this.#folder = folder;
  }

  /** Notes those of a listing. */
  note(listed: readonly string[]): void {
    this.#isListed = true;
    for (const file of listed) {
      const [, name = ""] = UNFINISHED.exec(file) ?? [];
      const isOurs = parseSegment(name) !== undefined || parsePart(name) !== undefined;
      if (isOurs) this.#names.add(file);
    }
  }

  /** Removes those that are older than the last object. What the system does not let go stays. */
  async removeOlder(last: string): Promise<void> {
    try {
      if (!this.#isListed) this.note(await this.#folder.names());
      for (const name of this.#names) {
        if (await this.#folder.removeOlder(name, last, LEFT_MS)) this.#names.delete(name);
      }
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
    }
  }
}
