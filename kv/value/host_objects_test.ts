/** Blobs, files, keys and exceptions as values: they are what they were, wherever they are. */

import { KeyObject } from "node:crypto";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { openKv } from "../open.ts";
import { deserialize, type LaterBytes, serialize, serializeSoon } from "./value.ts";

/** A value, stored and read. */
async function stored(value: unknown): Promise<unknown> {
  using kv = await openKv(":memory:");
  await kv.set(["a"], value);
  return (await kv.get(["a"])).value;
}

/** All that a key is. */
function partsOf(key: CryptoKey): unknown[] {
  const { type, extractable, usages, algorithm } = key;
  const jwk = KeyObject.from(key as never).export({ format: "jwk" });
  return [type, extractable, usages, algorithm, jwk];
}

const ALGORITHMS: readonly (readonly [unknown, KeyUsage[]])[] = [
  [{ name: "HMAC", hash: "SHA-256" }, ["sign", "verify"]],
  [{ name: "AES-GCM", length: 256 }, ["encrypt"]],
  ...["P-256", "P-384", "P-521"].map((namedCurve) =>
    [{ name: "ECDSA", namedCurve }, ["sign", "verify"]] as [unknown, KeyUsage[]]
  ),
  [{ name: "ECDH", namedCurve: "P-384" }, ["deriveBits"]],
  [{
    name: "RSA-OAEP",
    modulusLength: 1024,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-1",
  }, ["encrypt", "decrypt"]],
  ["Ed25519", ["sign", "verify"]],
  ["X25519", ["deriveBits"]],
];

describe("a host object", () => {
  it("may be a blob or a file, with all its bytes", async () => {
    const bytes = new Uint8Array(100_000).map((_, i) => i * 7);
    const blob = await stored(new Blob([bytes], { type: "a/b" })) as Blob;
    assertEquals([blob.type, await blob.bytes()], ["a/b", bytes]);
    const file = await stored(new File([], "name", { lastModified: 5 })) as File;
    assertEquals([file.name, file.lastModified, file.size], ["name", 5, 0]);
  });

  it("may be an exception", async () => {
    const exception = new DOMException("message", "DataError");
    const read = await stored(exception) as DOMException;
    assert(read instanceof DOMException);
    assertEquals([read.name, read.message, read.code], ["DataError", "message", exception.code]);
    assertEquals([read.stack, Object.keys(read)], [exception.stack, []]);
  });

  it("may be a key of any algorithm, extractable or not", async () => {
    for (const [algorithm, usages] of ALGORITHMS) {
      for (const extractable of [true, false]) {
        const made = await crypto.subtle.generateKey(algorithm as "Ed25519", extractable, usages);
        const keys = made instanceof CryptoKey ? [made] : [made.privateKey, made.publicKey];
        for (const key of keys) {
          assertEquals(partsOf(await stored(key) as CryptoKey), partsOf(key));
        }
      }
    }
  });

  it("may be in any place of a value, more than once, among references and wide text", async () => {
    const [blob, exception] = [new Blob(["abc"]), new DOMException("m")];
    const shared = { "\u20ac": "\u{1f600}" };
    const error = new RangeError("outer", { cause: exception });
    class Own {
      inside = blob;
    }
    const value: Record<string, unknown> = {
      list: [shared, , blob, new Uint8Array([1]), exception],
      map: new Map<unknown, unknown>([[blob, exception], ["\u00e9\u20ac", shared]]),
      set: new Set([exception, blob]),
      ["__proto__"]: blob,
      own: new Own(),
      error,
      again: shared,
      date: new Date(5),
    };
    value["self"] = value;
    // deno-lint-ignore no-explicit-any
    const read = await stored(value) as any;
    const [readBlob, readException] = [read.list[2], read.list[4]];
    assertEquals([await readBlob.text(), readException.message], ["abc", "m"]);
    assertStrictEquals(read.map.get(readBlob), readException);
    assert(read.set.has(readBlob) && read.set.has(readException));
    assertStrictEquals(read.own.inside, readBlob);
    assertStrictEquals(read.error.cause, readException);
    assertEquals([read.error instanceof RangeError, read.error.message], [true, "outer"]);
    assertEquals([read.error.stack, read.date], [error.stack, new Date(5)]);
    assertStrictEquals(read.again, read.list[0]);
    assertStrictEquals(read.map.get("\u00e9\u20ac"), read.again);
    assertStrictEquals(read.self, read);
    assertEquals([read.again, 1 in read.list, read.list[3]], [shared, false, new Uint8Array([1])]);
  });

  it("is the one of the call, although the value changes before the commit", async () => {
    using kv = await openKv(":memory:");
    const value: Record<string, unknown> = { blob: new Blob(["first"]), text: "first" };
    const operation = kv.atomic().set(["a"], value).enqueue(value);
    value["blob"] = value["text"] = "second";
    assert(Deno.inspect(operation).includes("set("));
    await operation.commit();
    const { value: read } = await kv.get<{ blob: Blob; text: string }>(["a"]);
    assertEquals([await read!.blob.text(), read!.text], ["first", "first"]);
    const message = Promise.withResolvers<{ blob: Blob }>();
    const ended = kv.listenQueue(message.resolve);
    assertEquals(await (await message.promise).blob.text(), "first");
    kv.close();
    await ended;
  });

  it("is refused after the close of the handle", async () => {
    const kv = await openKv(":memory:");
    const set = kv.set(["a"], new Blob(["x"]));
    kv.close();
    await assertRejects(() => set, Deno.errors.BadResource);
  });

  it("may be a blob without its bytes, which cannot be read or stored", async () => {
    const later = serializeSoon(new Blob(["x"])) as LaterBytes;
    const bytes = await later.bytes();
    const name = new TextEncoder().encode("bytes");
    const at = bytes.findIndex((_, i) => name.every((byte, j) => bytes[i + j] === byte));
    bytes[at] = 0x42;
    const blob = deserialize(bytes) as Blob;
    assertEquals([blob instanceof Blob, blob.size], [true, 1]);
    await assertRejects(() => blob.text(), TypeError, "Blob part not found");
    await assertRejects(() => stored({ blob }), TypeError, "Blob part not found");
  });

  it("of an unknown kind or type is refused", async () => {
    const bytes = serialize(new DOMException("m"));
    const kind = Uint8Array.from(bytes);
    kind[7] = 0x0e;
    await assertRejects(
      async () => await deserialize(kind),
      TypeError,
      "no host object of the kind",
    );
    bytes[17] = 0x58;
    await assertRejects(
      async () => await deserialize(bytes),
      TypeError,
      "no host object of the type",
    );
  });
});
