/**
 * `serveKv` and clients in other processes: Deno's own, which speaks HTTP/2, and the package
 * `@deno/kv` for Node, which speaks HTTP/1.1.
 */

import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { serveKv, type ServeKvOptions } from "../../kv/connect/mod.ts";
import { encodeKey } from "../../kv/format/key.ts";
import { openKv } from "../../kv/mod.ts";
import { open } from "../../mod.ts";
import { encode } from "../support/databases/connect_messages.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { linesOf } from "../support/programs/program.ts";
import { inTempDir } from "../support/temp.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
const CLIENT = fromFileUrl(new URL("./support/connect_client.ts", import.meta.url));
const MIB = 2 ** 20;
const TOKEN = "the-token-of-the-test";
const CLIENTS = ["native", "npm"];

/** Starts a client. */
function start(client: string, url: string, work: string, token = TOKEN): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", "--unstable-kv", CLIENT, client, url, work],
    cwd: TOP,
    env: { NO_COLOR: "1", DENO_KV_ACCESS_TOKEN: token },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    signal: AbortSignal.timeout(HANG_MS),
  }).spawn();
}

/** Runs a client, and returns what it printed. */
async function run(...args: Parameters<typeof start>): Promise<unknown[]> {
  const { stdout } = await start(...args).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}

/** The headers of requests for data. */
async function dataHeaders(url: string): Promise<Record<string, string>> {
  const headers = { authorization: `Bearer ${TOKEN}`, "x-denokv-version": "3" };
  const body = JSON.stringify({ supportedVersions: [3] });
  const { databaseId } = await (await fetch(url, { method: "POST", headers, body })).json();
  return { ...headers, "x-denokv-database-id": databaseId };
}

