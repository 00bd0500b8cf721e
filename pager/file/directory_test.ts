// The directory entry of a new file: it is synced if the directory may be read; otherwise no
// permission is requested.

import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { IoError } from "../format/errors.ts";
import { syncDirectoryOf } from "./directory.ts";

const LOCK_OTHER = fromFileUrl(new URL("../../tests/support/lock_other.ts", import.meta.url));
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

describe("syncDirectoryOf", () => {
  it("waits for the directory of a file, and for that of what a link leads to", () => {
    inFolder((folder) => {
      Deno.mkdirSync(`${folder}/deep`);
      Deno.writeFileSync(`${folder}/deep/a`, new Uint8Array());
      Deno.symlinkSync("deep/a", `${folder}/link`);
      for (const path of [`${folder}/deep/a`, `${folder}/link`]) {
        assertEquals(syncDirectoryOf(path), !WINDOWS);
      }
    });
  });

  it("gives a file that is gone an IoError", { ignore: WINDOWS }, () => {
    inFolder((folder) => {
      assertThrows(() => syncDirectoryOf(`${folder}/a`), IoError, "Cannot find");
    });
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
  const name = "syncs the directory before a byte is written, if it may be read";
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
