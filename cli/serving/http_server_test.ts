// The server on loopback: requests and answers arrive unchanged, and no client can hold a
// connection or a descriptor, or delay the end of the server, for longer than the limits allow.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { HANG_MS } from "../../tests/support/programs/hang.ts";
import { inTime, RawClient } from "../../tests/support/programs/raw_client.ts";
import { type Handler, HttpServer, type HttpServerOptions } from "./mod.ts";

/** A limit that no test reaches. */
const LONG_MS = 10 * HANG_MS;
const SHORT_MS = 50;
const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/** A server under test. */
interface Subject {
  readonly server: HttpServer;
  readonly base: string;
  connect(): Promise<RawClient>;
}

/**
 * Limits that are reached when the test says so: whoever is to be answered first may take any time.
 * It holds the timers whose times are theirs, and no other ones.
 */
class HeldLimits implements Disposable {
  readonly limits = { headersMs: LONG_MS + 1, bodyMs: LONG_MS + 2, stallMs: LONG_MS + 3 };
  readonly #timers = { set: globalThis.setTimeout, clear: globalThis.clearTimeout };
  readonly #held = new Map<unknown, readonly [ms: number, reach: () => void]>();

  constructor() {
    globalThis.setTimeout = ((reach: () => void, ms = 0) => {
      const timer = this.#timers.set(reach, ms);
      if (Object.values(this.limits).includes(ms)) this.#held.set(timer, [ms, reach]);
      return timer;
    }) as typeof setTimeout;
    globalThis.clearTimeout = (timer) => {
      this.#timers.clear(timer);
      this.#held.delete(timer);
    };
  }

