/**
 * A process that serves a disk: FOLDER IMAGE LOG PROMISES. It mounts a folder with one file, which
 * begins with the bytes of an image and is kept in memory. It logs each write and each sync of it,
 * with the length of the file of promises, and prints a line when it serves. It ends when the
 * folder is unmounted.
 */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { DiskLog, SYNC } from "./disk_log.ts";
import { answer, type Medium, REQUEST_BYTES } from "./fuse.ts";

const NOTHING = new Uint8Array(0);
/** Mounts with a descriptor of the device as the third of the command. */
const OPTIONS = "fd=3,rootmode=40700,user_id=0,group_id=0";

function mount(folder: string): number {
  const descriptor = fs.openSync("/dev/fuse", "r+");
  const { status, stderr } = spawnSync(
    "mount",
    ["-i", "-t", "fuse", "-o", OPTIONS, "quire", folder],
    { stdio: ["ignore", "ignore", "pipe", descriptor] },
  );
  if (status !== 0) throw new Error(`the disk could not be mounted: ${stderr}`);
  return descriptor;
}

function mediumOf(image: string, log: DiskLog, promises: number): Medium {
  const bytes = fs.readFileSync(image);
  const promised = () => fs.fstatSync(promises).size;
  return {
    bytes: bytes.length,
    read: (position, target) => target.set(bytes.subarray(position, position + target.length)),
    write: (position, source) => {
      bytes.set(source, position);
      log.append({ promised: promised(), position, bytes: source });
    },
    sync: () => log.append({ promised: promised(), position: SYNC, bytes: NOTHING }),
  };
}

function serve(descriptor: number, medium: Medium): void {
  const request = new Uint8Array(REQUEST_BYTES);
  for (;;) {
    let length: number;
    try {
      length = fs.readSync(descriptor, request);
    } catch (error) {
      // The folder was unmounted.
      if ((error as NodeJS.ErrnoException).code === "ENODEV") return;
      throw error;
    }
    const bytes = answer(request.subarray(0, length), medium);
    if (bytes !== undefined) fs.writeSync(descriptor, bytes);
  }
}

const [folder, image, log, promises] = Deno.args;
const medium = mediumOf(image!, new DiskLog(log!), fs.openSync(promises!, "r"));
const descriptor = mount(folder!);
console.log("serving");
serve(descriptor, medium);