describe("serveKv()", () => {
  it("serves reads, writes and lists to clients in other processes", async () => {
    using db = open(":memory:");
    await using server = serveKv(db, { token: TOKEN });
    const runs = await Promise.all(CLIENTS.map((client) => run(client, server.url, "use")));
    const bytes = (from: number, to: number) => {
      const step = from < to ? 1 : -1;
      const length = Math.abs(to - from) + 1;
      return Array.from({ length }, (_, i) => [from + i * step, `bytes 0${from + i * step}`]);
    };
    const value = { text: "\u00e9", list: [1, "2n", null], at: "1970-01-01T00:00:00.005Z" };
    const wanted = [
      null,
      [value, true, null],
      false,
      true,
      "7n",
      bytes(0, 4),
      [5, 6],
      bytes(6, 2),
      [1, 0],
      2,
      true,
    ];
    for (const [i, seen] of runs.entries()) assertEquals(seen, wanted, CLIENTS[i]);
    using kv = await openKv(db);
    assertEquals((await Array.fromAsync(kv.list({ prefix: ["native"] }))).length, 8);
  });

  it("shows the expiry that a client sets, and wakes clients that watch", async () => {
    using db = open(":memory:");
    await using server = serveKv(db, { token: TOKEN });
    using kv = await openKv(db);
    await kv.set(["watched"], "first", { expireIn: 60_000 });
    const seen = await Promise.all(CLIENTS.map(async (client) => {
      const states: unknown[] = [];
      for await (const line of linesOf(start(client, server.url, "follow").stdout)) {
        states.push(JSON.parse(line));
        if (states.length === 1) await kv.set(["other"], 1);
        if (states.length === 1) await kv.set(["watched"], "last");
      }
      return states.at(-1);
    }));
    assertEquals(seen, ["last", "last"]);
  });

  it("is found again by clients that watch, after a restart", () =>
    inTempDir(async (dir) => {
      let db = open(`${dir}/a.quire`);
      let server = serveKv(db, { token: TOKEN });
      const { port, url } = server;
      let waiting = CLIENTS.length;

      async function restart(): Promise<void> {
        await server.close();
        db.close();
        db = open(`${dir}/a.quire`);
        server = serveKv(db, { token: TOKEN, port });
        using kv = await openKv(db);
        await kv.set(["watched"], "last");
      }

      /** The states that a client sees; the last client that sees the first one restarts. */
      async function statesOf(client: string): Promise<unknown[]> {
        const states: unknown[] = [];
        for await (const line of linesOf(start(client, url, "follow").stdout)) {
          const state = JSON.parse(line);
          if (state !== states.at(-1)) states.push(state);
          if (states.length === 1 && --waiting === 0) await restart();
        }
        return states;
      }

      const kv = await openKv(db);
      await kv.set(["watched"], "first");
      kv.close();
      const seen = await Promise.all(CLIENTS.map(statesOf));
      assertEquals(seen, [["first", "last"], ["first", "last"]]);
      await server.close();
      db.close();
    }));

  it("tells a client with another token at once why it is refused", async () => {
    using db = open(":memory:");
    await using server = serveKv(db, { token: TOKEN });
    for (const client of CLIENTS) {
      const [message] = await run(client, server.url, "open", "another-token");
      assertMatch(String(message), /401.*The access token is missing or wrong/s);
    }
  });

  it("survives connections that are cut, and bytes that are not a request", async () => {
    using db = open(":memory:");
    await using server = serveKv(db, { token: TOKEN });
    const starts = [
      "",
      "POST / HTTP/1.1\r\nhost: a\r\n",
      `POST / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: 99\r\n\r\n{`,
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot a frame of the protocol",
      "\x16\x03\x01\x02\0\x01 a greeting of TLS",
    ];
    for (let round = 0; round < 5; round++) {
      await Promise.all(starts.map(async (text) => {
        using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
        await conn.write(new TextEncoder().encode(text));
      }));
    }
    assertEquals(await run("native", server.url, "open"), ["read"]);
    assertEquals(db.stats().snapshots, 0);
  });

  it("refuses what exceeds its memory, until a client that does not read is gone", async () => {
    using db = open(":memory:");
    const limits = { bodyBytes: MIB, responseBytes: 30 * MIB, entries: 10, memoryBytes: 40 * MIB };
    await using server = serveKv(db, { token: TOKEN, limits });
    using kv = await openKv(db);
    await kv.set(["large"], new Uint8Array(20 * MIB));
    const headers = await dataHeaders(server.url);
    const key = encodeKey(["large"]);
    const body = encode({ 1: { 1: key, 2: encodeKey(["larger"]), 3: 1 } });
    const read = async (): Promise<number> => {
      const url = `${server.url}/v2/snapshot_read`;
      const response = await fetch(url, { method: "POST", headers, body });
      await response.bytes();
      return response.status;
    };
    const fields = Object.entries({ ...headers, host: "a", "content-length": body.length });
    const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    /** Asks for the same, and reads only how the answer begins. */
    const begin = async (conn: Deno.Conn): Promise<string> => {
      const start = `POST /v2/snapshot_read HTTP/1.1\r\n${head}\r\n`;
      await conn.write(Uint8Array.of(...new TextEncoder().encode(start), ...body));
      const status = new Uint8Array(12);
      await conn.read(status);
      return new TextDecoder().decode(status);
    };
    assertEquals(await read(), 200);
    const time = AbortSignal.timeout(HANG_MS);
    const connect = () => Deno.connect({ hostname: "127.0.0.1", port: server.port });
    let conn = await connect();
    // The answer before may still count.
    while (await begin(conn) !== "HTTP/1.1 200") {
      time.throwIfAborted();
      conn.close();
      conn = await connect();
    }
    assertEquals(await read(), 503);
    conn.close();
    while (await read() !== 200) time.throwIfAborted();
  });

  it("finishes what is in progress when it ends, and keeps what it confirmed", () =>
    inTempDir(async (dir) => {
      const db = open(`${dir}/a.quire`);
      const server = serveKv(db, { token: TOKEN });
      const headers = await dataHeaders(server.url);
      const write = async (i: number): Promise<number> => {
        const set = { 1: encodeKey(["k", i]), 2: { 1: new Uint8Array([i]), 2: 3 }, 3: 1 };
        const response = await fetch(`${server.url}/v2/atomic_write`, {
          method: "POST",
          headers,
          body: encode({ 2: set }),
        });
        await response.body?.cancel();
        return response.status;
      };
      const first = write(0);
      const rest = Array.from({ length: 99 }, (_, i) => write(i + 1).catch(() => 0));
      assertEquals(await first, 200);
      await server.close();
      db.close();
      const statuses = [200, ...await Promise.all(rest)];
      assertEquals(statuses.filter((status) => ![0, 200, 503].includes(status)), []);
      using kv = await openKv(`${dir}/a.quire`);
      const kept = await Array.fromAsync(kv.list({ prefix: ["k"] }));
      const confirmed = statuses.flatMap((status, i) => status === 200 ? [i] : []);
      const missing = confirmed.filter((i) => !kept.some(({ key }) => key[1] === i));
      assertEquals(missing, []);
    }));

  it("cuts off what is in progress, when it is told so while it ends", async () => {
    using db = open(":memory:");
    const server = serveKv(db, { token: TOKEN });
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const head = `POST / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${TOKEN}\r\n`;
    // The server asks for the body, so the request is in progress.
    await conn.write(new TextEncoder().encode(`${head}expect: 100-continue\r\n`));
    await conn.write(new TextEncoder().encode("content-length: 99\r\n\r\n"));
    await conn.read(new Uint8Array(100));
    const late = server.close();
    server.abort();
    await Promise.all([late, server.close()]);
    await assertRejects(() => fetch(server.url));
    server.abort();
    const idle = serveKv(db, { token: TOKEN });
    idle.abort();
    await idle.close();
  });

  it("keeps no program alive when it is closed after its end, and knows its options", async () => {
    using db = open(":memory:");
    const misspelt = { token: TOKEN, prot: 1 } as ServeKvOptions;
    assertThrows(() => serveKv(db, misspelt), TypeError, "unknown option prot");
    const program = `
      import { open } from "./mod.ts";
      import { serveKv } from "./kv/connect/mod.ts";
      const server = serveKv(open(":memory:"), { token: "${TOKEN}" });
      server.abort();
      await server.finished;
      await server.close();
      // It runs only where something else keeps the program alive.
      Deno.unrefTimer(setTimeout(() => console.log("alive"), 3000));`;
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", program],
      cwd: TOP,
      stderr: "null",
    }).output();
    assertEquals([success, new TextDecoder().decode(stdout)], [true, ""]);
  });

  it("ends watches when it ends, and leaves the database open", async () => {
    using db = open(":memory:");
    const server = serveKv(db, { token: TOKEN });
    const child = start("native", server.url, "follow");
    const lines = linesOf(child.stdout);
    await lines.next();
    await server.close();
    await server.close();
    child.kill("SIGKILL");
    await child.status;
    await lines.return(undefined);
    using kv = await openKv(db);
    assertEquals((await kv.set(["a"], 1)).ok, true);
    await assertRejects(() => fetch(server.url));
  });
});
