/** The service without a network: who is answered, what is refused, and how. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Database, IoError, open } from "../../mod.ts";
import { encode, fieldsOf, type Message } from "../../tests/support/databases/connect_messages.ts";
import { Random } from "../../tests/support/random.ts";
import { encodeKey } from "../format/key.ts";
import { treesOf } from "../format/trees.ts";
import { openKv } from "../open.ts";
import { KvStore } from "../store.ts";
import { type ServerLimits, serverLimitsOf } from "./limits.ts";
import { ConnectService } from "./service.ts";
import { AccessToken } from "./token.ts";

const MIB = 2 ** 20;
const TOKEN = "a token of 12".replaceAll(" ", "-");
const VALUE = { 1: new Uint8Array([0xff, 16, 0x30]), 2: 1 }; // V8: null
const A = encodeKey(["a"]);

/** A service of a database in memory, and what it reported. */
class Fixture {
  readonly db: Database = open(":memory:");
  readonly store = new KvStore(this.db);
  readonly reported: unknown[] = [];
  readonly service: ConnectService;
  id = "";
  /** Settles when clients have the answers of the calls that follow. */
  sent: Promise<unknown> = Promise.resolve();

  constructor(limits: Partial<ServerLimits> = {}) {
    this.service = new ConnectService({
      store: this.store,
      token: new AccessToken(TOKEN),
      limits: serverLimitsOf(limits),
      now: () => 0,
      report: (error) => this.reported.push(error),
    });
  }

  static async open(limits: Partial<ServerLimits> = {}): Promise<Fixture> {
    const fixture = new Fixture(limits);
    const { databaseId } = await (await fixture.metadata([1, 2, 3])).json();
    fixture.id = databaseId;
    return fixture;
  }

  metadata(supportedVersions: unknown, headers = authorized()): Promise<Response> {
    const body = JSON.stringify({ supportedVersions });
    const request = new Request("http://a/", { method: "POST", body, headers });
    return this.service.answer(request, Promise.resolve());
  }

  /** Sends a body to a path of the data. */
  send(path: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
    const all = {
      ...authorized(),
      "x-denokv-version": "3",
      "x-denokv-database-id": this.id,
      ...headers,
    };
    const url = `http://a/v2/${path}`;
    const request = new Request(url, { method: "POST", body, headers: all });
    return this.service.answer(request, this.sent);
  }

  /** Sends a message, and returns the status and, of a refusal, the text. */
  async call(path: string, message: Message, headers?: Record<string, string>): Promise<string> {
    return await outcome(await this.send(path, encode(message), headers));
  }

  set(key: Uint8Array, more: Message = {}): Promise<string> {
    return this.call("atomic_write", { 2: { 1: key, 2: VALUE, 3: 1, ...more } });
  }

  [Symbol.dispose](): void {
    this.service.close();
    this.db.close();
  }
}

function authorized(token = TOKEN): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

