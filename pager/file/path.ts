/**
 * Paths as users give them: text, and URLs of files, become the paths that the system takes.
 *
 * A text is a URL where it begins as one, with `file:` or with another scheme and two slashes; a
 * file whose name begins so is reached by `./` before it. What names no file of this machine is
 * refused rather than taken for the name of a file.
 */

import { fileURLToPath } from "node:url";
import { reason } from "./disk.ts";

/** The scheme of a text that is a URL. One letter is a drive. */
const SCHEME = /^(file:|[a-z][a-z\d+.-]+:(?=\/\/))/i;

/**
 * The path of what a user gives as one.
 *
 * @param action What cannot be done where it is none.
 * @throws {TypeError} It is no path: of another type, a URL that is not of a file on this machine,
 * or a text with a lone surrogate.
 */
export function pathOf(action: string, path: unknown): string {
  if (path instanceof URL) return pathOfUrl(action, path);
  if (typeof path !== "string") throw new TypeError(`Cannot ${action}: the path is ${typeof path}`);
  if (!path.isWellFormed()) {
    throw new TypeError(`Cannot ${action}: the path has a lone surrogate`);
  }
  const [scheme] = SCHEME.exec(path) ?? [];
  if (scheme === undefined) return path;
  if (scheme.toLowerCase() !== "file:") throw wrongScheme(action, scheme);
  // The parser would take a relative path for one from the root.
  if (path[scheme.length] !== "/" || !URL.canParse(path)) {
    throw new TypeError(
      `Cannot ${action}: the path is no URL of a file, as file:///folder/name is`,
    );
  }
  return pathOfUrl(action, new URL(path));
}

function pathOfUrl(action: string, url: URL): string {
  if (url.protocol !== "file:") throw wrongScheme(action, url.protocol);
  // An empty query or fragment shows in the text of the URL alone.
  if (/[?#]/.test(url.href)) {
    throw new TypeError(`Cannot ${action}: the URL of a file has ? or #, not %3F or %23`);
  }
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new TypeError(`Cannot ${action}: ${reason(cause)}`, { cause });
  }
}

function wrongScheme(action: string, scheme: string): TypeError {
  return new TypeError(`Cannot ${action}: the path is a URL of ${scheme}, not of file:`);
}
