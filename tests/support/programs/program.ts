/**
 * Runs programs of the project as users do: in their own process, with the given permissions only.
 */

import { fromFileUrl } from "@std/path";
import { HANG_MS } from "./hang.ts";

const TOP = fromFileUrl(new URL("../../..", import.meta.url));

/** The permissions of a program. */
export interface Permissions {
  /** The one path that it may read and write. */
  readonly path?: string;
  /** Whether it may read everything, as a package needs that has its data in files. */
  readonly readsAll?: boolean;
  /** The address that it may listen on. */
  readonly net?: string;
}

/** The result of a program. */
export interface Outcome {
  /** Its exit code. */
  readonly code: number;
  /** Its output. */
  readonly out: string;
  /** Its errors. */
  readonly err: string;
}

/** Runs a program to its end. */
export async function runProgram(
  program: string,
  args: readonly string[],
  permissions: Permissions,
): Promise<Outcome> {
  const child = startProgram(program, args, permissions);
  const timer = setTimeout(() => child.kill("SIGKILL"), HANG_MS);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Starts a program. The caller must read its output and errors. */
export function startProgram(
  program: string,
  args: readonly string[],
  { path, net, readsAll = false }: Permissions,
): Deno.ChildProcess {
  // `deno task check` checks the types once.
  const flags = ["--quiet", "--no-prompt", "--no-check"];
  if (path !== undefined) {
    flags.push(readsAll ? "--allow-read" : `--allow-read=${path}`, `--allow-write=${path}`);
  }
  if (net !== undefined) flags.push(`--allow-net=${net}`);
  return new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, program, ...args],
    cwd: TOP,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Kills a process, unless it has ended: then its status says how. */
export function killIfThere(child: Deno.ChildProcess, signal: Deno.Signal = "SIGKILL"): void {
  try {
    child.kill(signal);
  } catch {
    // It ended.
  }
}

/** The complete lines of a stream. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
