// The explorer's server: unauthorized and invalid requests are refused, and answers agree with the
// database.

import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  BusyError,
  type Database,
  json,
  LimitError,
  open,
  SnapshotTooOldError,
  string,
  tuple,
  u64,
} from "../../mod.ts";
import { format } from "../../pager/mod.ts";
import { Random } from "../../tests/support/random.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { inspectFile } from "../inspect/mod.ts";
import { explore } from "../mod.ts";
import type {
  CacheInfo,
  ChunkInfo,
  DescentInfo,
  FileInfo,
  JournalInfo,
  Measured,
  PageInfo,
  StudyInfo,
  TileStrip,
} from "./api_types.ts";
import { CHAPTER_IDS, studyInfo } from "./info/study_info.ts";
import { refusalOf } from "./refusal.ts";
import { ExplorerServer } from "./server.ts";

/** A server under test. */
interface Subject {
  readonly db: Database;
  readonly base: string;
  readonly token: string;
  /** Sends a request with the token, unless the headers contain another. */
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** The answer to a query. */
  answer<T>(path: string): Promise<T>;
}

/** Runs a test with a server that shows a database of a few trees. */
function withServer(body: (subject: Subject) => Promise<void>): Promise<void> {
  return inTempDir(async (dir) => {
    const path = `${dir}/test.quire`;
    using db = open(path);
    db.writeSync((tx) => {
      const words = tx.tree("words", { key: string, value: json });
      for (let i = 0; i < 5000; i++) words.set(`word ${i}`, { i });
      tx.tree("cities", { key: tuple }).set(["PT", "Lisboa"], new Uint8Array(24_000));
      const deep = tx.tree("deep");
      for (let i = 0; i < 1200; i++) {
        // Keys with long common prefixes need long separators, and so make a high tree.
        deep.set(`${Math.floor(i / 4)}${"-".repeat(600)}${i % 4}`, new Uint8Array(1));
      }
      tx.tree("numbers", { key: u64 }).set(7n, new Uint8Array(1));
    });
    const explorer = explore(db, { name: "test.quire", path });
    const [base, token] = explorer.url.split("/#token=") as [string, string];
    const get = (path: string, headers: Record<string, string> = {}) =>
      fetch(`${base}${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } });
    const answer = async <T>(path: string): Promise<T> => {
      const response = await get(path);
      const data: T & { error?: string } = await response.json();
      assertEquals(response.status, 200, data.error);
      return data;
    };
    try {
      await body({ db, base, token, get, answer });
    } finally {
      await explorer.close();
    }
  });
}

/** Asserts that a response is a refusal of one line of JSON. */
async function assertRefused(response: Response, about: string, status?: number): Promise<void> {
  const text = await response.text();
  assert(response.status >= 400 && response.status < 500, `${about}: ${response.status} ${text}`);
  if (status !== undefined) assertEquals(response.status, status, `${about}: ${text}`);
  assertStringIncludes(response.headers.get("content-type")!, "application/json", about);
  const { error, ...rest }: { error: string } = JSON.parse(text);
  assertEquals(rest, {}, about);
  assert(/^Cannot [^:\n]+: [^\n]+$/.test(error), `${about}: ${error}`);
  assert(!/\.ts:\d/.test(error), `${about}: ${error}`);
}

/** Sends a raw request, as `fetch` sends no invalid ones; returns the status and the text. */
async function sendRaw(base: string, request: string): Promise<string> {
  const { hostname, port } = new URL(base);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(request));
  let text = "";
  const bytes = new Uint8Array(65_536);
  for (;;) {
    const count = await connection.read(bytes);
    if (count === null) return text;
    text += new TextDecoder().decode(bytes.subarray(0, count));
  }
}

describe("explorer: access", () => {
  it("no request gets data without the token", () =>
    withServer(async ({ base, token }) => {
      const wrong = ["0".repeat(64), token.slice(1), `${token}0`, token.toUpperCase(), `${token} `];
      const port = new URL(base).port;
      const query = "/api/sql?text=SELECT+1";
      for (const path of ["/api/file", "/api/none", "/nothing", "/api/page?page=3", query]) {
        await assertRefused(await fetch(base + path), path, 401);
        for (const bad of wrong.filter((bad) => bad.trim() !== token)) {
          const bearer = { authorization: `Bearer ${bad}` };
          await assertRefused(await fetch(base + path, { headers: bearer }), path, 401);
        }
        const elsewhere: Record<string, string>[] = [
          { cookie: `token=${token}; quire-${port}=${token}` },
          { authorization: token },
          { authorization: `Basic ${token}` },
          { authorization: `Bearer ${token}, Bearer ${token}` },
          { "x-token": token },
        ];
        for (const headers of elsewhere) {
          await assertRefused(await fetch(base + path, { headers }), path, 401);
        }
        const withToken = `${path}${path.includes("?") ? "&" : "?"}token=${token}`;
        await assertRefused(await fetch(base + withToken), withToken, 401);
      }
    }));

  it("the page itself is for anybody, has no data, and sets no cookie", () =>
    withServer(async ({ base, token }) => {
      for (const path of ["/", "/style.css", "/browser/app.ts", "/library/preact.js"]) {
        const response = await fetch(base + path);
        assertEquals([path, response.status], [path, 200]);
        assertEquals(response.headers.get("set-cookie"), null);
        const text = await response.text();
        assert(!text.includes(token) && !text.includes("test.quire"), path);
      }
    }));

  it("another origin, another site and another host name get nothing", () =>
    withServer(async ({ base, token, get }) => {
      const { port } = new URL(base);
      for (const origin of ["http://evil.example", "null", `http://localhost:${port}`]) {
        await assertRefused(await get("/api/file", { origin }), origin, 403);
        await assertRefused(await get("/", { origin }), origin, 403);
      }
      for (const site of ["cross-site", "same-site", "x"]) {
        for (const path of ["/api/file", "/api/sql?text=SELECT+1"]) {
          await assertRefused(await get(path, { "sec-fetch-site": site }), site, 403);
        }
      }
      for (const site of ["same-origin", "none"]) {
        const response = await get("/api/file", { "sec-fetch-site": site });
        assertEquals(response.status, 200);
        await response.body?.cancel();
      }
      for (
        const host of ["evil.example", `evil.example:${port}`, `localhost:${port}`, "127.0.0.1"]
      ) {
        const lines = [`GET /api/file HTTP/1.1`, `Host: ${host}`, `Authorization: Bearer ${token}`];
        const text = await sendRaw(base, [...lines, "Connection: close", "", ""].join("\r\n"));
        assertStringIncludes(text, "HTTP/1.1 403", host);
        assert(!text.includes("pageBytes"), host);
      }
    }));

  it("nothing but GET is answered", () =>
    withServer(async ({ base, token }) => {
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        const headers = { authorization: `Bearer ${token}` };
        await assertRefused(await fetch(`${base}/api/file`, { method, headers }), method, 405);
        await assertRefused(await fetch(base, { method }), method, 405);
      }
    }));

  it("every answer says what a browser may do with it", () =>
    withServer(async ({ get }) => {
      for (const path of ["/", "/api/file", "/browser/app.ts", "/nothing"]) {
        const response = await get(path);
        await response.body?.cancel();
        const policy = response.headers.get("content-security-policy")!;
        assertStringIncludes(policy, "default-src 'none'");
        assertStringIncludes(policy, "frame-ancestors 'none'");
        assert(!policy.includes("unsafe"), policy);
        assertEquals(response.headers.get("x-content-type-options"), "nosniff");
        assertEquals(response.headers.get("cache-control"), "no-store");
        assertEquals(response.headers.get("access-control-allow-origin"), null);
      }
    }));
});

