/**
 * The words of a command line that name a file: as a path, or as a `file:` URL, as in programs.
 */

import { pathOf } from "../../pager/mod.ts";

const FILE_URL = /^file:/i;

/**
 * The path that a word names. A word that is no `file:` URL is a path as it is.
 *
 * @param action The action that needs the path, for the error.
 * @throws {TypeError} The URL names no file on this machine.
 */
export function namedFile(action: string, word: string): string {
  return FILE_URL.test(word) ? pathOf(action, word) : word;
}
