/**
 * KV Connect, the protocol of remote Deno KV, versions 2 and 3: answers requests from a store.
 *
 * ```text
 * POST /                   the metadata: version, id of the database, address of the data
 * POST /v2/snapshot_read   entries of ranges, at one version
 * POST /v2/atomic_write    checks, mutations and messages, committed together
 * POST /v2/watch           the states of keys, as a stream
 * ```
 *
 * Every request needs the token, before its body is read. A refusal is a line of text.
 */

import type { KvStore } from "../store.ts";
import { checkReadKey, limitsOf } from "../write/limits.ts";
import { bodyOf } from "./body.ts";
import type { ServerLimits } from "./limits.ts";
import { MemoryBudget, RequestMemory } from "./memory_budget.ts";
import {
  decodeAtomicWrite,
  decodeSnapshotRead,
  decodeWatch,
  encodeAtomicWriteOutput,
  encodeSnapshotReadOutput,
} from "./messages.ts";
import { readRanges } from "./reads.ts";
import { isOurs, refusalOf, RefusedError } from "./refusal.ts";
import type { AccessToken } from "./token.ts";
import { type OpenWatch, openWatch } from "./watch_frames.ts";
import { commitOf } from "./writes.ts";

const DATA_PATH = "/v2";
/** The versions of the protocol, the best one first. */
const VERSIONS: readonly number[] = [3, 2];
const METADATA_BYTES_MAX = 4096;
const METADATA_MS = 24 * 60 * 60 * 1000;
/** Longer answers are sent in parts of this size. */
const STREAMED_BYTES_MIN = 256 * 1024;
const PART_BYTES = 64 * 1024;
const MESSAGE_TYPE = "application/x-protobuf";

/** Answers a body. */
type Call = (body: Uint8Array, memory: RequestMemory) => Response | Promise<Response>;

/** The parts of a service. */
export interface ServiceOptions {
  /** The data. */
  readonly store: KvStore;
  /** The token of every request. */
  readonly token: AccessToken;
  /** The limits of requests. */
  readonly limits: ServerLimits;
  /** The time, in milliseconds since 1970. */
  now(): number;
  /** Receives errors of the database, which clients get as a line only. */
  report(error: unknown): void;
}

/** Answers the requests of clients. */
export class ConnectService {
  readonly #options: ServiceOptions;
  readonly #memory: MemoryBudget;
  readonly #watches = new Set<OpenWatch>();
  #databaseId: Promise<string> | undefined;
  #isClosed = false;

