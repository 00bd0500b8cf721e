// An archive in a bucket of a server of S3, which the test starts, and the refusals of a bucket.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import S3rver from "s3rver";
import { archive, type ArchiveStore, IoError, open, restore } from "../mod.ts";
import { bytesOf } from "../tests/support/databases/database.ts";
import { inTempDir } from "../tests/support/temp.ts";
import { type S3Options, s3Store } from "./mod.ts";

/** The key that the server knows. */
const KEY = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

/** Runs a callback with the URL of an empty bucket. */
function inBucket(body: (bucket: string, dir: string) => Promise<void>): Promise<void> {
  return inTempDir(async (dir) => {
    const server = new S3rver({
      address: "127.0.0.1",
      port: 0,
      silent: true,
      directory: `${dir}/buckets`,
      configureBuckets: [{ name: "backups", configs: [] }],
    });
    const { port } = await server.run();
    try {
      await body(`http://127.0.0.1:${port}/backups`, dir);
    } finally {
      await server.close();
    }
  });
}

/** A server that gives one answer. */
async function withAnswer(
  answer: (request: Request) => Response | Promise<Response>,
  body: (store: ArchiveStore) => Promise<void>,
  timeoutMs?: number,
): Promise<void> {
  const end = new AbortController();
  const options = { port: 0, hostname: "127.0.0.1", onListen() {}, signal: end.signal };
  const server = Deno.serve(options, answer);
  try {
    await body(s3Store({ bucket: `http://127.0.0.1:${server.addr.port}/b`, ...KEY, timeoutMs }));
  } finally {
    end.abort();
    await server.finished;
  }
}

describe("s3Store()", () => {
  it("keeps objects, and the archive of a database beside another", () =>
    inBucket(async (bucket, dir) => {
      const store = s3Store({ bucket, prefix: "one & <two>/", ...KEY });
      const other = s3Store({ bucket: new URL(`${bucket}/`), prefix: "other/", ...KEY });
      await other.put("x-1", new Uint8Array([1]));
      assertEquals([await store.list(), await store.get("x-1")], [[], undefined]);
      {
        using db = open(`${dir}/db`);
        await using shipping = archive(db, store, { everyMs: 60_000 });
        db.writeSync((tx) => tx.tree("t").set("large", bytesOf(1, 5_000_000)));
        await shipping.flush();
        for (let i = 0; i < 3; i++) {
          db.writeSync((tx) => tx.tree("t").set("key", new Uint8Array([i])));
          await shipping.flush();
        }
      }
      await restore(`${dir}/to`, { from: store, at: 3 });
      using db = open(`${dir}/to`);
      assertEquals(db.tree("t").get("key"), new Uint8Array([1]));
      assertEquals(db.tree("t").get("large")?.length, 5_000_000);
      const names = await store.list();
      assert(names.every((name) => /^(base|commits|part)-/.test(name)), names.join());
      await store.delete(names[0]!);
      await store.delete(names[0]!);
      assertEquals((await store.list()).length, names.length - 1);
      assertEquals(await other.list(), ["x-1"]);
      assertEquals(await other.get("x-1"), new Uint8Array([1]));
    }));

  it("says what the service refused", () =>
    inBucket(async (bucket, dir) => {
      const wrong = s3Store({ bucket, ...KEY, accessKeyId: "wrong" });
      await assertRejects(() => wrong.list(), Error, "403, InvalidAccessKeyId");
      await assertRejects(() => wrong.put("x", new Uint8Array(1)), Error, "refused PUT: 403");
      const none = s3Store({ bucket: bucket.replace("backups", "none"), ...KEY });
      await assertRejects(() => none.list(), Error, "refused GET: 404, NoSuchBucket");
      await assertRejects(() => none.get("x"), Error, "NoSuchBucket");
      await assertRejects(
        () => restore(`${dir}/to`, { from: none }),
        IoError,
        "Cannot list the archive: the bucket refused GET: 404, NoSuchBucket",
      );
    }));

  it("reads a list of several pages, and refuses a truncated one", async () => {
    const page = (key: string, rest: string) =>
      new Response(`<A><Contents><Key>${key}</Key></Contents>${rest}</A>`);
    const more = "<IsTruncated>true</IsTruncated>";
    await withAnswer(({ url }) => {
      const token = new URL(url).searchParams.get("continuation-token");
      if (token === "a&b") return page("second", "<IsTruncated>false</IsTruncated>");
      return page("first", `${more}<NextContinuationToken>a&amp;b</NextContinuationToken>`);
    }, async (store) => assertEquals(await store.list(), ["first", "second"]));
    await withAnswer(
      () => page("o&#39;neil&#x27;s &#34;a&#34;&#x1F600;&amp;lt;", ""),
      async (store) => assertEquals(await store.list(), ["o'neil's \"a\"\u{1f600}&lt;"]),
    );
    await withAnswer(
      () => page("first", more),
      async (store) =>
        void await assertRejects(() => store.list(), Error, "without a continuation token"),
    );
  });

  it("gives up a request that is not answered, and makes each once", async () => {
    const never = Promise.withResolvers<Response>();
    await withAnswer(
      () => never.promise,
      async (store) => {
        await assertRejects(() => store.get("x"), DOMException, "timeout");
        never.resolve(new Response());
      },
      20,
    );
    let calls = 0;
    await withAnswer(() => {
      calls++;
      return new Response("busy", { status: 503 });
    }, async (store) => {
      await assertRejects(() => store.get("x"), Error, "the bucket refused GET: 503, no reason");
      assertEquals(calls, 1);
    });
  });

  it("says why there was no answer", async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const down = s3Store({ bucket: `http://127.0.0.1:${port}/backups`, ...KEY });
    await assertRejects(() => down.list(), Error, "the bucket did not answer: error sending");
  });

  it("refuses options that are missing or wrong", () => {
    const refused: [S3Options, new () => Error, string][] = [
      [{ bucket: "https://a/b", ...KEY, accessKeyId: "" }, TypeError, "accessKeyId is missing"],
      [{ bucket: "https://a/b" } as S3Options, TypeError, "accessKeyId is missing"],
      [{ bucket: "a/b", ...KEY }, TypeError, "not a URL of http or https"],
      [{ bucket: "file:///a", ...KEY }, TypeError, "not a URL of http or https"],
      [{ bucket: "https://a/b", ...KEY, prefix: 1 as never }, TypeError, "prefix is number"],
      [{ bucket: "https://a/b", ...KEY, prefx: "a/" } as S3Options, TypeError, "option prefx"],
      [{ bucket: "https://a/b", ...KEY, timeoutMs: 0 }, RangeError, "timeoutMs 0 is not above 0"],
    ];
    for (const [options, type, says] of refused) {
      assertThrows(() => s3Store(options), type, says);
    }
  });
});
