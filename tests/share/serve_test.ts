/**
 * Programs that share a database as they are: `deno serve --parallel`, and one that may not write
 * the files beside the database.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { json, open } from "../../mod.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { inTempDir } from "../support/temp.ts";

const MOD = new URL("../../mod.ts", import.meta.url).href;
const REQUESTS = 60;
/** A server each of whose threads counts the requests in one database. */
const SERVER = `
  import { json, open } from ${JSON.stringify(MOD)};

  const db = open(Deno.env.get("HITS"), { shared: true });
  const hits = db.tree("hits", { value: json });
  const thread = crypto.randomUUID();

  export default {
    async fetch() {
      const count = await hits.update("all", (count = 0) => count + 1);
      await hits.update(thread, (count = 0) => count + 1);
      return new Response(count + " " + thread);
    },
  };
`;

/** Runs a test with a new folder, and the path of its database. */
function inFolder(body: (folder: string, path: string) => Promise<void>): () => Promise<void> {
  return () => inTempDir((folder) => body(folder, `${folder}/hits.quire`));
}

/** The address that a server prints. */
async function addressOf(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of output.pipeThrough(new TextDecoderStream())) {
    text += part;
    const found = /http:\/\/[\w.:]+:(\d+)/.exec(text);
    if (found !== null) return `http://127.0.0.1:${found[1]}/`;
  }
  throw new Error(`the server said ${text}`);
}

describe("deno serve --parallel", () => {
  const text = "counts every request once, in all threads, and leaves a whole file";
  it(
    text,
    inFolder(async (folder, path) => {
      Deno.writeTextFileSync(`${folder}/server.js`, SERVER);
      const child = new Deno.Command(Deno.execPath(), {
        args: ["serve", "--parallel", "--no-check", "--port", "0", "-A", `${folder}/server.js`],
        env: { HITS: path, DENO_JOBS: "3", NO_COLOR: "1" },
        stdout: "null",
        stderr: "piped",
        signal: AbortSignal.timeout(HANG_MS),
      }).spawn();
      const address = await addressOf(child.stderr);
      const answers = await Promise.all(
        Array.from({ length: REQUESTS }, async () => {
          // Without keep-alive, so that the system chooses a thread for each.
          const response = await fetch(address, { headers: { connection: "close" } });
          return (await response.text()).split(" ");
        }),
      );
      child.kill("SIGKILL");
      await child.status;
      const counts = answers.map(([count]) => Number(count)).sort((a, b) => a - b);
      assertEquals(counts, Array.from({ length: REQUESTS }, (_, i) => i + 1));
      using db = open(path);
      const { all, ...threads } = Object.fromEntries(
        [...db.tree("hits", { value: json.as<number>() }).entries()].map(([key, count]) => {
          return [new TextDecoder().decode(key), count];
        }),
      );
      assertEquals(all, REQUESTS);
      assertEquals(Object.values(threads).reduce((sum, count) => sum + count, 0), REQUESTS);
      assert((await db.verify()).ok);
    }),
  );
});

describe("a program without permission for the sidecar", () => {
  it(
    "gets an error that names it",
    inFolder(async (folder, path) => {
      open(path).close();
      const files = [path, `${path}-lock`, `${path}-here`].join();
      const program = `${folder}/program.ts`;
      Deno.writeTextFileSync(
        program,
        `import { open } from ${JSON.stringify(MOD)};
       open(${JSON.stringify(path)}, { shared: true });`,
      );
      const { success, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-check", `--allow-read=${files}`, `--allow-write=${files}`, program],
        env: { NO_COLOR: "1" },
        signal: AbortSignal.timeout(HANG_MS),
      }).output();
      assertEquals(success, false);
      const text = new TextDecoder().decode(stderr);
      assertMatch(text, /IoError: Cannot open .*hits\.quire-shared: .*--allow-(read|write)/);
      using db = open(path);
      assertEquals(db.trees(), []);
    }),
  );
});
