/**
 * An archive in a folder of the file system.
 */

import { Folder, pathOf } from "../../pager/mod.ts";
import type { ArchiveStore } from "./archive_store.ts";

const ACTION = "archive";

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
  return {
    put: (name, bytes) => folder.write(name, bytes),
    get: (name) => folder.read(name),
    list: () => folder.names(),
    delete: (name) => folder.remove(name),
  };
}
