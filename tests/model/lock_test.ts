/**
 * Locks: a file has one writer or many readers, by any name, in any thread or process. A path that
 * is no file, or that the system refuses, is refused. Each refusal is a typed error, at once, and
 * leaves the file unchanged.
 *
 * Paths at which opening might block forever are opened by another process, which is killed after a
 * time. If this process is the superuser, tests of permissions run as another user.
 */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { IoError, LockedError, MemoryFile } from "../../pager/mod.ts";
import { open } from "../../store/open.ts";
import type { OpenOptions } from "../../store/options.ts";
import { bytesOf, change, openOn, sameBytes } from "../support/databases/database.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { inTempDir } from "../support/temp.ts";
import { makeSample } from "../support/trees/sample.ts";

const VALUE = new Uint8Array([1]);
/** The user `nobody` on most systems; any user except the superuser will do. */
const OTHER_USER = 65_534;
const ENTRIES_PENDING = 300;
/** A call that does not wait takes less than this, however busy the machine is. */
const SOON_MS = 10_000;
const sample = makeSample();
const pending = makePending();

/** A database that was not closed: its last commits are in the journal alone. */
function makePending(): Uint8Array {
  const file = new MemoryFile();
  const db = openOn(file);
  change(db, "tree", (tree) => {
    for (let i = 0; i < ENTRIES_PENDING; i++) tree.set(`key ${i}`, bytesOf(i, 200));
  });
  const bytes = file.content().slice();
  db.close();
  return bytes;
}

const LOCK_OTHER = fromFileUrl(new URL("../support/programs/lock_other.ts", import.meta.url));
const OPEN_OTHER = fromFileUrl(new URL("./support/open_other.ts", import.meta.url));

/** Another process that tries to open a path, and may keep it open. */
function other(path: string, mode: string, stay = "leave"): Deno.Command {
  const allowed = [`--allow-read=${path}`, `--allow-write=${path}`];
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--no-prompt",
      ...allowed,
      LOCK_OTHER,
      path,
      mode,
      stay,
    ],
    stdin: stay === "hold" ? "piped" : "null",
    stdout: "piped",
    stderr: "inherit",
  });
}

/** The result of opening a path in another process. */
function outcome(path: string, mode: string): string {
  return new TextDecoder().decode(other(path, mode).outputSync().stdout).trim();
}

type Attempt = readonly [path: string, options: OpenOptions];

/** The results of opening many paths in another process, each within a time, as a given user. */
async function outcomes(attempts: readonly Attempt[], user = "-"): Promise<string[]> {
  const pairs = attempts.flatMap(([path, options]) => [path, JSON.stringify(options)]);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", OPEN_OTHER, user, ...pairs],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(HANG_MS),
  });
  const { stdout } = await child.output();
  const lines = new TextDecoder().decode(stdout).split("\n").slice(0, -1);
  const last = attempts[lines.length];
  assertEquals(lines.length, attempts.length, `waited for ever, or died, at ${last?.[0]}`);
  return lines;
}

/** The names of a file: its own, a symbolic link, a hard link, and one through a linked folder. */
function namesOf(dir: string): string[] {
  Deno.mkdirSync(`${dir}/folder`);
  const path = `${dir}/folder/file`;
  Deno.writeFileSync(path, sample.bytes);
  Deno.symlinkSync(path, `${dir}/symbolic`);
  Deno.linkSync(path, `${dir}/hard`);
  Deno.symlinkSync(`${dir}/folder`, `${dir}/way`);
  return [path, `${dir}/symbolic`, `${dir}/hard`, `${dir}/way/file`, `${dir}/way/../folder/file`];
}

/** Fails if bytes on disk have changed. */
function assertBytes(path: string, expected: Uint8Array): void {
  assert(sameBytes(Deno.readFileSync(path), expected), `${path} has changed`);
}

