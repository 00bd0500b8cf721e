/**
 * The private copies that this process has of a file's pages, as Linux counts them.
 */

/** The bytes of private copies in all mappings of a file, by its path. */
export function privateBytesOf(path: string): number {
  let bytes = 0;
  let isOfFile = false;
  for (const line of Deno.readTextFileSync("/proc/self/smaps").split("\n")) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isOfFile = line.endsWith(path);
    const found = isOfFile ? /^Anonymous: +(\d+) kB/.exec(line) : null;
    if (found !== null) bytes += Number(found[1]) * 1024;
  }
  return bytes;
}