/** Lets a stream fill its queue. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

async function outcome(response: Response): Promise<string> {
  if (response.ok) await response.body?.cancel();
  return response.ok ? "200" : `${response.status} ${await response.text()}`;
}

describe("KV Connect: who is answered", () => {
  it("are clients with the token alone, before their bodies are read", async () => {
    using fixture = await Fixture.open();
    for (
      const headers of [{}, authorized(`${TOKEN}x`), authorized(TOKEN.slice(1)), authorized("")]
    ) {
      assertEquals(
        await outcome(await fixture.metadata([3], headers as Record<string, string>)),
        "401 The access token is missing or wrong",
      );
    }
    const body = new ReadableStream({ pull: () => assert(false, "it is read") }, {
      highWaterMark: 0,
    });
    assertMatch(await outcome(await fixture.send("atomic_write", body, authorized("no"))), /^401/);
    assertEquals(
      await outcome(await fixture.metadata([3], { authorization: `bearer ${TOKEN}` })),
      "200",
    );
  });

  it("speak version 3 or 2, the later one if both", async () => {
    using fixture = await Fixture.open();
    const versionFor = async (versions: unknown) =>
      (await (await fixture.metadata(versions)).json()).version;
    assertEquals([await versionFor([1, 2, 3, 4]), await versionFor([2])], [3, 2]);
    for (const versions of [[1], [], ["3"], 3]) {
      assertMatch(await outcome(await fixture.metadata(versions)), /^400 The (server|body)/);
    }
    const old = await fixture.call("watch", {}, { "x-denokv-version": "1" });
    assertEquals(old, "400 The server speaks the versions 3 and 2");
    assertEquals(await fixture.call("snapshot_read", {}, { "x-denokv-version": "2" }), "200");
  });

  it("have the id of the database, which stays", async () => {
    using fixture = await Fixture.open();
    assertEquals(await fixture.store.databaseId(), fixture.id);
    assertEquals(
      await fixture.call("snapshot_read", {}, { "x-denokv-database-id": crypto.randomUUID() }),
      "400 The database has another id: open it again",
    );
  });

  it("ask for what there is", async () => {
    using fixture = await Fixture.open();
    const headers = authorized();
    const get = new Request("http://a/", { headers });
    assertMatch(await outcome(await fixture.service.answer(get, fixture.sent)), /^404/);
    assertMatch(await fixture.call("other", {}), /^404/);
    const deep = new Request("http://a/v2", { method: "POST", headers });
    assertMatch(await outcome(await fixture.service.answer(deep, fixture.sent)), /^404/);
  });

  it("are sent away when the server ends", async () => {
    using fixture = await Fixture.open();
    fixture.service.close();
    assertEquals(await fixture.call("snapshot_read", {}), "503 The server is ending");
  });
});

describe("KV Connect: a write", () => {
  it("is refused as a whole if a part is malformed", async () => {
    using fixture = await Fixture.open();
    const rows: [message: Message, says: RegExp][] = [
      [{ 1: A, 2: VALUE, 3: 6 }, /No mutation has the type 6/],
      [{ 1: A, 2: VALUE, 3: 3, 7: 1 }, /bounds of a sum/],
      [{ 1: A, 2: VALUE, 3: 3, 5: new Uint8Array(3) }, /bounds of a sum/],
      [{ 1: A, 2: { 1: new Uint8Array(7), 2: 2 }, 3: 1 }, /malformed, of encoding 2/],
      [{ 1: A, 2: { 1: new Uint8Array(7), 2: 4 }, 3: 1 }, /malformed, of encoding 4/],
      [{ 1: A, 2: { 1: new Uint8Array(7), 2: 1 }, 3: 1 }, /malformed, of encoding 1/],
      [{ 1: A, 2: VALUE, 3: 1, 4: 8_210_266_876_800_000 }, /date is out of range/],
      [{ 1: A, 2: VALUE, 3: 1, 4: -1 }, /date is out of range/],
      [{ 1: new Uint8Array([9]), 2: VALUE, 3: 1 }, /no part has the tag 9/],
      [{ 1: new Uint8Array(0), 2: VALUE, 3: 1 }, /key cannot be empty/],
      [{ 1: encodeKey(["x".repeat(2047)]), 2: VALUE, 3: 1 }, /Key too large for write/],
      [{ 1: encodeKey(["x".repeat(2046)]), 2: VALUE, 3: 9 }, /Key too large for write/],
    ];
    for (const [bad, says] of rows) {
      const good = { 1: encodeKey(["good"]), 2: VALUE, 3: 1 };
      assertMatch(await fixture.call("atomic_write", { 2: [good, bad] }), /^400 /);
      assertMatch(await fixture.call("atomic_write", { 2: [good, bad] }), says);
    }
    const stamped = { 1: { 1: A, 2: new Uint8Array(9) } };
    assertMatch(await fixture.call("atomic_write", stamped), /^400 A versionstamp/);
    using kv = await openKv(fixture.db);
    assertEquals(await Array.fromAsync(kv.list({ prefix: [] })), []);
    assertEquals(fixture.reported, []);
  });

  it("is committed with its checks, expiry and messages", async () => {
    using fixture = await Fixture.open();
    using kv = await openKv(fixture.db);
    assertEquals(await fixture.set(A, { 4: Date.now() + 1e6 }), "200");
    const { versionstamp } = await kv.get(["a"]);
    const check = { 1: A, 2: Uint8Array.fromHex(versionstamp!) };
    const write = (checked: Message) =>
      fixture.send("atomic_write", encode({ 1: checked, 2: { 1: A, 2: VALUE, 3: 2 } }));
    const fieldsOfWrite = async (checked: Message) =>
      fieldsOf(await (await write(checked)).bytes()).map(([field, value]) => [field, value]);
    assertEquals(await fieldsOfWrite({ 1: A }), [[1, 2]]);
    assertEquals((await fieldsOfWrite(check))[0], [1, 1]);
    assertEquals((await kv.get(["a"])).versionstamp, null);
    const due = Date.now() - 1000;
    const enqueue = { 1: VALUE[1], 2: due, 3: A, 4: new Uint8Array([100, 0x90, 0x4e]) };
    assertEquals(await fixture.call("atomic_write", { 3: enqueue }), "200");
    const [message] = treesOf(fixture.db).queue.values();
    assertEquals(message, {
      payload: VALUE[1],
      backoffSchedule: [100, 10_000],
      keysIfUndelivered: [A],
    });
  });

  it("is tried again after a failure of the disk, which the owner hears of", async () => {
    using fixture = await Fixture.open();
    const full = new IoError("Cannot write: no space left");
    fixture.store.commit = () => Promise.reject(full);
    assertEquals(await fixture.set(A), "503 Cannot write: no space left");
    assertEquals(fixture.reported, [full]);
  });
});

describe("KV Connect: the limits", () => {
  it("bound a body, with its length and without", async () => {
    using fixture = await Fixture.open({ bodyBytes: 1000 });
    const large = new Uint8Array(1001);
    assertEquals(
      await outcome(await fixture.send("atomic_write", large)),
      "413 The body has more than 1000 bytes",
    );
    let pulls = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        pulls++;
        controller.enqueue(new Uint8Array(100));
      },
    });
    assertMatch(await outcome(await fixture.send("atomic_write", endless)), /^413/);
    assert(pulls < 20, `${pulls} reads`);
  });

  it("bound what a read asks for and returns", async () => {
    using fixture = await Fixture.open({ ranges: 2, entries: 10, responseBytes: 100 });
    const range = { 1: A, 2: encodeKey(["b"]), 3: 5 };
    assertEquals(await fixture.call("snapshot_read", { 1: [range, range] }), "200");
    const rows: [Message, RegExp][] = [
      [{ 1: [range, range, range] }, /^400 .*too many ranges \(max 2\)$/],
      [{ 1: { ...range, 3: 11 } }, /^400 Too many entries \(max 10\)$/],
      [{ 1: { ...range, 3: 0 } }, /^400 .*not positive$/],
      [{ 1: { ...range, 3: -1 } }, /^400 .*not positive$/],
      [{ 1: { ...range, 2: new Uint8Array(2050) } }, /^400 Key too large/],
    ];
    for (const [message, says] of rows) {
      assertMatch(await fixture.call("snapshot_read", message), says);
    }
    const value = { 1: new Uint8Array(200), 2: 3 };
    assertEquals(await fixture.set(A, { 2: value }), "200");
    assertMatch(await fixture.call("snapshot_read", { 1: range }), /^413 .*fewer at a time$/);
    const backwards = { 1: encodeKey(["b"]), 2: A, 3: 1 };
    assertEquals(await fixture.call("snapshot_read", { 1: backwards }), "200");
  });

  it("bound the changes of a write before they take memory", async () => {
    using fixture = await Fixture.open({ changes: 3 });
    const none = [{}, {}, {}, {}];
    for (const field of [1, 2, 3]) {
      assertMatch(await fixture.call("atomic_write", { [field]: none }), /^400 .*\(max 3\)$/);
    }
  });

  it("bound the memory of all bodies and answers, until clients have these", async () => {
    const limits = { bodyBytes: 2 * MIB, responseBytes: 2 * MIB, memoryBytes: 16 * MIB };
    using fixture = await Fixture.open({ ...limits, entries: 1 });
    const value = { 1: new Uint8Array(MIB), 2: 3 };
    const read = () => fixture.call("snapshot_read", { 1: { 1: A, 2: encodeKey(["b"]), 3: 1 } });
    assertEquals(await fixture.set(A, { 2: value }), "200");
    const clients = Promise.withResolvers<void>();
    fixture.sent = clients.promise;
    const refused = `503 All requests together need more than ${16 * MIB} bytes`;
    for (let i = 0; i < 15; i++) assertEquals(await read(), "200");
    assertEquals([await read(), await fixture.set(A, { 2: value })], [refused, refused]);
    assertEquals(fixture.reported, []);
    clients.resolve();
    fixture.sent = Promise.resolve();
    await fixture.sent;
    assertEquals([await read(), await fixture.set(A, { 2: value })], ["200", "200"]);
  });

  it("leave room for one request in any memory", () => {
    const { bodyBytes, responseBytes, memoryBytes } = serverLimitsOf({ responseBytes: 2 ** 30 });
    assert(memoryBytes > bodyBytes + responseBytes);
    assertThrows(
      () => serverLimitsOf({ memoryBytes: 100 * MIB }),
      TypeError,
      "more than memoryBytes",
    );
  });

  it("bound the states of watches that clients have not read", async () => {
    const limits = { bodyBytes: 2 * MIB, responseBytes: 2 * MIB, memoryBytes: 16 * MIB };
    using fixture = await Fixture.open({ ...limits, entries: 1 });
    assertEquals(await fixture.set(A, { 2: { 1: new Uint8Array(1_900_000), 2: 3 } }), "200");
    const readers: ReadableStreamDefaultReader[] = [];
    fixture.sent = new Promise(() => {});
    for (let i = 0; i < 12; i++) {
      const { body } = await fixture.send("watch", encode({ 1: { 1: A } }));
      readers.push(body!.getReader());
      await turn();
    }
    const first = await Promise.allSettled(readers.map((reader) => reader.read()));
    const fulfilled = first.filter(({ status }) => status === "fulfilled").length;
    assert(fulfilled >= 8 && fulfilled < 12, `${fulfilled} states`);
    for (const reader of readers) await reader.cancel().catch(() => {});
    assertEquals(await fixture.set(A), "200");
  });

  it("bound the keys and the number of open watches", async () => {
    using fixture = await Fixture.open({ watches: 2, watchedKeys: 2 });
    const message = { 1: { 1: A } };
    const watch = () => fixture.send("watch", encode(message));
    const open = [await watch(), await watch()];
    assertEquals(await outcome(await watch()), "503 Too many watches (max 2)");
    await open[0]!.body!.cancel();
    assertEquals(await outcome(await watch()), "200");
    assertMatch(await fixture.call("watch", { 1: [{}, {}, {}] }), /^400 .*too many keys/);
    assertMatch(await fixture.call("watch", {}), /^400 There are no keys/);
    assertMatch(await fixture.call("watch", { 1: { 1: new Uint8Array(2049) } }), /^400 Key too/);
    await open[1]!.body!.cancel();
  });
});

describe("KV Connect: a watch", () => {
  it("sends the present state and the states that follow, and ends with the service", async () => {
    using fixture = await Fixture.open();
    const { body } = await fixture.send(
      "watch",
      encode({ 1: [{ 1: A }, { 1: encodeKey(["b"]) }] }),
    );
    const reader = body!.getReader();
    const next = async () => {
      const { value: frame } = await reader.read();
      const view = new DataView(frame!.buffer);
      assertEquals(view.getUint32(0, true), frame!.length - 4);
      const states = fieldsOf(frame!.subarray(4)).filter(([field]) => field === 2);
      return states.map(([, state]) => fieldsOf(state as Uint8Array).length);
    };
    assertEquals(await next(), [1, 1]);
    await fixture.set(A);
    assertEquals(await next(), [2, 1]);
    const last = reader.read();
    fixture.service.close();
    assertEquals((await last).done, true);
  });

  it("leaves nothing behind when the client leaves", async () => {
    using fixture = await Fixture.open();
    for (let i = 0; i < 50; i++) {
      const { body } = await fixture.send("watch", encode({ 1: { 1: A } }));
      const reader = body!.getReader();
      await reader.read();
      await reader.cancel();
    }
    assertEquals(fixture.db.stats().snapshots, 0);
    assertEquals(await fixture.set(A), "200");
  });
});

describe("KV Connect: malformed messages", () => {
  const seed = Number(Deno.env.get("QUIRE_SEED") ?? 1);
  const rounds = Number(Deno.env.get("QUIRE_KV_FUZZ") ?? 1500);

  it(`are answered with 4xx and one line, seed ${seed}`, async () => {
    using fixture = await Fixture.open();
    const random = new Random(seed);
    const messages: [path: string, bytes: Uint8Array<ArrayBuffer>][] = [
      ["snapshot_read", encode({ 1: [{ 1: A, 2: encodeKey(["b"]), 3: 5, 4: 1 }] })],
      ["watch", encode({ 1: [{ 1: A }] })],
      [
        "atomic_write",
        encode({
          1: { 1: A, 2: new Uint8Array(10) },
          2: [{ 1: A, 2: VALUE, 3: 1, 4: 5 }, { 1: encodeKey([1, 2n]), 2: VALUE, 3: 9 }],
          3: { 1: VALUE[1], 2: 5, 3: A, 4: [1, 2] },
        }),
      ],
    ];
    const statuses = new Map<number, number>();
    for (let i = 0; i < rounds; i++) {
      const [path, bytes] = messages[random.below(messages.length)]!;
      const response = await fixture.send(path, mutated(bytes, random));
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      if (response.ok) await response.body!.cancel();
      else assertMatch(await response.text(), /^[\x20-\x7e]{1,200}$/);
    }
    assertEquals([...statuses.keys()].filter((status) => status >= 500), []);
    assert(statuses.get(400)! > rounds / 10 && statuses.get(200)! > 0, String([...statuses]));
    assertEquals(fixture.reported, []);
    const everything = { 1: { 1: new Uint8Array(1), 2: new Uint8Array([0xff]), 3: 1000 } };
    assertEquals(await fixture.call("snapshot_read", everything), "200");
    treesOf(fixture.db).entries.keys().toArray(); // all keys can be decoded
  });
});

/** Bytes with some changes: other bytes, cut off, repeated. */
function mutated(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  let changed = [...bytes];
  const below = (bound: number) => random.below(bound);
  for (let changes = below(4); changes >= 0; changes--) {
    const at = below(changed.length + 1);
    const kind = below(4);
    if (kind === 0) changed[at] = below(256);
    else if (kind === 1) changed = changed.slice(0, at);
    else if (kind === 2) changed.splice(at, 0, below(256));
    else changed.splice(at, 0, ...changed.slice(0, below(20)));
  }
  return Uint8Array.from(changed);
}
