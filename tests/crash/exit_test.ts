/**
 * A program that ends while a sync runs off the thread, however it ends, leaves a file that opens
 * with every acknowledged commit.
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { openDiskFile } from "../../pager/mod.ts";
import { commitsIn, type Ending } from "./children/kill_child.ts";
import { expectBetween, lifeIn } from "./children/life.ts";
import { quireEngine } from "./support/quire_engine.ts";

const CHILD = fromFileUrl(new URL("./children/kill_child.ts", import.meta.url));
/** How each way to end shows in the status of the process. */
const ENDINGS: readonly [Ending, { code?: number; signal?: Deno.Signal }][] = [
  ["exit", { code: 7 }],
  ["throw", { code: 1 }],
  ["reject", { code: 1 }],
  ["SIGTERM", { signal: "SIGTERM" }],
];

describe("a program that ends with a flight in the air", () => {
  for (const [ending, expected] of ENDINGS) {
    it(`loses no acknowledged commit: ${ending}`, async () => {
      const dir = Deno.makeTempDirSync({ prefix: "quire-exit-" });
      try {
        const path = `${dir}/exit.quire`;
        const { code, signal, stdout } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-check", CHILD, path, "buffered", ending],
          stderr: "null",
        }).output();
        const { acknowledged, attempted, isFlying } = lifeIn(new TextDecoder().decode(stdout));
        assertEquals([code, signal], [expected.code ?? code, expected.signal ?? null]);
        assert(isFlying && attempted! > acknowledged! && acknowledged! > 0);
        const handle = quireEngine.open(openDiskFile(path), {});
        expectBetween(commitsIn(handle), acknowledged!, attempted!, ending);
        handle.close();
      } finally {
        Deno.removeSync(dir, { recursive: true });
      }
    });
  }
});
