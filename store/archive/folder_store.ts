/**
 * An archive in a folder of the file system.
 *
 * A process that is killed leaves the file that it was writing under another name. Behind the first
 * object that it writes, a store removes such files, if they are so much older that nobody is
 * writing them any more.
 */

import { Folder, IoError, pathOf } from "../../pager/mod.ts";
import type { ArchiveStore } from "./archive_store.ts";
import { parsePart, parseSegment } from "./segments/segment.ts";

const ACTION = "archive";
/** The name of an object that is not complete. */
const UNFINISHED = /^(.+)\.unfinished(?:-\d+)?$/;
/** What is so much older than the last object is left over, in milliseconds: an hour. */
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
  let tidied: Promise<void> | undefined;
  return {
    put: async (name, bytes) => {
      await folder.write(name, bytes);
      await (tidied ??= removeLeft(folder, name));
    },
    get: (name) => folder.read(name),
    list: () => folder.names(),
    delete: (name) => folder.remove(name),
  };
}

/** Removes what killed processes have left. What the system does not let go stays. */
async function removeLeft(folder: Folder, last: string): Promise<void> {
  try {
    for (const left of await folder.names()) {
      const [, name = ""] = UNFINISHED.exec(left) ?? [];
      const isOurs = parseSegment(name) !== undefined || parsePart(name) !== undefined;
      if (isOurs) await folder.removeOlder(left, last, LEFT_MS);
    }
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
  }
}
