/**
 * Converts paths given by users, strings or `file:` URLs, to paths for the system.
 *
 * A string is a URL if it begins with `file:`, or with another scheme and two slashes; for a file
 * with such a name, put `./` before it. A URL that does not name a file on this machine is refused,
 * not used as a file name.
 */

import { fileURLToPath } from "node:url";
import { reason } from "./disk.ts";

/** The scheme of a string that is a URL. A single letter is a drive instead. */
const SCHEME = /^(file:|[a-z][a-z\d+.-]+:(?=\/\/))/i;

/**
 * Converts a path given by a user.
 *
 * @param action The action that needs the path, for the error.
 * @throws {TypeError} `path` is not a string or `URL`, is a URL that does not name a file on
 * this machine, or is a string with a lone surrogate.
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
  // The parser would read a relative path as an absolute one.
  if (path[scheme.length] !== "/" || !URL.canParse(path)) {
    throw new TypeError(
      `Cannot ${action}: the path is not a URL of a file, such as file:///folder/name`,
    );
  }
  return pathOfUrl(action, new URL(path));
}

function pathOfUrl(action: string, url: URL): string {
  if (url.protocol !== "file:") throw wrongScheme(action, url.protocol);
  // An empty query or fragment shows only in the text of the URL.
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