describe("explorer: wrong questions", () => {
  it("of every kind get one line that says why", () =>
    withServer(async ({ get }) => {
      const numbers = [
        "-1",
        "1.5",
        "1e3",
        "0x1",
        "NaN",
        "",
        " 1",
        "01",
        "4294967296",
        "9".repeat(99),
      ];
      const questions = [
        ...numbers.flatMap((bad) => [`/api/page?page=${bad}`, `/api/chunk?chunk=${bad}`]),
        ...numbers.map((bad) => `/api/tiles?from=${bad}&shift=0&count=1`),
        ...numbers.map((bad) => `/api/tiles?from=0&shift=${bad}&count=1`),
        "/api/tiles?from=0&shift=32&count=1",
        "/api/tiles?from=0&shift=0&count=0",
        "/api/tiles?from=0&shift=0&count=4097",
        "/api/tiles",
        "/api/page",
        "/api/page?page=1&page=2",
        "/api/page?page=1&other=2",
        "/api/file?x",
        "/api/descent?tree=words&key=a&form=other",
        "/api/descent?tree=none&key=a&form=text",
        "/api/descent?tree=&key=a&form=text",
        "/api/descent?tree=words&key=abc&form=hex",
        "/api/descent?tree=words&key=zz&form=hex",
        "/api/descent?tree=cities&key=%5B1&form=codec",
        "/api/descent?tree=cities&key=%7B%7D&form=codec",
        "/api/descent?tree=numbers&key=minus&form=codec",
        "/api/descent?tree=numbers&key=-1&form=codec",
        `/api/descent?tree=words&key=${"x".repeat(2049)}&form=text`,
        `/api/descent?tree=words&key=${"x".repeat(9000)}&form=text`,
        "/api/sql",
        "/api/sql?text=",
        "/api/sql?text=SELECT+1&steps=9",
        "/api/sql?text=DROP+TABLE+a",
        `/api/sql?text=${"-".repeat(8193)}`,
        "/api/page?page=4000000000",
        "/api/chunk?chunk=16777215",
        "/api",
        "/api/",
        "/api/none",
        "/browser/",
        "/browser/app.js",
        "/library/none.js",
      ];
      for (const question of questions) await assertRefused(await get(question), question);
    }));

  it("by chance are refused or answered, and never fail", () =>
    withServer(async ({ base, token }) => {
      const random = new Random(11);
      const pieces = [
        "/",
        "..",
        "%2e%2e",
        "api",
        "page",
        "file",
        "%00",
        "%ff",
        "?",
        "&",
        "=",
        "page=3",
      ];
      pieces.push(
        "tiles",
        "from=",
        "shift=9",
        "token=1",
        "\\",
        "//",
        "%",
        "constructor",
        "__proto__",
      );
      for (let i = 0; i < 400; i++) {
        const parts = Array.from({ length: 1 + random.below(6) }, () => random.pick(pieces));
        const path = `/${parts.join(random.once(2) ? "" : "/")}`;
        const response = await fetch(base + path, {
          headers: { authorization: `Bearer ${token}` },
        });
        if (response.status === 200) await response.body?.cancel();
        else await assertRefused(response, path);
      }
    }));

  it("sent by hand do not end the server", () =>
    withServer(async ({ base, token, get }) => {
      const host = base.slice("http://".length);
      const lines = [
        "GET /../../etc/passwd HTTP/1.1",
        "GET http://evil.example/api/file HTTP/1.1",
        "GET * HTTP/1.1",
        `GET /api/file?${"a".repeat(20_000)} HTTP/1.1`,
        "GET /api/page?page=%GG HTTP/1.1",
      ];
      for (const line of lines) {
        const headers = [`Host: ${host}`, `Authorization: Bearer ${token}`, "Connection: close"];
        const text = await sendRaw(base, [line, ...headers, "", ""].join("\r\n"));
        assert(/^HTTP\/1\.1 4\d\d/.test(text), `${line.slice(0, 60)}: ${text.slice(0, 60)}`);
      }
      assertEquals((await get("/api/none")).status, 404);
    }));

  it("after the database was closed are refused", () =>
    withServer(async ({ db, get }) => {
      db.close();
      const pages = ["/api/page?page=3", "/api/sql?text=SELECT+1"];
      for (const path of ["/api/file", "/api/cache", "/api/journal", ...pages]) {
        await assertRefused(await get(path), path, 410);
      }
    }));
});

