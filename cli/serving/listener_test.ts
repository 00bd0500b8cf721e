// The listener when accept fails, as it does when a program runs out of descriptors. The tests make
// accept fail instead of using up the descriptors, because Deno itself would fail without them.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError } from "../../mod.ts";
import { inTime, RawClient } from "../../tests/support/programs/raw_client.ts";
import { HttpServer } from "./mod.ts";

/** Runs a test in which accept fails the given number of times before it succeeds. */
async function withAcceptFailing(
  times: number,
  body: (failed: () => number) => Promise<void>,
): Promise<void> {
  const { listen } = Deno;
  let failed = 0;
  const listenFailing = (options: Deno.TcpListenOptions & { transport?: "tcp" }) => {
    const listener = listen(options);
    const accept = listener.accept.bind(listener);
    listener.accept = () => {
      if (failed === times) return accept();
      failed++;
      return Promise.reject(new Error("Too many open files (os error 24)"));
    };
    return listener;
  };
  Object.assign(Deno, { listen: listenFailing });
  try {
    await body(() => failed);
  } finally {
    Object.assign(Deno, { listen });
  }
}

describe("listener: accept that fails", () => {
  it("is tried again, and then answers waiting clients", () =>
    withAcceptFailing(3, async (failed) => {
      const server = new HttpServer(() => new Response("hello"));
      const response = fetch(`http://${server.host}/`);
      assertEquals(await (await inTime(response, "an answer")).text(), "hello");
      assertEquals(failed(), 3);
      await inTime(server.close(), "the end of the server");
    }));

  it("does not keep the listener from ending", () =>
    withAcceptFailing(Infinity, async () => {
      const server = new HttpServer(() => new Response("hello"));
      using _client = await RawClient.to(Number(server.host.split(":")[1]));
      await inTime(server.close(), "the end of the server");
    }));
});

describe("listener: a port that another program has", () => {
  it("is named in an IoError", () => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    const serve = () => new HttpServer(() => new Response(), { port });
    assertThrows(serve, IoError, `Cannot listen on 127.0.0.1:${port}: another program does`);
  });
});