  /** Creates the service of a store. */
  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#memory = new MemoryBudget(options.limits.memoryBytes);
  }

  /** Ends all watches, and refuses requests that follow. */
  close(): void {
    this.#isClosed = true;
    for (const { close } of this.#watches) close();
  }

  /**
   * Answers a request; never rejects.
   *
   * @param sent Settles when the client has the answer, or is gone.
   */
  async answer(request: Request, sent: Promise<unknown>): Promise<Response> {
    const memory = new RequestMemory(this.#memory);
    try {
      const answered = this.#respond(request, memory);
      // A client may be gone before its answer is made.
      void Promise.allSettled([answered, sent]).then(() => memory.release());
      return await answered;
    } catch (error) {
      memory.release();
      const refusal = refusalOf(error);
      if (isOurs(refusal)) this.#options.report(refusal.cause);
      return new Response(refusal.message, { status: refusal.status });
    }
  }

  async #respond(request: Request, memory: RequestMemory): Promise<Response> {
    if (!this.#options.token.isIn(request.headers)) {
      throw new RefusedError(401, "The access token is missing or wrong");
    }
    if (this.#isClosed) throw new RefusedError(503, "The server is ending");
    const { pathname } = new URL(request.url);
    if (request.method !== "POST") throw new RefusedError(404, "There is nothing here");
    if (pathname === "/") return await this.#metadata(request, memory);
    const call = this.#callOf(pathname);
    await this.#checkDataHeaders(request.headers);
    return call(await bodyOf(request, this.#options.limits.bodyBytes, memory), memory);
  }

  #callOf(path: string): Call {
    if (path === `${DATA_PATH}/snapshot_read`) return (body, memory) => this.#read(body, memory);
    if (path === `${DATA_PATH}/atomic_write`) return (body) => this.#write(body);
    if (path === `${DATA_PATH}/watch`) return (body, memory) => this.#watch(body, memory);
    throw new RefusedError(404, "There is nothing here");
  }

  async #metadata(request: Request, memory: RequestMemory): Promise<Response> {
    const versions = versionsIn(await bodyOf(request, METADATA_BYTES_MAX, memory));
    const version = VERSIONS.find((known) => versions.includes(known));
    if (version === undefined) {
      throw new RefusedError(400, `The server speaks the versions ${VERSIONS.join(" and ")}`);
    }
    return Response.json({
      version,
      databaseId: await this.#id(),
      endpoints: [{ url: DATA_PATH, consistency: "strong" }],
      token: this.#options.token.text,
      expiresAt: new Date(this.#options.now() + METADATA_MS).toISOString(),
    });
  }

  /** The id of the database; a failure is tried again by the next request. */
  #id(): Promise<string> {
    return this.#databaseId ??= this.#options.store.databaseId().catch((error) => {
      this.#databaseId = undefined;
      throw error;
    });
  }

  async #checkDataHeaders(headers: Headers): Promise<void> {
    if (!VERSIONS.map(String).includes(headers.get("x-denokv-version") ?? "")) {
      throw new RefusedError(400, `The server speaks the versions ${VERSIONS.join(" and ")}`);
    }
    if (headers.get("x-denokv-database-id") === await this.#id()) return;
    throw new RefusedError(400, "The database has another id: open it again");
  }

  #read(body: Uint8Array, memory: RequestMemory): Response {
    const { store, limits } = this.#options;
    const ranges = readRanges(store, decodeSnapshotRead(body, limits.ranges), limits);
    const message = encodeSnapshotReadOutput(ranges);
    memory.take(message.length);
    return respond(message);
  }

  async #write(body: Uint8Array): Promise<Response> {
    const { store, limits } = this.#options;
    const write = commitOf(decodeAtomicWrite(body, limits.changes));
    const versionstamp = await store.commit(write, -Infinity);
    const bytes = versionstamp === null ? undefined : Uint8Array.fromHex(versionstamp);
    return respond(encodeAtomicWriteOutput(bytes));
  }

  #watch(body: Uint8Array, memory: RequestMemory): Response {
    const { store, limits } = this.#options;
    // Of the body only the keys are kept.
    const keys = decodeWatch(body, limits.watchedKeys).map((key) => key.slice());
    if (keys.length === 0) throw new RefusedError(400, "There are no keys to watch");
    for (const { length } of keys) checkReadKey(length + 1, limitsOf("none"));
    if (this.#watches.size >= limits.watches) {
      throw new RefusedError(503, `Too many watches (max ${limits.watches})`);
    }
    const watch = openWatch(store, keys, memory, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    return new Response(watch.body, { headers: { "content-type": "application/octet-stream" } });
  }
}

function respond(message: Uint8Array<ArrayBuffer>): Response {
  const body = message.length > STREAMED_BYTES_MIN ? inParts(message) : message;
  return new Response(body, { headers: { "content-type": MESSAGE_TYPE } });
}

/** A long answer in parts: given whole to the system, it would count as sent at once. */
function inParts(message: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull: (controller) => {
      controller.enqueue(message.subarray(at, at += PART_BYTES));
      if (at >= message.length) controller.close();
    },
  }, { highWaterMark: 0 });
}

/** The versions that a client speaks. Without a body it speaks the first. */
function versionsIn(body: Uint8Array): readonly unknown[] {
  if (body.length === 0) return [1];
  try {
    const { supportedVersions } = JSON.parse(new TextDecoder().decode(body));
    if (Array.isArray(supportedVersions)) return supportedVersions;
  } catch {
    // Refused below.
  }
  throw new RefusedError(400, "The body is not a request for metadata");
}
