/**
 * A file behind a server for KV, in a process of its own.
 */

import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("./serve.ts", import.meta.url));
const TOKEN = "DENO_KV_ACCESS_TOKEN";

/** A file that is served. */
export interface ServedFile {
  /** The address for `Deno.openKv`. */
  readonly url: string;
  /** Ends the server. */
  end(): Promise<void>;
}

/** Serves a file; this process gets the token too. */
export async function serveFile(path: string): Promise<ServedFile> {
  Deno.env.set(TOKEN, crypto.randomUUID());
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", PROGRAM, path],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value: url = "" } = await reader.read();
  return {
    url: url.trim(),
    async end() {
      child.kill("SIGTERM");
      await child.status;
      await reader.cancel();
    },
  };
}