describe("explorer: right questions", () => {
  it("about the file are answered as the database says", () =>
    withServer(async ({ db, answer }) => {
      const file = await answer<FileInfo>("/api/file");
      const { pageCount, fileBytes } = db.stats();
      assertEquals([file.pages, file.bytes, file.version], [pageCount, fileBytes, db.version]);
      assertEquals(file.trees.map(({ name }) => name), db.trees());
      assertEquals([file.live, file.unsynchronised, file.hasDatabase], [true, false, true]);
      const [chunk] = [...db.chunks()];
      const { pages } = await answer<ChunkInfo>("/api/chunk?chunk=0");
      assertEquals(pages.map(({ kind }) => kind), [...chunk!.kinds.subarray(0, chunk!.pages)]);
      const strip = await answer<TileStrip>("/api/tiles?from=0&shift=0&count=4096");
      assertEquals(
        strip.kinds,
        [...db.chunks()].flatMap(({ kinds, pages }) => {
          return [...kinds.subarray(0, pages)];
        }),
      );
    }));

  it("about any page are answered, with the way from its root", () =>
    withServer(async ({ db, answer }) => {
      const file = await answer<FileInfo>("/api/file");
      const depths = new Set<number>();
      for (let page = 0; page < file.pages; page += page < 300 ? 1 : 37) {
        const info = await answer<PageInfo>(`/api/page?page=${page}`);
        assertEquals([info.page, info.hex.length, info.damage], [page, 16_384, null]);
        depths.add(info.crumbs.length);
        const last = info.crumbs.at(-1);
        if (info.treeName !== "") assertEquals(last?.page, page);
        for (const [i, crumb] of info.crumbs.slice(1).entries()) {
          if (info.kindName.startsWith("run")) continue;
          const above = await answer<PageInfo>(`/api/page?page=${info.crumbs[i]!.page}`);
          assert(above.cells.some(({ target }) => target === crumb.page));
        }
      }
      assertEquals([...depths].sort(), [0, 1, 2, 3]);
      const { root } = file.trees.find(({ name }) => name === "cities")!;
      const { cells } = await answer<PageInfo>(`/api/page?page=${root}`);
      assertEquals(cells[0]!.keyText, '["PT", "Lisboa"]');
      const run = await answer<PageInfo>(`/api/page?page=${cells[0]!.target}`);
      assertEquals([run.kindName, run.treeName], ["run", "cities"]);
      assertEquals(db.tree("cities", { key: tuple }).count(), 1);
    }));

  it("about keys are answered in every form", () =>
    withServer(async ({ answer }) => {
      const ask = (tree: string, key: string, form: string) =>
        answer<DescentInfo>(`/api/descent?${new URLSearchParams({ tree, key, form })}`);
      const found = await ask("words", "word 77", "codec");
      assertEquals([found.found, found.valueBytes], [true, '{"i":77}'.length]);
      assertEquals(found.steps.at(-1)!.level, 0);
      assertGreater(found.steps.length, 1);
      assertEquals((await ask("words", "776f7264203737", "hex")).found, true);
      assertEquals((await ask("words", "word 77x", "text")).found, false);
      assertEquals((await ask("cities", '["PT","Lisboa"]', "codec")).valueBytes, 24_000);
      assertEquals((await ask("numbers", "7", "codec")).found, true);
      assertEquals((await ask("numbers", "8", "codec")).found, false);
    }));

  it("about the cache count hits only while requests come", () =>
    withServer(async ({ db, answer }) => {
      const words = db.tree("words", { key: string, value: json });
      db.writeSync((tx) => tx.tree(words).set("word 1", { i: 2 }));
      const first = await answer<CacheInfo>("/api/cache");
      assertEquals([first.hits, first.misses], [0, 0]);
      for (let i = 0; i < 10; i++) words.get("word 1");
      const second = await answer<CacheInfo>("/api/cache");
      assertGreater(second.hits, 9);
      assertEquals(second.bytes, db.stats().cacheUsedBytes);
      assertGreater(second.dirtyPages, 0);
      assertEquals(second.newest[0]!.idle <= second.oldest[0]!.idle, true);
    }));

  it("about the journal follow it", () =>
    withServer(async ({ db, answer }) => {
      const before = await answer<JournalInfo>("/api/journal");
      assertEquals([before.version, before.checkpoints], [1, 0]);
      assertGreater(before.dirtyChunks, 0);
      db.checkpoint();
      const after = await answer<JournalInfo>("/api/journal");
      assertEquals([after.checkpoints, after.dirtyChunks], [1, 0]);
      assertEquals(after.generation, before.generation + 1);
      assertEquals(after.areas.map(({ usedBytes }) => usedBytes), [0, 0]);
    }));

  it("about the disk are answered by reading it", () =>
    withServer(async ({ answer }) => {
      const { reads, reason } = await answer<Measured>("/api/measure");
      assertEquals(reason, "");
      assertEquals(reads.map(({ bytes }) => bytes), [1024, 4096, 8192, 16_384, 65_536]);
      for (const { median, slowest } of reads) assert(median > 0 && slowest >= median);
    }));

  it("about the boundaries of pages are chapters measured on the file alone", () =>
    withServer(async ({ answer, get }) => {
      for (const id of CHAPTER_IDS) {
        const { chapter, reason } = await answer<StudyInfo>(`/api/study?chapter=${id}`);
        assertEquals([chapter?.id, reason], [id, ""]);
        for (const { key } of chapter!.columns) assert(key in chapter!.rows[0]!, key);
      }
      const wrong = await get("/api/study?chapter=other");
      assertEquals(wrong.status, 400);
      assertStringIncludes((await wrong.json()).error, "chapter must be one of one-byte, ");
      assertEquals(studyInfo(undefined, "doors").reason, "the path of the file is not known");
      assertEquals(studyInfo("none", "doors").reason, "the file cannot be read");
      assertEquals(studyInfo("deno.json", "doors").reason, "the file is smaller than 1 MiB");
    }));

  it("about the page give it and all that it imports", () =>
    withServer(async ({ get }) => {
      const seen = new Set<string>();
      const html = await (await get("/")).text();
      const map = JSON.parse(/<script type="importmap">(.*?)<\/script>/.exec(html)![1]!).imports;
      const wanted = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
      for (let path = wanted.pop(); path !== undefined; path = wanted.pop()) {
        if (seen.has(path)) continue;
        seen.add(path);
        const response = await get(path);
        assertEquals(response.status, 200, path);
        const text = await response.text();
        for (const [, name = ""] of text.matchAll(/\bfrom\s*"([^"]+)"/g)) {
          const isLocal = name.startsWith(".");
          wanted.push(isLocal ? new URL(name, `http://page${path}`).pathname : map[name]!);
        }
      }
      assert(seen.has("/library/preact.js") && seen.has("/browser/map/tile_map.ts"));
    }));
});

