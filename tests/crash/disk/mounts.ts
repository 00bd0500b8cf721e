/**
 * Disks in files: made, mounted and unmounted by the tools of a Linux system, as its superuser.
 */

import * as fs from "node:fs";

/** A call that takes longer has failed, in seconds. */
const LIMIT_S = 60;
/** The least that every file system takes. */
const DISK_BYTES = 300 * 1024 * 1024;
/** How each file system is made. ext4 writes no inode behind the back of the test. */
const MAKE: Readonly<Record<FileSystem, readonly string[]>> = {
  ext4: [
    ...["mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=4"],
    ...["-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"],
  ],
  xfs: ["mkfs.xfs", "-q", "-f", "-K"],
  btrfs: ["mkfs.btrfs", "-q", "-f", "-K"],
};

/** The file systems that programs keep their data in. */
export type FileSystem = "ext4" | "xfs" | "btrfs";

/** Those that can be made here, most common first. */
export const FILE_SYSTEMS: readonly FileSystem[] = (["ext4", "xfs", "btrfs"] as const)
  .filter((name) => isSuperuser() && hasProgram(MAKE[name][0]!));

function isSuperuser(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0;
}

function hasProgram(name: string): boolean {
  return ["/usr/sbin", "/sbin", "/usr/bin"].some((folder) => fs.existsSync(`${folder}/${name}`));
}

/** Makes an image of a disk with an empty file system. */
export async function makeImage(path: string, fileSystem: FileSystem): Promise<void> {
  fs.writeFileSync(path, "", { flag: "wx" });
  fs.truncateSync(path, DISK_BYTES);
  await run(...MAKE[fileSystem], path);
}

/** Mounts the file system of an image. */
export function mountImage(image: string, folder: string): Promise<void> {
  return run("mount", "-o", "loop", image, folder);
}

/** Unmounts a file system, which gives up its image. */
export function unmount(folder: string): Promise<void> {
  return run("umount", folder);
}

/** Unmounts what may be in use, or not be mounted at all. */
export async function unmountAnyway(folder: string): Promise<void> {
  await unmount(folder).catch(() => run("umount", "-l", folder)).catch(() => {});
}

async function run(...command: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("timeout", {
    args: [`${LIMIT_S}`, ...command],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${command[0]} failed: ${new TextDecoder().decode(stderr)}`);
}
