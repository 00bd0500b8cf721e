/**
 * The explorer in a browser: from the file to a chunk, to a page, to its child; the descent of a
 * key; the cache, the journal and the arithmetic; by mouse and by keys, light and dark. The page is
 * compared with the server and with the database.
 *
 * `-- --screenshots` regenerates the pictures in `docs/explorer`. Without a browser the tests are
 * skipped, and print the reason.
 */

import { assert, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { after, before, describe, it } from "@std/testing/bdd";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { ChunkInfo, FileInfo, PageInfo, SqlInfo } from "../../cli/explorer/api_types.ts";
import { ExplorerServer } from "../../cli/explorer/mod.ts";
import { UnlockedInspector } from "../../cli/inspect/mod.ts";
import { explore, type Explorer } from "../../cli/mod.ts";
import type { Inspector } from "../../inspect.ts";
import { type Database, type Snapshot, tuple } from "../../mod.ts";
import { sql } from "../../sql/mod.ts";
import { findBrowser, startBrowser } from "../support/programs/browser.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { openExplorerSample } from "./support/explorer_sample.ts";

const found = findBrowser();
const skip = "reason" in found ? found.reason : false;
if (skip !== false) console.log(`the explorer is not tried in a browser: ${skip}`);
const PICTURES = Deno.args.includes("--screenshots")
  ? fromFileUrl(new URL("../../docs/explorer/", import.meta.url))
  : undefined;
const PITCH = 15;
const POLL_MS = 20;

describe("the explorer in a browser", { skip }, () => {
  let dir: string;
  let db: Database;
  let snapshot: Snapshot;
  let inspector: Inspector;
  let explorer: Explorer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let base: string;
  const troubles: string[] = [];

  before(async () => {
    dir = Deno.makeTempDirSync({ prefix: "quire-test-" });
    db = openExplorerSample(`${dir}/sample.quire`);
    // While it is open, no idle compaction moves the pages that the tests look at.
    snapshot = db.snapshot();
    inspector = db.inspect();
    explorer = explore(db, { name: "sample.quire", path: `${dir}/sample.quire` });
    base = explorer.url.split("/#")[0]!;
    browser = await startBrowser("path" in found ? found.path : "");
    context = await browser.newContext({ viewport: { width: 1180, height: 860 } });
    context.setDefaultTimeout(HANG_MS);
    page = await context.newPage();
    page.on("pageerror", (error) => troubles.push(error.message));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) troubles.push(message.text());
    });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(base) && !url.startsWith("data:")) troubles.push(`asked for ${url}`);
    });
    await page.goto(explorer.url);
    await page.waitForSelector("canvas.map[data-columns]:not([data-columns='0'])");
  });

  after(async () => {
    await browser?.close();
    await explorer?.close();
    snapshot?.close();
    db?.close();
    Deno.removeSync(dir, { recursive: true });
  });

  /** The server's responses to the page. */
  const ask = <T>(path: string): Promise<T> =>
    page.evaluate(async (path: string) => {
      const headers = { authorization: `Bearer ${sessionStorage.getItem("token")}` };
      return (await fetch(path, { headers })).json();
    }, path);

  /** Navigates to an address as a link does, and waits for content of that view. */
  const goTo = async (hash: string, selector: string) => {
    await page.evaluate((hash: string) => location.hash = hash, hash);
    const view = /^#\/[a-z-]+/.exec(hash)![0];
    await page.waitForSelector(`.views a[aria-current=page][href="${view}"]`);
    await page.waitForSelector(selector);
  };

  const keepPicture = async (name: string) => {
    if (PICTURES === undefined) return;
    Deno.mkdirSync(PICTURES, { recursive: true });
    await page.evaluate("scrollTo(0, 0)");
    await page.waitForTimeout(700);
    await page.screenshot({ path: `${PICTURES}${name}.png`, fullPage: false });
  };

  /**
   * The value of an expression, once it is true. The page would refuse to evaluate it again
   * (`waitForFunction`), as its policy allows no `eval`.
   */
  const until = async (expression: string): Promise<unknown> => {
    for (const end = performance.now() + HANG_MS; performance.now() < end;) {
      const value = await page.evaluate(expression);
      if (value) return value;
      await page.waitForTimeout(POLL_MS);
    }
    throw new Error(`it never became true: ${expression}`);
  };

  const textOf = (selector: string): Promise<string> => page.innerText(selector);

  it("removes the token from the address, and names the file", async () => {
    assertEquals(page.url().includes("token"), false);
    const file = await ask<FileInfo>("/api/file");
    assertEquals(await textOf("h1"), "sample.quire");
    const facts = await textOf(".facts");
    assertStringIncludes(facts, `${file.pages.toLocaleString("en")} pages`);
    assertEquals(file.pages, inspector.file().pages);
    assertEquals(await textOf(".title .badge"), "live");
    await keepPicture("file");
  });

  it("goes from the file to a chunk, to a page, to its child, by clicks", async () => {
    const map = await page.waitForSelector("canvas.map");
    const columns = Number(await map.getAttribute("data-columns"));
    const pagesPerTile = 2 ** Number(await map.getAttribute("data-shift"));
    const clickOn = async (number: number) => {
      const tile = Math.floor(number / pagesPerTile);
      const [x, y] = [tile % columns * PITCH + 5, Math.floor(tile / columns) * PITCH + 5];
      await page.click("canvas.map", { position: { x, y } });
      const title = new RegExp(`^Chunk ${Math.floor(number / 256)}$`);
      await page.locator("#chunk-title", { hasText: title }).waitFor();
    };
    const { root } = inspector.trees().find(({ name }) => name === "words")!;
    await clickOn(inspector.file().pages - 1);
    await clickOn(root);
    const chunk = Math.floor(root / 256);
    await page.waitForSelector(`.chunk-grid a[data-page="${root}"]`);
    const { pages } = await ask<ChunkInfo>(`/api/chunk?chunk=${chunk}`);
    assertEquals(await page.locator(".chunk-grid a").count(), pages.length);
    await page.click(`.chunk-grid a[data-page="${root}"]`);
    await page.waitForSelector("#page-title");
    await assertShowsPage(root);
    const { cells } = await ask<PageInfo>(`/api/page?page=${root}`);
    const child = cells[1]!.target;
    await page.click(`tr[data-cell="1"] a[data-target="${child}"]`);
    const title = `Page ${child.toLocaleString("en")}`;
    await page.locator("#page-title", { hasText: title }).waitFor();
    await assertShowsPage(child);
    await page.click(`tr[data-cell="3"] button`);
    await page.waitForSelector(".hex mark");
    await keepPicture("page");
    await page.click(`.crumbs a`);
    await page.waitForFunction((page: number) => location.hash.endsWith(`page=${page}`), root);
  });

  /** Fails unless the view of a page matches the server and the database. */
  async function assertShowsPage(number: number): Promise<void> {
    const info = await ask<PageInfo>(`/api/page?page=${number}`);
    const state = inspector.page(number);
    assertEquals(info.cells.length, state.contents?.cells.length);
    assertEquals(info.kindName, state.header.kindName);
    const names = await page.locator("dl dt").allTextContents();
    const values = await page.locator("dl dd").allTextContents();
    assertEquals(names.map((name, i) => [name, values[i]]), info.fields);
    const crumbs = await page.$$eval(".crumbs li", (items) => items.map((i) => i.textContent));
    assertEquals(crumbs, info.crumbs.map(({ label }) => label));
    const rows = await page.$$eval(
      "table.cells tbody tr",
      (rows) => rows.map((row) => row.children[1].textContent?.trim()),
    );
    const keys = info.cells.slice(0, 200).map(({ keyText }) => keyText);
    if (info.level > 0) keys[0] = "below all";
    assertEquals(rows, keys);
    const links = await page.$$eval("table.cells a", (links) => {
      return links.map((link) => Number(link.getAttribute("data-target")));
    });
    assertEquals(links, info.cells.slice(0, 200).map(({ target }) => target).filter(Boolean));
    const hex = (await textOf(".hex pre")).split("\n")[0]!.slice(6, 6 + 47).replaceAll(" ", "");
    assertEquals(hex, info.hex.slice(0, 32));
  }

  it("keeps what is typed while it asks for the file again", async () => {
    const asked = () => page.waitForResponse((response) => response.url().endsWith("/api/file"));
    for (const [hash, input, typed] of [["descent", "key", "wor"], ["page?page=3", "page", "7"]]) {
      await goTo(`#/${hash}`, `input[name=${input}]`);
      await page.fill(`input[name=${input}]`, typed!);
      // The answer before the last one is shown.
      for (let answers = 0; answers < 2; answers++) await asked();
      assertEquals(await page.inputValue(`input[name=${input}]`), typed);
    }
  });

  it("shows the descent of a key, as the database does it", async () => {
    await goTo("#/descent", "form select[name=tree]");
    await page.selectOption("select[name=tree]", "words");
    await page.fill("input[name=key]", "word 777");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".step");
    const lookup = inspector.descend("words", new TextEncoder().encode("word 777"));
    const steps = await page.$$eval(
      ".step",
      (steps) => steps.map((step) => Number(step.getAttribute("data-page"))),
    );
    assertEquals(steps, lookup.steps.map(({ page }) => page));
    const probes = await page.$$eval(
      ".step",
      (steps) => steps.map((step) => step.querySelectorAll("tbody tr").length),
    );
    assertEquals(probes, lookup.steps.map(({ probes }) => probes.length));
    assertEquals(await page.getAttribute("dd[data-found]", "data-found"), "true");
    assertStringIncludes(await textOf("dd[data-found]"), `${lookup.valueBytes} bytes`);
    await keepPicture("descent");
    await page.selectOption("select[name=tree]", "cities");
    await page.fill("input[name=key]", '["PT", "no such city"]');
    await page.keyboard.press("Enter");
    await page.waitForSelector("dd[data-found=false]");
    await page.fill("input[name=key]", "no tuple");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".error");
    troubles.splice(0).forEach((text) => assertStringIncludes(text, "400 (Bad Request)"));
  });

  it("moves, zooms and opens with the keyboard, and announces the position", async () => {
    await goTo("#/file", "canvas.map[data-columns]:not([data-columns='0'])");
    await page.focus("canvas.map");
    const at = async (name: string) =>
      Number(await page.getAttribute("canvas.map", `data-${name}`));
    const [shift, selected] = [await at("shift"), await at("selected")];
    await page.keyboard.press("ArrowRight");
    await page.waitForSelector(`canvas.map[data-selected="${selected + 1}"]`);
    assertStringIncludes(await textOf("#map-status"), "Pages");
    await page.keyboard.press("+");
    await page.waitForSelector(`canvas.map:not([data-shift="${shift}"])`);
    assertLess(await at("shift"), shift);
    for (let last = await at("shift"); last > 0; last = await at("shift")) {
      await page.keyboard.press("+");
      await page.waitForSelector(`canvas.map:not([data-shift="${last}"])`);
      assertLess(await at("shift"), last);
    }
    const chosen = await at("selected");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#page-title");
    assertStringIncludes(page.url(), `page=${chosen}`);
  });

  it("colours by kind, fill, tree and version, with a legend for each", async () => {
    await goTo("#/file", "canvas.map");
    // It says more of a tile once it knows its pages, and so their colours.
    await page.locator("#map-status", { hasText: ":" }).waitFor();
    const seen: unknown[] = [];
    for (const mode of ["fill", "tree", "version", "kind"]) {
      await page.check(`input[name=mode][value=${mode}]`, { force: true });
      // It is drawn some time after the choice.
      const picture = await until(
        `((seen, picture) => !seen.includes(picture) && picture)(
          ${JSON.stringify(seen)}, document.querySelector("canvas.map").toDataURL())`,
      );
      seen.push(picture);
      assertGreater(await page.locator("section .legend li").count(), 2);
    }
  });

  it("shows the cache and the journal live", async () => {
    await goTo("#/cache", "dl.figures");
    // What the page asks for is loaded too, and shows when it asks again.
    const framesShown = () => page.locator("details tbody tr").count();
    while (await framesShown() !== inspector.cache().frames.length) {
      await page.waitForTimeout(POLL_MS);
    }
    await keepPicture("cache");
    await goTo("#/journal", "dl.figures");
    const version = () => textOf("dl.figures div:first-child dd");
    const before = await version();
    assertEquals(before, String(db.version));
    db.writeSync((tx) => tx.tree("photos").set("new", new Uint8Array(10)));
    await page.locator("dl.figures div:first-child dd", { hasNotText: before }).waitFor();
    assertEquals(await version(), String(db.version));
    for (let round = 0; PICTURES !== undefined && round < 60; round++) {
      db.writeSync((tx) => tx.tree("photos").set(`new ${round}`, new Uint8Array(9000)));
      await page.waitForTimeout(100);
    }
    await keepPicture("journal");
  });

  it("computes the transfers of other page sizes, beside measured reads", async () => {
    await goTo("#/what-if", "table.what-if tbody tr");
    assertEquals(await page.locator("table.what-if tbody tr").count(), 5);
    await page.locator("table.what-if td:last-child", { hasText: "us" }).first().waitFor();
    const levels = () => textOf("tr.ours td:nth-of-type(3)");
    const before = Number(await levels());
    await page.fill("input[name=rows]", "1000000000000");
    const changed = page.locator("tr.ours td:nth-of-type(3)", { hasNotText: `${before}` });
    await changed.waitFor();
    assertGreater(Number(await levels()), before);
    await page.fill("input[name=rows]", "1000000");
    await keepPicture("what-if");
  });

  it("steps through a query, and lights the pages that each step touches", async () => {
    const query = sql(db);
    query.exec("CREATE TABLE place (name TEXT PRIMARY KEY, people INTEGER)");
    query.run(
      "INSERT INTO place SELECT 'place ' || value, value * 7 FROM generate_series(1, 5000)",
    );
    const text = "SELECT people FROM place WHERE name BETWEEN 'place 77' AND 'place 770'";
    const { steps, instructions }: SqlInfo = await ask(`/api/sql?${new URLSearchParams({ text })}`);
    await goTo("#/sql", "#sql-text");
    await page.fill("#sql-text", "SELECT people\nFROM nowhere");
    await page.click("form.query button[type=submit]");
    await page.locator(".error", { hasText: "no such table: nowhere, at line 2" }).waitFor();
    await until("getSelection().toString() === 'nowhere'");
    troubles.splice(0).forEach((text) => assertStringIncludes(text, "400 (Bad Request)"));
    await page.fill("#sql-text", text);
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector("tr[aria-current=step]");
    assertEquals(await page.locator("#program tr[data-address]").count(), instructions.length);
    const path = inspector.descend("sql/table/place", tuple.encode([false, "place 77"])).steps;
    const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
    const seen: number[][] = [];
    for (let at = 0; at < steps.length; at++) {
      await page.locator("#sql-step", { hasText: `Step ${at + 1} of ${steps.length}:` }).waitFor();
      const { address, pages, row } = steps[at]!;
      await page.waitForSelector(`tr[data-address="${address}"][aria-current=step]`);
      const shown = await page.$$eval("#sql-pages a", (links) => {
        return links.map((link) => Number(link.getAttribute("data-page")));
      });
      assertEquals(shown, pages.map(([first]) => first));
      const lit = Number(await page.getAttribute("canvas.map", "data-lit"));
      assertEquals(lit > 0, pages.length > 0);
      if (row >= 0) assertEquals(await page.locator("#rows tbody tr").count(), row + 1);
      if (shown.length > 0) seen.push(shown);
      if (shown.length > 0 && seen.length === 1) await keepPicture("sql");
      if (at < steps.length - 1) await press("Step");
    }
    assertEquals(seen[0]!.slice(-1), path.slice(-1).map(({ page }) => page));
    assertEquals(await page.locator("#rows tbody td").allTextContents(), ["539", "5390"]);
    await press("To the start");
    assertEquals(await page.locator("#rows tbody tr").count(), 0);
    await press("Next pages");
    await page.click("#sql-pages a:last-of-type");
    await page.waitForSelector("#page-title");
    await page.goBack();
    await page.waitForSelector("#sql-pages a");
    await press("Play");
    await page.locator("#sql-step", { hasText: `Step ${steps.length} of` }).waitFor();
    await press("Back");
    await page.locator("#sql-step", { hasText: `Step ${steps.length - 1} of` }).waitFor();
  });

  it("shows each chapter of the study as a table, with bars", async () => {
    for (const chapter of ["one-byte", "fan-out"]) {
      await goTo(`#/study?chapter=${chapter}`, `a[aria-current=page][href$="=${chapter}"]`);
      await page.waitForSelector("table.study tbody tr");
      assertGreater(await page.locator("table.study svg.share rect").count(), 4);
      if (chapter === "one-byte") await keepPicture("study");
    }
    assertEquals(await page.locator("nav[aria-label=Chapters] a").count(), 6);
  });

  it("follows the system's colour scheme, and names every reachable control", async () => {
    const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await ground();
    await page.emulateMedia({ colorScheme: "dark" });
    assert(light !== await ground());
    await goTo("#/file", "canvas.map[data-columns]:not([data-columns='0'])");
    await keepPicture("file-dark");
    await page.emulateMedia({ colorScheme: "light" });
    for (const view of ["file", "page", "descent", "sql", "cache", "journal", "what-if", "study"]) {
      await goTo(`#/${view}`, `.views a[aria-current=page][href="#/${view}"]`);
      const nameless = await page.$$eval(
        "button, a[href], input, select, textarea, canvas",
        (found) =>
          found.filter((element) => {
            const label = element.getAttribute("aria-label") ??
              element.closest("label")?.textContent;
            return !(label || element.textContent?.trim());
          }).map((element) => element.outerHTML.slice(0, 120)),
      );
      assertEquals(nameless, [], view);
      assertEquals(await page.locator("main").count(), 1);
      assertEquals(await page.locator("h1").count(), 1);
    }
  });

  it("shows on every view that the file is locked by another process", async () => {
    const path = `${dir}/sample.quire`;
    const inspection = new UnlockedInspector(path);
    const source = {
      name: "locked",
      path,
      live: false,
      inspection,
      database: undefined,
      inspector: undefined,
    };
    const server = new ExplorerServer(source);
    const other = await context.newPage();
    await other.goto(server.url);
    for (const view of ["file", "page", "descent", "sql", "cache", "journal", "what-if", "study"]) {
      await other.evaluate((view: string) => location.hash = `#/${view}`, view);
      await other.waitForSelector(`.views a[aria-current=page][href="#/${view}"]`);
      assertStringIncludes(await other.innerText(".warning"), "Unsynchronised");
    }
    await other.close();
    await server.close();
    inspection.close();
  });

  it("raised no errors, and sent requests to no other server", () => {
    assertEquals(troubles, []);
  });
});
