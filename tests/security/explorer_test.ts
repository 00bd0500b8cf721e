/**
 * The explorer and clients without a token: they cannot end the program that shows its database,
 * hold its descriptors, or keep it from ending. The clients are on this machine, and few enough for
 * a small one.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ExplorerServer } from "../../cli/explorer/mod.ts";
import { inspectFile } from "../../cli/inspect/mod.ts";
import { explore } from "../../cli/mod.ts";
import { open } from "../../mod.ts";
import { cliWords } from "../support/programs/cli.ts";
import { makeCliSample } from "../support/programs/cli_sample.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { killIfThere, linesOf } from "../support/programs/program.ts";
import { inTime, RawClient } from "../support/programs/raw_client.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";

/**
 * The numbers of clients and of a program's descriptors: fewer, but more than the explorer uses.
 */
const CROWD = 200;
const DESCRIPTORS = 150;
const PROGRAM = new URL("./support/explored_program.ts", import.meta.url).pathname;

/** A request that never ends, without a token. */
function unfinished(port: number): string {
  return `POST /api/file HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 9\r\n\r\na`;
}

/** Sends as many requests as allowed before a read, and reads nothing. */
async function askWithoutReading(port: number): Promise<RawClient> {
  const client = await RawClient.to(port);
  const request = `GET /library/preact.js HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  await client.send(request.repeat(16));
  return client;
}

/** Clients that hold connections open. */
async function holdConnections(port: number): Promise<RawClient[]> {
  const silent = await RawClient.to(port);
  const half = await RawClient.to(port);
  await half.send("GET /api/file HTTP/1.1\r\n");
  const body = await RawClient.to(port);
  await body.send(unfinished(port));
  return [silent, half, body, await askWithoutReading(port)];
}

/** More silent clients than the explorer accepts. */
async function gather({ port }: URL): Promise<RawClient[]> {
  const crowd: RawClient[] = [];
  for (let i = 0; i < CROWD; i++) crowd.push(await RawClient.to(Number(port)));
  return crowd;
}

function endAll(clients: readonly RawClient[]): void {
  for (const client of clients) client[Symbol.dispose]();
}

/** Runs a test with an explorer that shows an empty database. */
async function withExplorer(body: (url: URL, close: () => Promise<void>) => Promise<void>) {
  using db = open(":memory:");
  const explorer = explore(db);
  try {
    await body(new URL(explorer.url), () => explorer.close());
  } finally {
    await inTime(explorer.close(), "the end of the explorer");
  }
}

/** A program that shows its database, and executes commands. */
interface Program {
  readonly url: URL;
  /** Sends a command. Returns its answer. */
  run(command: string): Promise<string>;
}

/** Runs a test with a program that has fewer descriptors than clients, and ends by itself. */
function withProgram(body: (program: Program) => Promise<void>): Promise<void> {
  return inTempDir(async (dir) => {
    const child = new Deno.Command("sh", {
      args: ["-c", `ulimit -n ${DESCRIPTORS}; exec "$@"`, "sh", Deno.execPath(), "run", "-A"]
        .concat("--no-check", PROGRAM, `${dir}/db.quire`),
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
      signal: AbortSignal.timeout(HANG_MS),
    }).spawn();
    const lines = linesOf(child.stdout)[Symbol.asyncIterator]();
    const nextLine = async () => String((await lines.next()).value);
    const commands = child.stdin.getWriter();
    const run = async (command: string) => {
      await commands.write(new TextEncoder().encode(`${command}\n`));
      return await nextLine();
    };
    await body({ url: new URL(await nextLine()), run });
    assertEquals(await run("end"), "ends");
    await commands.close();
    assertEquals((await child.status).code, 0);
  });
}

/** The data for a browser with the token, or the error that prevents it. */
async function statusWithToken(url: URL): Promise<number> {
  const authorization = `Bearer ${new URLSearchParams(url.hash.slice(1)).get("token")}`;
  const response = await fetch(new URL("/api/file", url), { headers: { authorization } });
  await response.body?.cancel();
  return response.status;
}

describe("security: explorer clients without a token", () => {
  it("do not use up the descriptors of the program", () =>
    withProgram(async ({ url, run }) => {
      const crowd = await gather(url);
      // The program opens files, which takes descriptors.
      assertEquals(await run("open 20"), "opened 20");
      assertEquals(await run("set"), "set 1");
      assertEquals(await statusWithToken(url), 200);
      endAll(crowd);
    }));

  it("are dropped after half-sent requests, and do not keep others out", () =>
    withExplorer(async (url) => {
      const port = Number(url.port);
      const crowd: RawClient[] = [];
      for (let i = 0; i < 300; i++) {
        const client = await RawClient.to(port);
        crowd.push(client);
        await client.send("GET / HTTP/1.1\r\n").catch(() => {});
      }
      assertEquals(await statusWithToken(url), 200);
      // All except as many as are accepted at a time.
      for (const client of crowd.slice(0, 200)) assertEquals(await client.receiveAll(), "");
      endAll(crowd);
    }));

  it("do not end it with malformed or truncated requests, or by disconnecting", () =>
    withExplorer(async (url) => {
      const random = new Random(15);
      const host = `HTTP/1.1\r\nHost: ${url.host}\r\n`;
      const requests = [
        `GET / ${host}\r\n`,
        `GET / ${host}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\nabc`,
        `CONNECT a:1 ${host}\r\n`,
        `OPTIONS * ${host}Expect: nonsense\r\n\r\n`,
        `POST / ${host}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
        `POST / ${host}Transfer-Encoding: chunked\r\n\r\n5;x\r\nabcde\r\n0\r\nT: x\r\n\r\n`,
        `GET / ${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      ];
      const spoil = (text: string) => {
        const at = random.below(text.length);
        if (random.once(2)) return text.slice(0, at);
        return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
      };
      for (let i = 0; i < 400; i++) {
        using client = await RawClient.to(Number(url.port));
        await client.send(spoil(random.pick(requests))).catch(() => {});
      }
      assertEquals(await statusWithToken(url), 200);
    }));

  it("do not keep close() from ending", () =>
    withExplorer(async (url, close) => {
      const clients = await holdConnections(Number(url.port));
      assertEquals(await statusWithToken(url), 200);
      await inTime(close(), "the end of the explorer");
      endAll(clients);
    }));

  it("are answered before their body arrives, and get no data", () =>
    withExplorer(async ({ port }) => {
      using client = await RawClient.to(Number(port));
      await client.send(unfinished(Number(port)));
      assertStringIncludes(await client.receive(), "HTTP/1.1 401");
    }));
});

describe("security: the explorer of a file that changes meanwhile", () => {
  const changes: Record<string, (path: string) => void> = {
    "cut to nothing": (path) => Deno.truncateSync(path, 0),
    "cut in the middle": (path) => Deno.truncateSync(path, Deno.statSync(path).size / 2 + 77),
    "overwritten": (path) => Deno.writeFileSync(path, new Uint8Array(3_000_000).fill(0xa5)),
    "taken away": (path) => Deno.removeSync(path),
    "replaced": (path) => {
      Deno.removeSync(path);
      Deno.writeTextFileSync(path, "no database\n".repeat(9999));
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    it(`refuses in one line or answers, and continues to serve: ${name}`, () =>
      inTempDir(async (dir) => {
        const path = `${dir}/db.quire`;
        makeCliSample(path);
        const { inspection, database, close } = inspectFile(path, { cacheBytes: 8 * 2 ** 20 });
        const inspector = database?.inspect();
        const source = { name: "db", path, live: false, inspection, database, inspector };
        const server = new ExplorerServer(source);
        try {
          const questions = questionsAbout(inspection.file().pages);
          await askAll(server, questions);
          change(path);
          const statuses = await askAll(server, questions);
          assert(statuses.every((status) => [200, 404, 409, 503].includes(status)), `${statuses}`);
        } finally {
          await server.close();
          close();
        }
      }));
  }

  function questionsAbout(pages: number): string[] {
    const some = Array.from({ length: 40 }, (_, i) => `page?page=${Math.floor(pages * i / 40)}`);
    const words = "descent?tree=words&key=word&form=text";
    return ["file", "chunk?chunk=0", "cache", "journal", "measure", words, ...some]
      .concat("tiles?from=0&shift=0&count=4096")
      .map((question) => `/api/${question}`);
  }

  /** The statuses of responses. Each is JSON; a refusal is one line. */
  async function askAll(server: ExplorerServer, questions: readonly string[]): Promise<number[]> {
    const [base = "", token = ""] = server.url.split("/#token=");
    const statuses: number[] = [];
    for (const question of questions) {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(base + question, { headers });
      const { error }: { error?: string } = await response.json();
      assertEquals(response.ok, error === undefined);
      assert(!error?.includes("\n"), error);
      statuses.push(response.status);
    }
    return statuses;
  }
});

describe("security: Ctrl-C ends quire explore", () => {
  for (const times of [1, 2]) {
    it(`while clients hold requests, pressed ${times === 1 ? "once" : "twice"}`, () =>
      inTempDir(async (dir) => {
        makeCliSample(`${dir}/db.quire`);
        const child = new Deno.Command(Deno.execPath(), {
          args: cliWords(["explore", `${dir}/db.quire`], ["--allow-net=127.0.0.1"]),
          stdin: "null",
          stdout: "piped",
          stderr: "null",
        }).spawn();
        const lines = linesOf(child.stdout)[Symbol.asyncIterator]();
        try {
          const url = new URL((await lines.next()).value!);
          const clients = await holdConnections(Number(url.port));
          assertEquals(await statusWithToken(url), 200);
          for (let i = 0; i < times; i++) child.kill("SIGINT");
          const { code, signal } = await inTime(child.status, "the end of the program");
          // The second one may arrive after everything is closed.
          assert(code === 0 || (times === 2 && signal === "SIGINT"), `${code} ${signal}`);
          endAll(clients);
        } finally {
          await lines.return?.(undefined);
          killIfThere(child);
        }
      }));
  }
});
