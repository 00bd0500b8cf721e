/**
 * The explorer and a second server on the same machine, in one browser: what the browser sends to
 * the other server grants no access, and a page of the other server reads nothing of the explorer.
 *
 * Without a browser the tests are skipped, and print the reason.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { explore, type Explorer } from "../../cli/mod.ts";
import { type Database, open, string } from "../../mod.ts";
import { sql } from "../../sql/mod.ts";
import { findBrowser, startBrowser } from "../support/programs/browser.ts";
import { HANG_MS } from "../support/programs/hang.ts";

const found = findBrowser();
const skip = "reason" in found ? found.reason : false;
if (skip !== false) console.log(`the explorer is not attacked in a browser: ${skip}`);
const NAME = "name-of-the-database";

/** The ways in which a page tries to read another server's responses; `""` = it got nothing. */
const ATTEMPTS = `async (base) => {
  const got = {};
  for (const path of ["/", "/api/file"]) {
    for (const mode of ["cors", "no-cors"]) {
      const options = { mode, credentials: "include" };
      const read = fetch(base + path, options).then((response) => response.text());
      got[mode + " " + path] = await read.catch(() => "");
    }
  }
  got.script = await new Promise((done) => {
    const script = document.createElement("script");
    script.type = "module";
    script.src = base + "/page/app.ts";
    script.onload = () => done("ran");
    script.onerror = () => done("");
    document.body.append(script);
  });
  const frame = document.createElement("iframe");
  frame.src = base + "/";
  document.body.append(frame);
  await new Promise((done) => frame.onload = done);
  try {
    got.frame = frame.contentWindow.document.body.innerText;
  } catch {
    got.frame = "";
  }
  got.cookie = document.cookie;
  got.storage = Object.values({ ...sessionStorage, ...localStorage }).join();
  return got;
}`;

describe("security: the explorer beside another local server, in a browser", { skip }, () => {
  let db: Database;
  let explorer: Explorer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let base: string;
  let token: string;
  /** All requests to the other server. */
  const sent: { url: string; headers: Headers }[] = [];
  let other: Deno.HttpServer<Deno.NetAddr>;
  let otherBase: string;

  before(async () => {
    db = open(":memory:");
    explorer = explore(db, { name: NAME });
    base = explorer.url.split("/#")[0]!;
    token = explorer.url.split("token=")[1]!;
    other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      sent.push({ url: request.url, headers: request.headers });
      return new Response("<!DOCTYPE html><body>other", {
        headers: { "content-type": "text/html" },
      });
    });
    otherBase = `http://127.0.0.1:${other.addr.port}`;
    browser = await startBrowser("path" in found ? found.path : "");
    context = await browser.newContext();
    context.setDefaultTimeout(HANG_MS);
    page = await context.newPage();
    await page.goto(explorer.url);
    await page.locator("h1", { hasText: NAME }).waitFor();
  });

  after(async () => {
    await browser?.close();
    await explorer?.close();
    await other?.shutdown();
    db?.close();
  });

  it("leaves no token in the address, in cookies, or in storage shared by tabs", async () => {
    assertEquals(page.url(), `${base}/`);
    assertEquals(await context.cookies(), []);
    assertEquals(await page.evaluate("document.cookie + Object.values({ ...localStorage })"), "");
  });

  it("sends the other server nothing that grants access", async () => {
    const tab = await context.newPage();
    for (const visitor of [page, tab]) {
      await visitor.goto(`${otherBase}/visit`);
      await visitor.evaluate("fetch('/asked', { credentials: 'include' })");
    }
    await tab.close();
    assertEquals(sent.length >= 4, true);
    for (const { url, headers } of sent) {
      const words = [url, ...headers.values()].join("\n");
      assertEquals(words.includes(token), false, words);
      const replayed = new Headers();
      for (const name of ["authorization", "cookie"]) {
        const value = headers.get(name);
        if (value !== null) replayed.set(name, value);
      }
      const response = await fetch(`${base}/api/file`, { headers: replayed });
      await response.body?.cancel();
      assertEquals(response.status, 401);
    }
  });

  it("shows a page of the other server nothing", async () => {
    const tab = await context.newPage();
    await tab.goto(otherBase);
    const got: Record<string, string> = await tab.evaluate(`(${ATTEMPTS})("${base}")`);
    for (const [way, text] of Object.entries(got)) assertEquals([way, text], [way, ""]);
    await tab.close();
  });

  it("is not opened by a link of the other server", async () => {
    const tab = await context.newPage();
    await tab.goto(otherBase);
    await tab.evaluate(`location.href = "${base}/"`);
    await tab.waitForURL(`${base}/`);
    assertStringIncludes(await tab.innerText("body"), "from elsewhere");
    await tab.close();
  });

  it("shows its tab the database again, and another tab only with the token", async () => {
    await page.goto(base);
    await page.locator("h1", { hasText: NAME }).waitFor();
    await page.reload();
    await page.locator("h1", { hasText: NAME }).waitFor();
    const tab = await context.newPage();
    await tab.goto(`${base}/#/journal`);
    await tab.locator(".error", { hasText: "the token is missing" }).waitFor();
    assertEquals(await tab.innerText("h1"), "Quire");
    // The address differs only in its fragment, so this reloads nothing.
    await tab.goto(explorer.url);
    await tab.locator("h1", { hasText: NAME }).waitFor();
    assertEquals(tab.url(), `${base}/`);
    await tab.close();
  });
});

