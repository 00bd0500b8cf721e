/**
 * A URL shortener that counts hits: a server, and one file behind it.
 *
 *     deno run --allow-net=127.0.0.1:8000 --allow-read=links.quire --allow-write=links.quire \
 *       examples/url_shortener.ts links.quire 8000
 *
 *     POST /       with a URL as the body makes a short link to it
 *     PUT /SLUG    the same, with a chosen slug
 *     GET /SLUG    redirects to the URL, and counts a hit
 *     GET /        the most used links, as JSON
 *
 * It has three trees: the targets of links, their hits, and an index of links by hits. The last two
 * change in one transaction. A new link is on the medium before the response is sent. A hit is only
 * handed to the system: it survives a crash of this process, but a power failure may lose the last
 * few.
 */

import { type Database, json, open, string, tuple } from "../mod.ts";

const USAGE = "Usage: url_shortener.ts FILE PORT";
const TOP_MAX = 10;
const URL_LENGTH_MAX = 2000;
const SLUG = /^\/([\w-]{1,64})$/;

/** The links of a database. */
class Links {
  readonly #db: Database;
  readonly #targets;
  readonly #hits;
  readonly #byHits;

  constructor(db: Database) {
    this.#db = db;
    this.#targets = db.tree("targets", { key: string, value: string });
    this.#hits = db.tree("hits", { key: string, value: json.as<number>() });
    const byHits = tuple.as<[hits: number, slug: string]>();
    this.#byHits = db.tree("by hits", { key: byHits, value: string });
  }

  /** Creates a link; resolves to false if the slug is taken. */
  add(slug: string, target: string): Promise<boolean> {
    return this.#targets.setIfAbsent(slug, target);
  }

  /** Counts a hit; resolves to the target of the link, or undefined. */
  async follow(slug: string): Promise<string | undefined> {
    const target = this.#targets.get(slug);
    if (target !== undefined) await this.#count(slug);
    return target;
  }

  /** The most used links, the most used first. */
  top(limit: number): { slug: string; hits: number; target: string | undefined }[] {
    return this.#byHits.keys({ reverse: true, limit })
      .map(([hits, slug]) => ({ slug, hits, target: this.#targets.get(slug) }))
      .toArray();
  }

  #count(slug: string): Promise<void> {
    return this.#db.write((tx) => {
      const byHits = tx.tree(this.#byHits);
      const hits = tx.tree(this.#hits).update(slug, (before) => (before ?? 0) + 1);
      byHits.delete([hits - 1, slug]);
      byHits.set([hits, slug], "");
    }, { durability: "buffered" });
  }
}

async function handle(links: Links, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const slug = SLUG.exec(pathname)?.[1];
  if (request.method === "POST" && pathname === "/") return await makeLink(links, request);
  if (request.method === "PUT" && slug !== undefined) return await makeLink(links, request, slug);
  if (request.method !== "GET") return answer(405, "no such method here");
  if (pathname === "/") return Response.json(links.top(TOP_MAX));
  const target = slug && await links.follow(slug);
  return target ? Response.redirect(target, 302) : answer(404, "no such link");
}

async function makeLink(links: Links, request: Request, wanted?: string): Promise<Response> {
  const target = URL.parse(await request.text());
  if (target === null || !/^https?:$/.test(target.protocol)) return answer(400, "not a URL");
  if (target.href.length > URL_LENGTH_MAX) return answer(400, "too long");
  let slug = wanted ?? randomSlug();
  while (!await links.add(slug, target.href)) {
    if (wanted !== undefined) return answer(409, "this slug is taken");
    slug = randomSlug();
  }
  return answer(201, `/${slug}`);
}

function answer(status: number, text: string): Response {
  return new Response(`${text}\n`, { status });
}

function randomSlug(): string {
  return crypto.randomUUID().slice(0, 8);
}

async function main([path, port]: readonly string[]): Promise<void> {
  if (path === undefined || !/^\d+$/.test(port ?? "")) throw new Error(USAGE);
  using db = open(path);
  const links = new Links(db);
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: Number(port),
    onListen: ({ hostname, port }) => console.log(`http://${hostname}:${port}`),
  }, (request) => handle(links, request));
  // Requests in progress are answered before the file is closed.
  const stop = () => void server.shutdown();
  Deno.addSignalListener("SIGINT", stop);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
  await server.finished;
  console.log("closed");
}

try {
  await main(Deno.args);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 1;
}
