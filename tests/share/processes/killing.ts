/**
 * Kills processes of a fleet: while they open the file, while they work, or while they close it.
 *
 * How far a process is shows in its log, so the moments are hit on a busy machine as well.
 */

import { existsSync } from "node:fs";
import type { Random } from "../../support/random.ts";

/** What a process does when it is killed. */
export type Moment = "opening" | "working" | "closing";

/** How often a log is looked at. */
const POLL_MS = 3;
/** The lines of a process that works are longer than this; about ten of them are this long. */
const WORK_BYTES = 1000;
/** The last line of a process that begins to close the file. */
const CLOSING = '{"is":"closing"}\n';

/** When a process is killed. */
export interface Kill {
  readonly moment: Moment;
  /** The bytes that its log has then at least. */
  readonly logBytes: number;
  /** The time from then on, in milliseconds. */
  readonly waitMs: number;
}

/** Chooses a moment of a life of few steps. */
export function chooseKill(random: Random): Kill {
  const moment = random.pick(["opening", "working", "working", "closing"] as const);
  if (moment === "opening") return { moment, logBytes: 0, waitMs: random.below(80) };
  if (moment === "closing") return { moment, logBytes: 0, waitMs: random.below(12) };
  return { moment, logBytes: WORK_BYTES * random.below(30), waitMs: random.below(30) };
}

/** Kills a process at its moment, unless it ends before; whether it did. */
export async function killAt(
  child: Deno.ChildProcess,
  log: string,
  { moment, logBytes, waitMs }: Kill,
): Promise<boolean> {
  const over = child.status.then(() => true);
  const pass = (ms: number) => new Promise<false>((resolve) => setTimeout(resolve, ms, false));
  const isDue = () => {
    if (!existsSync(log)) return false;
    return moment === "closing" ? isClosing(log) : Deno.statSync(log).size >= logBytes;
  };
  while (!isDue()) if (await Promise.race([over, pass(POLL_MS)])) return false;
  if (waitMs > 0 && await Promise.race([over, pass(waitMs)])) return false;
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // It ended meanwhile.
  }
  return (await child.status).signal === "SIGKILL";
}

function isClosing(log: string): boolean {
  using file = Deno.openSync(log);
  const size = file.seekSync(0, Deno.SeekMode.End);
  if (size < CLOSING.length) return false;
  file.seekSync(size - CLOSING.length, Deno.SeekMode.Start);
  const end = new Uint8Array(CLOSING.length);
  return file.readSync(end) === end.length && new TextDecoder().decode(end) === CLOSING;
}