/** Names and keys that are markup unless escaped; each would set `pwned`. */
const PAYLOADS = [
  "<script>pwned=1</script>",
  "<img src=x onerror=pwned=1>",
  "<svg onload=pwned=1>",
  "<svg><script>pwned=1</script></svg>",
  "<iframe srcdoc='<script>parent.pwned=1</script>'>",
  "<body onload=pwned=1>",
  "<details open ontoggle=pwned=1>x</details>",
  "<a href='javascript:pwned=1'>x</a>",
  "javascript:pwned=1",
  '"><script>pwned=1</script>',
  "' onmouseover='pwned=1",
  "</title><script>pwned=1</script>",
  "--><script>pwned=1</script>",
  "${pwned=1}",
  "&lt;img src=x onerror=pwned=1&gt;",
  "<math><mi xlink:href='javascript:pwned=1'>x</mi></math>",
];

/** The name of a table, which is markup too. */
const TABLE = `"${PAYLOADS[1]!}"`;

describe("security: the explorer of a database full of markup, in a browser", { skip }, () => {
  it("runs none of it in any view, and shows it as text", async () => {
    using db = open(":memory:");
    db.writeSync((tx) => {
      for (const payload of PAYLOADS) {
        const tree = tx.tree(payload, { key: string, value: string });
        for (const key of PAYLOADS) tree.set(key, key);
      }
    });
    makeTable(db);
    const explorer = explore(db, { name: PAYLOADS[0]! });
    const browser = await startBrowser("path" in found ? found.path : "");
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(HANG_MS);
      const troubles: string[] = [];
      page.on("dialog", (dialog) => dialog.dismiss().then(() => troubles.push("a dialog")));
      // The policy would block and report injected markup.
      page.on("console", (message) => {
        if (/Content Security Policy/.test(message.text())) troubles.push(message.text());
      });
      await page.goto(explorer.url);
      await page.locator("h1", { hasText: PAYLOADS[0]! }).waitFor();
      for (const place of placesOf(db)) {
        await page.evaluate((hash: string) => location.hash = hash, place);
        const view = /^#\/([a-z-]+)/.exec(place)![1];
        await page.waitForSelector(`.views a[aria-current=page][href="#/${view}"]`);
        await page.waitForTimeout(30);
      }
      await assertQueriesShowText(page);
      assertEquals(await page.evaluate("typeof pwned"), "undefined");
      assertEquals(
        await page.locator("iframe, [onerror], [onload], a[href^=javascript]").count(),
        0,
      );
      assertEquals(troubles, []);
    } finally {
      await browser.close();
      await explorer.close();
    }
  });

  /** Makes a table that has the payloads as names and values. */
  function makeTable(db: Database): void {
    const query = sql(db);
    query.exec(`CREATE TABLE ${TABLE} (${PAYLOADS.map(quotedName).join()})`);
    query.run(`INSERT INTO ${TABLE} VALUES (${PAYLOADS.map(() => "?").join()})`, ...PAYLOADS);
  }

  function quotedName(payload: string): string {
    return `"${payload.replaceAll('"', '""')}"`;
  }

  /** Runs queries that have payloads as names, values, constants and errors. */
  async function assertQueriesShowText(page: Page): Promise<void> {
    await page.evaluate("location.hash = '#/sql'");
    const run = async (text: string) => {
      await page.fill("#sql-text", text);
      await page.click("form.query button[type=submit]");
    };
    const values = PAYLOADS.map((payload) => `'${payload.replaceAll("'", "''")}'`);
    await run(`SELECT *, ${values.join()} FROM ${TABLE}`);
    await page.waitForSelector("tr[aria-current=step]");
    const names = await page.locator("#rows th").allTextContents();
    assertEquals(names.slice(0, PAYLOADS.length), PAYLOADS);
    await page.getByRole("button", { name: "To the end", exact: true }).click();
    await page.waitForSelector("#rows td");
    assertEquals(await page.locator("#rows td").allTextContents(), [...values, ...values]);
    await run(`SELECT ${quotedName(PAYLOADS[1]!)} FROM "no ${PAYLOADS[1]}"`);
    await page.locator(".error", { hasText: PAYLOADS[1]! }).waitFor();
  }

  /** Addresses of every view, of pages with payloads in them, and with payloads in the address. */
  function placesOf(db: Database): string[] {
    const pages = db.inspect().trees().map(({ root }) => `#/page?page=${root}`);
    const addressed = PAYLOADS.flatMap((payload) => {
      const given = new URLSearchParams({ tree: payload, key: payload, page: payload });
      return ["file", "page", "descent"].map((view) => `#/${view}?${given}`);
    });
    return [
      "#/file",
      "#/sql",
      "#/cache",
      "#/journal",
      "#/what-if",
      "#/study",
      "#/page?page=3",
      ...pages,
      ...addressed,
    ];
  }
});