describe("a second open of one file", () => {
  it("is a LockedError at once, until the first is closed", () => {
    inTempDir((dir) => {
      const path = `${dir}/file`;
      const db = open(path);
      const start = performance.now();
      const error = assertThrows(() => open(path), LockedError, "another handle has it open");
      assert(error.isOwn && error.message.endsWith(", in this thread"), error.message);
      assertThrows(() => open(path, { readOnly: true }), LockedError);
      assert(performance.now() - start < SOON_MS, "at once");
      change(db, "a", (tree) => tree.set("key", VALUE));
      assertEquals(db.tree("a").get("key"), VALUE, "the first goes on");
      db.close();
      const again = open(path);
      assertEquals(again.tree("a").get("key"), VALUE);
      again.close();
    });
  });

  it("is shared between readers only", () => {
    inTempDir((dir) => {
      const path = `${dir}/file`;
      open(path).close();
      const [a, b] = [1, 2].map(() => open(path, { readOnly: true }));
      assertThrows(() => open(path), LockedError);
      a!.close();
      assertThrows(() => open(path), LockedError);
      b!.close();
      open(path).close();
    });
  });

  it("is refused to a second reader of a file that was not closed, which can follow it", () => {
    inTempDir((dir) => {
      const path = `${dir}/file`;
      Deno.writeFileSync(path, pending);
      using first = open(path, { readOnly: true });
      assertThrows(() => open(path, { readOnly: true }), LockedError);
      assertThrows(() => open(path), LockedError);
      using second = open(path, { follow: true });
      assertEquals([first.follows, second.follows], [false, true]);
      assertEquals(first.tree("tree").count(), ENTRIES_PENDING);
      assertBytes(path, pending);
    });
  });

  it("waits as long as lockTimeoutMs says", () => {
    inTempDir((dir) => {
      const path = `${dir}/file`;
      using _db = open(path);
      const start = performance.now();
      assertThrows(() => open(path, { lockTimeoutMs: 150 }), LockedError);
      const waited = performance.now() - start;
      assert(waited >= 145 && waited < SOON_MS, `waited ${waited} ms`);
    });
  });

  it("is also refused in another process, which needs permission for that path only", () => {
    inTempDir((dir) => {
      const path = `${dir}/file`;
      const db = open(path);
      assertEquals([outcome(path, "exclusive"), outcome(path, "shared")], ["locked", "locked"]);
      db.close();
      assertEquals(outcome(path, "exclusive"), "opened");
      using _db = open(path, { readOnly: true });
      assertEquals([outcome(path, "exclusive"), outcome(path, "shared")], ["locked", "opened"]);
    });
  });

  it("succeeds within lockTimeoutMs when another process ends", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/file`;
      const child = other(path, "exclusive", "hold").spawn();
      const reader = child.stdout.getReader();
      assertEquals(new TextDecoder().decode((await reader.read()).value).trim(), "opened");
      assertThrows(() => open(path), LockedError);
      // A killed process neither closes nor unlocks; the system does.
      child.kill("SIGKILL");
      const db = open(path, { lockTimeoutMs: HANG_MS });
      db.close();
      await child.status;
      await reader.cancel();
      await child.stdin.close().catch(() => {});
    }));
});

describe("a second open by another name", () => {
  it("is a LockedError, for any two names and any number of attempts", () => {
    inTempDir((dir) => {
      const names = namesOf(dir);
      for (const first of names) {
        const holder = open(first);
        const before = Deno.readFileSync(first);
        for (const second of [...names, ...names]) {
          const error = assertThrows(() => open(second), LockedError, "another handle has it open");
          assert(error.message.startsWith(`Cannot open ${second}: `), error.message);
          assertThrows(() => open(second, { readOnly: true }), LockedError);
        }
        assertBytes(first, before);
        holder.close();
      }
      open(names[2]!).close();
    });
  });

  it("is a LockedError in another process, too", async () => {
    await inTempDir(async (dir) => {
      const [path, symbolic, hard] = namesOf(dir) as [string, string, string];
      using _db = open(hard);
      const attempts = [path, symbolic, hard].map((name): Attempt => [name, {}]);
      for (const line of await outcomes(attempts)) {
        assertMatch(
          line,
          /^LockedError: Cannot open .*: another handle has it open, in another process or worker$/,
        );
      }
    });
  });

  it("is shared between readers by any name, and excludes writers", () => {
    inTempDir((dir) => {
      const names = namesOf(dir);
      const readers = names.map((name) => open(name, { readOnly: true }));
      for (const reader of readers) {
        for (const name of names) assertThrows(() => open(name), LockedError);
        assertEquals(reader.tree("tall").count(), 40);
        reader.close();
      }
      open(names[1]!).close();
      assertEquals(Deno.lstatSync(names[1]!).isSymlink, true);
    });
  });

  it("finds the lock if the file was created through a dangling link", () => {
    inTempDir((dir) => {
      Deno.symlinkSync(`${dir}/target`, `${dir}/link`);
      assertThrows(() => open(`${dir}/link`, { readOnly: true }), IoError, "Cannot open");
      assertThrows(() => open(`${dir}/link`, { create: false }), IoError, "Cannot open");
      assertThrows(() => Deno.statSync(`${dir}/target`), Deno.errors.NotFound);
      using _db = open(`${dir}/link`);
      assertThrows(() => open(`${dir}/target`), LockedError);
    });
  });
});

describe("a second open in a Worker", () => {
  /** A Worker, and its answers to messages. */
  function start() {
    const worker = new Worker(new URL("./support/lock_worker.ts", import.meta.url), {
      type: "module",
    });
    const ask = (message: unknown) =>
      new Promise<string>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => reject(new Error(event.message));
        worker.postMessage(message);
      });
    return { worker, ask };
  }

  it("is locked, shared and released as in one thread", async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/file`;
      const { worker, ask } = start();
      try {
        const mine = open(path);
        assertEquals(await ask({ path, readOnly: false }), "locked");
        assertEquals(await ask({ path, readOnly: true }), "locked");
        mine.close();
        assertEquals(await ask({ path, readOnly: true }), "opened");
        open(path, { readOnly: true }).close();
        assertThrows(() => open(path), LockedError);
        assertEquals(await ask("close"), "closed");
        assertEquals(await ask({ path, readOnly: false }), "opened");
        assertThrows(() => open(path, { readOnly: true }), LockedError);
        assertEquals(outcome(path, "shared"), "locked");
        assertEquals(await ask("close"), "closed");
        open(path).close();
      } finally {
        worker.terminate();
      }
    });
  });

  it("succeeds after the other Worker is terminated, and finds its commits", async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/file`;
      const { worker, ask } = start();
      assertEquals(await ask({ path, readOnly: false }), "opened");
      assertThrows(() => open(path), LockedError);
      worker.terminate();
      using db = open(path, { lockTimeoutMs: HANG_MS });
      assert(db.stats().recovery !== undefined, "it was not closed");
      assertEquals(db.tree("worker").get("key"), new Uint8Array([7]));
    });
  });
});

describe("a path that is not a file", () => {
  it("is an IoError at once, with any options, and creates nothing", async () => {
    await inTempDir(async (dir) => {
      Deno.writeFileSync(`${dir}/file`, sample.bytes);
      Deno.mkdirSync(`${dir}/folder`);
      assert(new Deno.Command("mkfifo", { args: [`${dir}/fifo`] }).outputSync().success);
      const links = { fifo: "fifo", folder: "folder", a: "link-b", b: "link-a" };
      for (const [from, to] of Object.entries(links)) {
        Deno.symlinkSync(`${dir}/${to}`, `${dir}/link-${from}`);
      }
      using _socket = Deno.listen({ transport: "unix", path: `${dir}/socket` });
      const names = ["folder", "fifo", "socket", "link-fifo", "link-folder", "link-a", "file/a"];
      const inside = [...names, "file/", "folder/", "none/a", "x".repeat(5000)];
      const paths = [...inside.map((name) => `${dir}/${name}`), "/dev/null", "/dev/zero", "/", ""];
      const before = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
      const attempts = paths.flatMap((path) =>
        [{}, { readOnly: true }, { create: false }].map((options): Attempt => [path, options])
      );
      const lines = await outcomes(attempts);
      for (const [i, [path]] of attempts.entries()) {
        assert(lines[i]!.startsWith(`IoError: Cannot open ${path}: `), `${path}: ${lines[i]}`);
      }
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), before);
      assertBytes(`${dir}/file`, sample.bytes);
    });
  });
});

/** The superuser ignores permissions; the test becomes another user if it can. */
const isSuperuser = Deno.build.os !== "windows" && Deno.uid() === 0;
const skip = Deno.build.os === "windows"
  ? "permissions are others there"
  : isSuperuser && !canBecomeOther() && "the superuser cannot become another user here";

function canBecomeOther(): boolean {
  const args = ["run", "-A", "--no-check", OPEN_OTHER, String(OTHER_USER)];
  return new Deno.Command(Deno.execPath(), { args, stdin: "null" }).outputSync().success;
}

describe("a file or folder without write permission", { skip }, () => {
  /** Opens paths as an ordinary user, in a folder of that user. */
  function asUser(attempts: readonly Attempt[]): Promise<string[]> {
    return outcomes(attempts, isSuperuser ? String(OTHER_USER) : "-");
  }

  /** Creates a file of that user. */
  function put(path: string, bytes: Uint8Array, mode: number): void {
    Deno.writeFileSync(path, bytes);
    own(path, mode);
  }

  function own(path: string, mode: number): void {
    if (isSuperuser) Deno.chownSync(path, OTHER_USER, OTHER_USER);
    Deno.chmodSync(path, mode);
  }

  const READ_ONLY = { readOnly: true };
  const DENIED = /^IoError: Cannot open .*: .*permission denied/i;
  const PENDING = `${ENTRIES_PENDING} entries`;

  it("opens only read-only if the file is read-only, closed or not", async () => {
    await inTempDir(async (dir) => {
      own(dir, 0o755);
      const [closed, left] = [`${dir}/closed`, `${dir}/left`];
      put(closed, sample.bytes, 0o444);
      put(left, pending, 0o444);
      const lines = await asUser([[closed, READ_ONLY], [left, READ_ONLY]]);
      assertEquals(lines, [`${countOf()} entries`, PENDING]);
      const refusals: Attempt[] = [[closed, {}], [left, {}], [left, { create: false }]];
      for (const line of await asUser(refusals)) assertMatch(line, DENIED);
      assertBytes(closed, sample.bytes);
      assertBytes(left, pending);
    });
  });

  it("is recovered in memory or in place if only the folder is read-only", async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/left`;
      put(path, pending, 0o644);
      own(dir, 0o555);
      assertEquals(await asUser([[path, READ_ONLY], [path, READ_ONLY]]), [PENDING, PENDING]);
      assertBytes(path, pending);
      assertEquals(await asUser([[path, {}], [path, {}]]), [PENDING, PENDING]);
      assert(!sameBytes(Deno.readFileSync(path), pending), "recovered in place");
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["left"]);
      const [refusal] = await asUser([[`${dir}/new`, {}]]);
      assertMatch(refusal, DENIED);
      Deno.chmodSync(dir, 0o755);
    });
  });

  it("is refused if file or folder cannot be read", async () => {
    await inTempDir(async (dir) => {
      own(dir, 0o755);
      put(`${dir}/file`, sample.bytes, 0o000);
      Deno.mkdirSync(`${dir}/folder`);
      put(`${dir}/folder/file`, sample.bytes, 0o644);
      own(`${dir}/folder`, 0o000);
      const paths = [`${dir}/file`, `${dir}/folder/file`, `${dir}/folder/new`];
      const attempts = paths.flatMap((path): Attempt[] => [[path, {}], [path, READ_ONLY]]);
      for (const line of await asUser(attempts)) assertMatch(line, DENIED);
      Deno.chmodSync(`${dir}/folder`, 0o755);
      Deno.chmodSync(`${dir}/file`, 0o644);
      assertBytes(`${dir}/file`, sample.bytes);
    });
  });

  /** The entries of all trees of the small database. */
  function countOf(): number {
    return [...sample.content.values()].reduce((sum, entries) => sum + entries.length, 0);
  }
});