  /** Waits until the server waits for a client, and has it wait for longer than allowed. */
  async reach(limit: keyof HeldLimits["limits"]): Promise<void> {
    for (;;) {
      const found = [...this.#held].find(([, [ms]]) => ms === this.limits[limit]);
      if (found !== undefined) {
        const [timer, [, reach]] = found;
        this.#held.delete(timer);
        return reach();
      }
      await this.#turn();
    }
  }

  /** Waits until the server waits for no client. */
  async none(): Promise<void> {
    while (this.#held.size > 0) await this.#turn();
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#timers.set(resolve, 1));
  }

  [Symbol.dispose](): void {
    [globalThis.setTimeout, globalThis.clearTimeout] = [this.#timers.set, this.#timers.clear];
  }
}

/** Runs a test with a server, which must end afterwards. */
async function withServer(
  handler: Handler,
  limits: NonNullable<HttpServerOptions["limits"]>,
  body: (subject: Subject) => Promise<void>,
): Promise<void> {
  const long = { headersMs: LONG_MS, bodyMs: LONG_MS, stallMs: LONG_MS };
  const server = new HttpServer(handler, { limits: { ...long, ...limits } });
  const port = Number(server.host.split(":")[1]);
  try {
    await body({ server, base: `http://${server.host}`, connect: () => RawClient.to(port) });
  } finally {
    await inTime(server.close(), "the end of the server");
  }
}

const hello: Handler = () => new Response("hello");

describe("http server: requests and answers", () => {
  it("arrive as they were sent", () =>
    withServer(
      async (request) => {
        const { pathname, search } = new URL(request.url);
        const words = [request.method, pathname, search, request.headers.get("x-a")];
        return Response.json([...words, await request.text()], { status: 201 });
      },
      {},
      async ({ base }) => {
        const url = `${base}/a%20b?c=d`;
        const get = await fetch(url, { headers: [["x-a", "1"], ["x-a", "2"]] });
        assertEquals(get.status, 201);
        assertEquals(get.headers.get("content-type"), "application/json");
        assertEquals(await get.json(), ["GET", "/a%20b", "?c=d", "1, 2", ""]);
        const text = "body ".repeat(100_000);
        const put = await fetch(url, { method: "PUT", body: text });
        assertEquals(await put.json(), ["PUT", "/a%20b", "?c=d", null, text]);
      },
    ));

  it("of one connection come one after the other", () =>
    withServer(hello, {}, async ({ connect }) => {
      using client = await connect();
      for (let i = 0; i < 3; i++) {
        await client.send(GET);
        assertStringIncludes(await client.receive(), "HTTP/1.1 200 OK");
      }
    }));

  it("that are not requests get a status of 4xx", () =>
    withServer(hello, {}, async ({ connect }) => {
      const wrong = [
        "nothing\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
        "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
      ];
      for (const text of wrong) {
        using client = await connect();
        await client.send(text);
        const answer = await client.receiveAll();
        assert(/^HTTP\/1\.1 4\d\d/.test(answer), `${text.slice(0, 30)}: ${answer.slice(0, 30)}`);
      }
    }));

  it("that fail in the handler get 500, and nothing of the error", () =>
    withServer(
      () => {
        throw new Error("secret");
      },
      {},
      async ({ base }) => {
        const response = await fetch(base);
        assertEquals(response.status, 500);
        assertEquals((await response.text()).includes("secret"), false);
      },
    ));

  it("that break off in the middle are seen to", () =>
    withServer(
      () => {
        const chunks = [new Uint8Array(10)];
        const body = new ReadableStream({
          pull(controller) {
            const chunk = chunks.pop();
            if (chunk === undefined) controller.error(new Error("broken"));
            else controller.enqueue(chunk);
          },
        });
        return new Response(body);
      },
      {},
      async ({ connect }) => {
        using client = await connect();
        await client.send(GET);
        assertEquals((await client.receiveAll()).endsWith("0\r\n\r\n"), false);
      },
    ));
});

describe("http server: clients that keep it waiting", () => {
  it("with half of their headers are ended", () =>
    withServer(hello, { headersMs: SHORT_MS }, async ({ connect }) => {
      for (const text of ["", "G", "GET / HTTP/1.1\r\nHost: x\r\nX: "]) {
        using client = await connect();
        await client.send(text);
        assertEquals(await client.receiveAll(), "");
      }
    }));

  it("with headers that come drop by drop are ended", () =>
    withServer(hello, { headersMs: SHORT_MS * 4 }, async ({ connect }) => {
      using client = await connect();
      let isEnded = false;
      const end = client.receiveAll().then(() => isEnded = true);
      for (const letter of `GET / HTTP/1.1\r\nX: ${"x".repeat(1000)}`) {
        if (isEnded) break;
        await client.send(letter).catch(() => {});
        await new Promise((done) => setTimeout(done, SHORT_MS));
      }
      await end;
    }));

  it("after an answer are ended", async () => {
    using held = new HeldLimits();
    await withServer(hello, held.limits, async ({ connect }) => {
      using client = await connect();
      await client.send(GET);
      let text = "";
      while (!text.includes("hello")) text += await client.receive();
      await held.reach("headersMs");
      assertEquals(await client.receiveAll(), "");
    });
  });

  for (
    const [name, handler] of Object.entries<Handler>({
      "that the handler reads": async (request) => new Response(await request.text()),
      "that the handler ignores": () => new Response("no", { status: 401 }),
    })
  ) {
    it(`with half of a body ${name} are ended`, async () => {
      using held = new HeldLimits();
      await withServer(handler, held.limits, async ({ connect }) => {
        const isAnswered = name === "that the handler ignores";
        for (const how of ["Content-Length: 100", "Transfer-Encoding: chunked"]) {
          using client = await connect();
          await client.send(`POST / HTTP/1.1\r\nHost: x\r\n${how}\r\n\r\n5\r\nabc`);
          if (isAnswered) assertStringIncludes(await client.receive(), "401", how);
          await held.reach(isAnswered ? "headersMs" : "bodyMs");
          assertEquals((await client.receiveAll()).includes("401"), false, how);
        }
      });
    });
  }

  it("by reading nothing are ended", () => {
    const ended = Promise.withResolvers<void>();
    const handler = () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(1 << 20)),
          cancel: () => ended.resolve(),
        }),
      );
    return withServer(handler, { stallMs: SHORT_MS }, async ({ connect }) => {
      using client = await connect();
      await client.send(GET);
      await inTime(ended.promise, "the end of the answer");
    });
  });

  it("that go away end the answer that waits for more to say", () => {
    const ended = Promise.withResolvers<void>();
    const handler = () => {
      const start = (controller: ReadableStreamDefaultController) => {
        controller.enqueue(new Uint8Array(1));
      };
      return new Response(new ReadableStream({ start, cancel: () => ended.resolve() }));
    };
    return withServer(handler, {}, async ({ connect }) => {
      {
        using client = await connect();
        await client.send(GET);
        await client.receive();
      }
      await inTime(ended.promise, "the end of the answer");
    });
  });

