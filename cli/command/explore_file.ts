/**
 * `quire explore FILE`: opens a file for inspection, and shows it in the browser until a signal
 * ends it.
 */

import { basename } from "node:path";
import { ExplorerServer } from "../explorer/mod.ts";
import { inspectFile } from "../inspect/mod.ts";
import { note } from "../io/output.ts";

/** What is said of a file that another process has open. */
export const FOLLOWED =
  "Another process has the file open: what is shown follows its commits, each " +
  "when it is certainly on disk.";

/** How to show a file. */
export interface ExploreFileOptions {
  /** The port; default any free port. */
  readonly port?: number;
  /** The most memory for pages, in bytes. Default that of `open`. */
  readonly cacheBytes?: number;
  /** Stops the explorer. */
  readonly signal?: AbortSignal;
  /**
   * Receives the address; whether the view is unsynchronised, as a file is that another process has
   * open and that cannot be followed; and whether it is followed. Default: all are written to
   * standard error.
   */
  readonly onListen?: (url: string, unsynchronised: boolean, followed: boolean) => void;
}

/**
 * Shows a file, read-only, until the signal is aborted or `Ctrl-C` is pressed. Responses in
 * progress have a second to finish; a second `Ctrl-C` ends them at once.
 *
 * @param path The path of the file.
 * @throws {CorruptionError} It is not a Quire database, or is damaged.
 * @throws {IoError} The system refused, there is no file, or another program listens on the port.
 */
export async function exploreFile(path: string, options: ExploreFileOptions = {}): Promise<void> {
  const { port, cacheBytes, signal, onListen = announce } = options;
  const { inspection, database, close } = inspectFile(
    path,
    cacheBytes === undefined ? {} : { cacheBytes },
  );
  try {
    const source = { name: basename(path), path, live: false, inspection, database };
    const server = new ExplorerServer(
      { ...source, inspector: database?.inspect() },
      port === undefined ? {} : { port },
    );
    onListen(server.url, database === undefined, database?.follows ?? false);
    await untilStopped(server, signal);
  } finally {
    close();
  }
}

/** Serves until the abort signal or a signal of the system. */
async function untilStopped(server: ExplorerServer, signal?: AbortSignal): Promise<void> {
  let isStopping = false;
  const stop = () => {
    if (isStopping) server.abort();
    else server.close();
    isStopping = true;
  };
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  Deno.addSignalListener("SIGINT", stop);
  try {
    await server.finished;
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
    signal?.removeEventListener("abort", stop);
  }
}

function announce(url: string, unsynchronised: boolean, followed: boolean): void {
  if (unsynchronised) {
    note("Another process has the file locked: what is shown is unsynchronised.");
  }
  if (followed) note(FOLLOWED);
  note(`Explorer: ${url}`);
  note("Ctrl-C ends it.");
}
