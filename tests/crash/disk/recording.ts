/**
 * Records what a program does to a disk: a file system on a disk that logs, and a process that
 * works in it until it ends.
 */

import * as fs from "node:fs";
import { fromFileUrl } from "@std/path";
import { killIfThere, linesOf } from "../../support/programs/program.ts";
import { Random } from "../../support/random.ts";
import { FILE_NAME } from "./fuse.ts";
import { type FileSystem, makeImage, mountImage, unmount, unmountAnyway } from "./mounts.ts";

/** A recording that takes longer has failed. */
const LIMIT_MS = 300_000;
const SERVER = fromFileUrl(new URL("./serve_disk.ts", import.meta.url));
const PROGRAM = fromFileUrl(new URL("./disk_life.ts", import.meta.url));

const LIVES = 3;
/** A process lives this long at least before it is killed, for each of its steps. */
const STEP_MS = 12;

/** The files of a recording. */
export interface Recording {
  /** The disk at the beginning. */
  readonly image: string;
  /** Its writes and syncs. */
  readonly log: string;
  /** What was promised meanwhile. */
  readonly promises: string;
}

/** Works in a mounted folder. */
export type Work = (folder: string, promises: string) => Promise<void>;

/** Runs a program on a new disk whose files are in a folder. */
export async function recordDisk(
  folder: string,
  fileSystem: FileSystem,
  work: Work,
): Promise<Recording> {
  const recording = {
    image: `${folder}/image`,
    log: `${folder}/log`,
    promises: `${folder}/promises`,
  };
  const [disk, mounted] = [`${folder}/disk`, `${folder}/recorded`];
  for (const path of [disk, mounted]) fs.mkdirSync(path);
  fs.writeFileSync(recording.promises, "");
  await makeImage(recording.image, fileSystem);
  const server = startServer(disk, recording);
  // Without its process the disk fails every call, so that nothing waits for it.
  const timer = setTimeout(() => killIfThere(server), LIMIT_MS);
  try {
    if (!await isServing(server)) throw new Error("the disk does not serve");
    await mountImage(`${disk}/${FILE_NAME}`, mounted);
    await work(mounted, recording.promises);
    await unmount(mounted);
    await unmount(disk);
    if (!(await server.status).success) throw new Error("the disk failed");
  } finally {
    clearTimeout(timer);
    killIfThere(server);
    await server.status;
    for (const path of [mounted, disk]) await unmountAnyway(path);
  }
  return recording;
}

function startServer(disk: string, { image, log, promises }: Recording): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", SERVER, disk, image, log, promises],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

async function isServing(server: Deno.ChildProcess): Promise<boolean> {
  for await (const _ of linesOf(server.stdout)) return true;
  return false;
}

/** Does what `disk_life.ts` does, in three processes, which are killed but for the last. */
export function livesOf(seed: number, steps: number): Work {
  const random = new Random(seed);
  return async (folder, promises) => {
    for (let life = 1; life <= LIVES; life++) {
      const args = [folder, promises, life, seed, steps];
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", PROGRAM, ...args.map(String)],
        stdout: "inherit",
        stderr: "inherit",
      }).spawn();
      const delay = steps * (STEP_MS + random.below(STEP_MS));
      const timer = life < LIVES ? setTimeout(() => killIfThere(child), delay) : undefined;
      const { success, signal } = await child.status;
      clearTimeout(timer);
      if (!success && (life === LIVES || signal !== "SIGKILL")) throw new Error("a program failed");
    }
  };
}
