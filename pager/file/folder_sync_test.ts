// The entry of a new file in its folder: it is synced if the folder may be read; otherwise no
// permission is requested. A lack of descriptors is an error.

import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { IoError } from "../format/errors.ts";
import { startSyncOfFolder, syncFolderOf } from "./folder_sync.ts";

const LOCK_OTHER = fromFileUrl(
  new URL("../../tests/support/programs/lock_other.ts", import.meta.url),
);
const SELF = fromFileUrl(import.meta.url);
const WINDOWS = Deno.build.os === "windows";
const STRACE = "/usr/bin/strace";

function inFolder(body: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "quire-" });
  try {
    body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Opens a database in another process that has some permissions, and cannot request more. */
function openInOther(path: string, permissions: string[], tracer: string[] = []) {
  const args = ["run", "--no-check", "--no-prompt", ...permissions, LOCK_OTHER];
  const [program, ...rest] = [...tracer, Deno.execPath(), ...args, path, "exclusive", "leave"];
  const { stdout } = new Deno.Command(program!, { args: rest, stderr: "null" }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}

describe("syncFolderOf", () => {
  it("waits for the folder of a file, and for that of what a link leads to", () => {
    inFolder((folder) => {
      Deno.mkdirSync(`${folder}/deep`);
      Deno.writeFileSync(`${folder}/deep/a`, new Uint8Array());
      Deno.symlinkSync("deep/a", `${folder}/link`);
      for (const path of [`${folder}/deep/a`, `${folder}/link`]) {
        assertEquals(syncFolderOf(path), !WINDOWS);
      }
    });
  });

  it("gives a file that is gone an IoError", { ignore: WINDOWS }, () => {
    inFolder((folder) => {
      assertThrows(() => syncFolderOf(`${folder}/a`), IoError, "Cannot find");
    });
  });
});

describe("syncFolderOf() and startSyncOfFolder()", { ignore: WINDOWS }, () => {
  const refusing = (code: string) => () => {
    throw Object.assign(new Error(code), { code });
  };

  it("report what loses the entry: a lack of descriptors, or a broken disk", async () => {
    for (const code of ["EMFILE", "ENFILE", "EIO"]) {
      assertThrows(() => syncFolderOf(SELF, refusing(code)), IoError, code);
      await assertRejects(() => startSyncOfFolder(SELF, refusing(code)), IoError, code);
    }
  });

  it("leave the entry to a system that does not open or sync folders", async () => {
    for (const code of ["EACCES", "EBADF", "EINVAL", "EISDIR", "ENOTSUP", "EOPNOTSUPP", "EPERM"]) {
      assertEquals(syncFolderOf(SELF, refusing(code)), false);
      assertEquals(await startSyncOfFolder(SELF, refusing(code)), false);
    }
  });
});

describe("opening a new file", () => {
  it("needs no permission but that of its path", () => {
    inFolder((folder) => {
      const path = `${folder}/a.quire`;
      const permissions = [`--allow-read=${path}`, `--allow-write=${path}`];
      assertEquals(openInOther(path, permissions), "opened");
    });
  });

  const hasTracer = Deno.build.os === "linux" && exists(STRACE);
  const name = "syncs the folder before a byte is written, if it may be read";
  it(hasTracer ? name : `${name} (skipped: there is no ${STRACE})`, { ignore: !hasTracer }, () => {
    inFolder((folder) => {
      for (const [file, allowed, syncs] of [["a", folder, true], ["b", "", false]] as const) {
        const path = `${folder}/${file}`;
        const permissions = [`--allow-read=${allowed || path}`, `--allow-write=${path}`];
        const log = `${folder}/${file}.log`;
        const calls = "trace=fsync,fdatasync,pwrite64";
        const tracer = [STRACE, "-f", "-y", "-e", calls, "-o", log];
        assertEquals(openInOther(path, permissions, tracer), "opened");
        const lines = Deno.readTextFileSync(log).split("\n");
        const synced = lines.findIndex((line) =>
          line.includes(`fsync(`) && line.includes(`<${folder}>`)
        );
        const written = lines.findIndex((line) => line.includes(`<${path}>`));
        assert(written >= 0);
        assertEquals(synced >= 0, syncs);
        if (syncs) assertLess(synced, written);
      }
    });
  });
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
