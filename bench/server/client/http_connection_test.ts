/** The HTTP client of the load generator, with a real server and with wrong ones. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { HttpConnection } from "./http_connection.ts";

/** Serves on a free port while a body runs with a connection. */
async function withServer(
  respond: (request: Request) => Response | Promise<Response>,
  body: (connection: HttpConnection) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, respond);
  const connection = await HttpConnection.open(server.addr.port);
  try {
    await body(connection);
  } finally {
    connection.close();
    await server.shutdown();
  }
}

/** Answers the first request of a connection with these bytes, and closes it. */
async function answerOnce(text: string, body: (port: number) => Promise<void>): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answer = async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(1000));
    await connection.write(new TextEncoder().encode(text));
  };
  await Promise.all([answer(), body(listener.addr.port)]);
}

describe("HttpConnection", () => {
  it("sends requests of all kinds on one connection", async () => {
    const seen: string[] = [];
    await withServer(async (request) => {
      const { pathname } = new URL(request.url);
      seen.push(`${request.method} ${pathname} ${(await request.bytes()).length}`);
      if (request.method === "PUT") return new Response(null, { status: 204 });
      return pathname === "/none" ? new Response(null, { status: 404 }) : new Response("found");
    }, async (connection) => {
      const { status, body } = await connection.request("GET", "/7");
      assertEquals([status, new TextDecoder().decode(body)], [200, "found"]);
      const put = await connection.request("PUT", "/8", new Uint8Array(100));
      assertEquals([put.status, put.body.length], [204, 0]);
      assertEquals((await connection.request("GET", "/none")).status, 404);
    });
    assertEquals(seen, ["GET /7 0", "PUT /8 100", "GET /none 0"]);
  });

  it("reads a body that is larger than its buffer, which the caller owns", async () => {
    const large = new Uint8Array(100_000).map((_, i) => i);
    await withServer(() => new Response(large), async (connection) => {
      const { body } = await connection.request("GET", "/1");
      await connection.request("GET", "/2", new Uint8Array(50_000));
      assertEquals(body, large);
    });
  });

  it("refuses a response without a length that it can read", () =>
    answerOnce("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", async (port) => {
      const connection = await HttpConnection.open(port);
      await assertRejects(() => connection.request("GET", "/"), Error, "Cannot read a response");
      connection.close();
    }));

  it("refuses a response that ends too early", () =>
    answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", async (port) => {
      const connection = await HttpConnection.open(port);
      await assertRejects(() => connection.request("GET", "/"), Error, "closed the connection");
      connection.close();
    }));
});
