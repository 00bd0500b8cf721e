/**
 * A store of archives in a bucket of S3: four requests, signed by aws4fetch.
 *
 * A request is made once: the archive repeats what fails. The hash of each object is part of the
 * signature, so the service refuses bytes that changed on the way.
 */

// deno-lint-ignore no-import-prefix -- an import by URL has no import map
import { AwsClient } from "npm:aws4fetch@1.0.20";
import type { ArchiveStore } from "../mod.ts";

/** A bucket, and the credentials for it. */
export interface S3Options {
  /**
   * The URL of the bucket: `https://s3.REGION.amazonaws.com/BUCKET`, `https://BUCKET.HOST`, or that
   * of another service.
   */
  readonly bucket: string | URL;
  /** What the names of the objects begin with. Give each database its own. Default none. */
  readonly prefix?: string | undefined;
  /** The region. Default `"us-east-1"`, which services with one region ignore. */
  readonly region?: string | undefined;
  /** The id of the access key. */
  readonly accessKeyId: string;
  /** The secret of the access key. */
  readonly secretAccessKey: string;
  /** The token of a session, for keys that expire. */
  readonly sessionToken?: string | undefined;
  /** The time after which a request has failed, in milliseconds. Default a minute. */
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 60_000;
const NOT_FOUND = 404;
const NAMES: readonly string[] = [
  ...["bucket", "prefix", "region", "accessKeyId", "secretAccessKey", "sessionToken", "timeoutMs"],
];
const TEXTS = ["prefix", "region", "sessionToken"] as const;

/** The characters that XML writes as entities. */
const ENTITIES: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
};

/**
 * A store in a bucket, which must exist. The program needs permission for its host (`--allow-net`).
 *
 * ```ts
 * import { s3Store } from "./mod.ts";
 *
 * const store = s3Store({
 *   bucket: "https://my-backups.s3.eu-west-1.amazonaws.com",
 *   region: "eu-west-1",
 *   accessKeyId: "...",
 *   secretAccessKey: "...",
 * });
 * console.assert(typeof store.list === "function");
 * ```
 *
 * @throws {TypeError} An option is missing or has the wrong type, or the URL is malformed.
 * @throws {RangeError} The time is not above 0.
 */
export function s3Store(options: S3Options): ArchiveStore {
  checkOptions(options);
  const bucket = new Bucket(options);
  return {
    put: (name, bytes) => bucket.put(name, bytes),
    get: (name) => bucket.get(name),
    list: () => bucket.list(),
    delete: (name) => bucket.delete(name),
  };
}

function checkOptions(options: S3Options): void {
  // Without its prefix, an archive would be among those of other databases.
  for (const name of Object.keys(options ?? {})) {
    if (!NAMES.includes(name)) {
      throw new TypeError(`Cannot use the bucket: unknown option ${name}`);
    }
  }
  for (const name of ["accessKeyId", "secretAccessKey"] as const) {
    if (typeof options?.[name] === "string" && options[name] !== "") continue;
    throw new TypeError(`Cannot use the bucket: ${name} is missing`);
  }
  for (const name of TEXTS) {
    const value = options[name];
    if (value === undefined || typeof value === "string") continue;
    throw new TypeError(`Cannot use the bucket: ${name} is ${typeof value}, not text`);
  }
  const { timeoutMs = TIMEOUT_MS } = options;
  if (timeoutMs > 0) return;
  throw new RangeError(`Cannot use the bucket: timeoutMs ${timeoutMs} is not above 0`);
}

function rootOf(bucket: string | URL): string {
  const url = URL.parse(String(bucket));
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TypeError("Cannot use the bucket: it is not a URL of http or https");
  }
  return `${url.origin}${url.pathname.replace(/\/$/, "")}`;
}

/** A bucket, and the requests to it. */
class Bucket {
  readonly #client: AwsClient;
  readonly #root: string;
  readonly #prefix: string;
  readonly #timeoutMs: number;

  constructor(options: S3Options) {
    const { accessKeyId, secretAccessKey, sessionToken, region = "us-east-1" } = options;
    const session = sessionToken === undefined ? {} : { sessionToken };
    const key = { accessKeyId, secretAccessKey, ...session };
    this.#client = new AwsClient({ ...key, service: "s3", region, retries: 0 });
    this.#root = rootOf(options.bucket);
    this.#prefix = options.prefix ?? "";
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    const body = new Uint8Array(bytes);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body)).toHex();
    const headers = { "X-Amz-Content-Sha256": digest, "Content-Type": "application/octet-stream" };
    await this.#request("PUT", this.#urlOf(name), { body, headers });
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const response = await this.#send("GET", this.#urlOf(name), {});
    if (response.status === NOT_FOUND) {
      const text = await response.text();
      if (text.includes("NoSuchKey")) return undefined;
      throw failed("GET", response, text);
    }
    if (!response.ok) throw failed("GET", response, await response.text());
    return new Uint8Array(await response.arrayBuffer());
  }

  async list(): Promise<readonly string[]> {
    const names: string[] = [];
    for (let token: string | undefined = "";;) {
      const query = new URLSearchParams({ "list-type": "2", prefix: this.#prefix });
      if (token !== "") query.set("continuation-token", token);
      const text = await this.#request("GET", `${this.#root}?${query}`, {});
      for (const key of elementsOf(text, "Key")) {
        if (key.startsWith(this.#prefix)) names.push(key.slice(this.#prefix.length));
      }
      if (elementsOf(text, "IsTruncated")[0] !== "true") return names;
      [token] = elementsOf(text, "NextContinuationToken");
      if (token === undefined) {
        throw new Error("the list of the bucket is truncated, without a continuation token");
      }
    }
  }

  async delete(name: string): Promise<void> {
    await this.#request("DELETE", this.#urlOf(name), {});
  }

  #urlOf(name: string): string {
    const key = `${this.#prefix}${name}`;
    return `${this.#root}/${key.split("/").map(encodeURIComponent).join("/")}`;
  }

  /** Makes a request that must succeed, and returns the text of the answer. */
  async #request(method: string, url: string, init: RequestInit): Promise<string> {
    const response = await this.#send(method, url, init);
    const text = await response.text();
    if (!response.ok) throw failed(method, response, text);
    return text;
  }

  async #send(method: string, url: string, init: RequestInit): Promise<Response> {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      return await this.#client.fetch(url, { ...init, method, signal });
    } catch (error) {
      throw unanswered(error);
    }
  }
}

/** The texts of all elements with a name. */
function elementsOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))]
    .map(([, text]) => text!.replace(/&(?:#x[0-9a-f]+|#\d+|\w+);/gi, characterOf));
}

/** The character of an entity, by its name or, as some services write it, by its number. */
function characterOf(entity: string): string {
  const [, hex, decimal] = /^&#(?:x([0-9a-f]+)|(\d+));$/i.exec(entity) ?? [];
  const point = hex === undefined ? Number(decimal) : parseInt(hex, 16);
  return point <= 0x10ffff ? String.fromCodePoint(point) : ENTITIES[entity] ?? entity;
}

/** The error for a request without an answer. The system's reason is the cause of fetch's error. */
function unanswered(error: unknown): unknown {
  if (!(error instanceof TypeError && error.cause instanceof Error)) return error;
  return new Error(`the bucket did not answer: ${error.cause.message}`, { cause: error });
}

function failed(method: string, { status }: Response, text: string): Error {
  const [code = "no reason"] = elementsOf(text, "Code");
  return new Error(`the bucket refused ${method}: ${status}, ${code}`);
}
