/**
 * Small disks for tests: a tmpfs of 8 MiB. Only the superuser of a Linux system can mount one.
 */

const DISK_BYTES = 8 * 1024 * 1024;

/** Runs a test on a disk of its own. Returns false if none can be mounted. */
export async function onSmallDisk(body: (folder: string) => unknown): Promise<boolean> {
  const folder = Deno.makeTempDirSync({ prefix: "quire-test-" });
  try {
    if (!run("mount", "-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", folder)) return false;
    try {
      await body(folder);
    } finally {
      run("umount", "-l", folder);
    }
  } finally {
    Deno.removeSync(folder);
  }
  return true;
}

function run(program: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** Lets nobody write to a mounted disk any more. */
export function makeReadOnly(folder: string): boolean {
  return run("mount", "-o", "remount,ro", folder);
}

/** Whether this process can mount disks. */
export function canMountDisks(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0 && canMountHere();
}

function canMountHere(): boolean {
  const folder = Deno.makeTempDirSync({ prefix: "quire-test-" });
  try {
    return run("mount", "-t", "tmpfs", "tmpfs", folder) && run("umount", folder);
  } finally {
    Deno.removeSync(folder);
  }
}