/** Runs a test with a server that inspects a file, one request at a time. */
async function withFile(
  path: string,
  body: (get: (path: string) => Promise<Response>) => Promise<void>,
): Promise<void> {
  const { inspection, database, close } = inspectFile(path);
  const inspector = database?.inspect();
  const server = new ExplorerServer({
    name: "a",
    path,
    live: false,
    inspection,
    database,
    inspector,
  });
  const [base, token] = server.url.split("/#token=");
  try {
    await body((path) => fetch(base + path, { headers: { authorization: `Bearer ${token}` } }));
  } finally {
    await server.close();
    close();
  }
}

describe("explorer: a damaged file", () => {
  it("is shown as far as it goes, and what is damaged says so", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/test.quire`;
      {
        using db = open(path);
        db.writeSync((tx) => tx.tree("a").set("key", new Uint8Array(1)));
      }
      const bytes = Deno.readFileSync(path);
      bytes[3 * format.PAGE_BYTES + 8190]! ^= 1;
      Deno.writeFileSync(path, bytes);
      await withFile(path, async (get) => {
        const file: FileInfo = await (await get("/api/file")).json();
        assertEquals([file.catalogRoot, file.trees], [3, []]);
        const page: PageInfo = await (await get("/api/page?page=3")).json();
        assertEquals([page.damage, page.cells], ["page sum does not match", []]);
        const other: PageInfo = await (await get("/api/page?page=4")).json();
        assertEquals(other.cells.map(({ keyText }) => keyText), ["key"]);
        await assertRefused(await get("/api/descent?tree=a&key=a&form=text"), "descent", 409);
      });
    }));
});

describe("explorer: a file that another program has locked", () => {
  it("is followed, and says so", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/test.quire`;
      using db = open(path);
      db.writeSync((tx) => tx.tree("a").set("key", new Uint8Array(1)));
      db.checkpoint();
      await withFile(path, async (get) => {
        const file: FileInfo = await (await get("/api/file")).json();
        assertEquals([file.unsynchronised, file.followed, file.hasDatabase], [false, true, true]);
        assertEquals(file.trees.map(({ name }) => name), ["a"]);
        const page: PageInfo = await (await get(`/api/page?page=${file.trees[0]!.root}`)).json();
        assertEquals(page.cells.map(({ keyText }) => keyText), ["key"]);
        db.writeSync((tx) => tx.tree("b").set("key", new Uint8Array(1)));
        db.checkpoint();
        for (const path of ["/api/cache", "/api/descent?tree=b&key=a&form=text"]) {
          assertEquals((await get(path)).status, 200, path);
        }
      });
    }));
});

describe("the explorer's refusals", () => {
  it("say what passes, and what is too much, rather than that the explorer is wrong", () => {
    const errors: [Error, number][] = [
      [new BusyError("Cannot read page 4: another process writes it"), 503],
      [new SnapshotTooOldError("Cannot read the snapshot: its pages are gone"), 503],
      [new LimitError("Cannot write: it is too much"), 413],
    ];
    for (const [error, status] of errors) {
      assertEquals(refusalOf(error), { status, line: error.message });
    }
  });
});