  it("that go away before the answer is there end it too", () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    const ended = Promise.withResolvers<void>();
    const handler = (request: Request) => {
      if (new URL(request.url).pathname !== "/") return new Response("hello");
      asked.resolve();
      return answer.promise;
    };
    return withServer(handler, { connectionsMax: 1 }, async ({ base, connect }) => {
      {
        using client = await connect();
        await client.send(GET);
        await asked.promise;
      }
      // There is room for one connection, so the other has ended when this one is answered.
      for (let isServed = false; !isServed;) {
        isServed = await fetch(`${base}/x`).then((response) => response.text()).then(
          () => true,
          () => false,
        );
      }
      answer.resolve(new Response(new ReadableStream({ cancel: () => ended.resolve() })));
      await inTime(ended.promise, "the end of the answer");
    });
  });

  it("by asking on without reading are ended", () =>
    withServer(() => new Promise(() => {}), {}, async ({ connect }) => {
      using client = await connect();
      await client.send(GET.repeat(17));
      assertEquals(await client.receiveAll(), "");
    }));

  it("while it answers may wait for longer than any limit", async () => {
    using held = new HeldLimits();
    const late = async () => {
      await held.none();
      return new Response("late");
    };
    await withServer(late, held.limits, async ({ base }) => {
      assertEquals(await (await fetch(base)).text(), "late");
      assertEquals(await (await fetch(base, { method: "POST", body: "x" })).text(), "late");
    });
  });
});

describe("http server: many clients", () => {
  it("that are idle make room for one that asks", () =>
    withServer(hello, { connectionsMax: 4 }, async ({ connect, base }) => {
      const idle: RawClient[] = [];
      for (let i = 0; i < 12; i++) idle.push(await connect());
      for (const client of idle) await client.send("GET / HTTP/1.1\r\n").catch(() => {});
      assertEquals(await (await fetch(base)).text(), "hello");
      // The oldest connections were closed.
      for (const client of idle.slice(0, 8)) assertEquals(await client.receiveAll(), "");
      for (const client of idle) client[Symbol.dispose]();
    }));

  it("that are being answered leave no room for more", () => {
    const answers = Promise.withResolvers<void>();
    let asked = 0;
    const handler = async () => {
      asked++;
      await answers.promise;
      return new Response("late");
    };
    return withServer(handler, { connectionsMax: 3 }, async ({ connect }) => {
      const clients = await Promise.all([connect(), connect(), connect()]);
      for (const client of clients) await client.send(GET);
      while (asked < 3) await new Promise((done) => setTimeout(done, 1));
      using more = await connect();
      assertEquals(await more.receiveAll(), "");
      answers.resolve();
      for (using client of clients) assertStringIncludes(await client.receive(), "late");
    });
  });
});

describe("http server: its end", () => {
  it("comes while clients have sent half a request, and while one reads nothing", () =>
    withServer(
      () => new Response(new Uint8Array(50_000_000)),
      {},
      async ({ server, connect }) => {
        const clients = await Promise.all(Array.from({ length: 4 }, connect));
        const halves = [
          "",
          "GET /",
          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na",
          GET,
        ];
        for (const [i, half] of halves.entries()) await clients[i]!.send(half);
        await clients[3]!.receive();
        await inTime(server.close(), "its end");
        for (const client of clients) client[Symbol.dispose]();
      },
    ));

  it("lets an answer finish that is under way", () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    const handler = () => {
      asked.resolve();
      return answer.promise;
    };
    return withServer(handler, {}, async ({ server, base }) => {
      const response = fetch(base);
      await asked.promise;
      const ended = server.close();
      answer.resolve(new Response("whole"));
      assertEquals(await (await response).text(), "whole");
      await inTime(ended, "its end");
    });
  });

  it("comes at once when it is aborted, also after close()", () =>
    withServer(() => new Promise(() => {}), {}, async ({ server, connect }) => {
      using client = await connect();
      await client.send(GET);
      const ended = server.close();
      server.abort();
      await inTime(ended, "its end");
      assertEquals(await client.receiveAll(), "");
    }));

  it("frees the port, and is the same when it is asked for twice", () =>
    withServer(hello, {}, async ({ server }) => {
      await Promise.all([server.close(), server.close(), server.finished]);
      const port = Number(server.host.split(":")[1]);
      using _again = Deno.listen({ hostname: "127.0.0.1", port });
    }));
});
