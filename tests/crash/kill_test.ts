/**
 * `kill -9`: a process killed at any moment leaves a file that opens with every acknowledged
 * commit, and with none that was not attempted.
 *
 * QUIRE_KILLS=N kills N processes in turn, on the same file; QUIRE_SEED=N chooses the moments.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { type Io, openDiskFile } from "../../pager/mod.ts";
import { commitsIn } from "./support/kill_child.ts";
import { expectBetween, type Life, lifeIn } from "./support/life.ts";
import { quireEngine } from "./support/quire_engine.ts";
import { HANG_MS } from "../support/hang.ts";
import { Random } from "../support/random.ts";

const KILLS = Number(Deno.env.get("QUIRE_KILLS") ?? 30);
const DELAY_MS_MAX = 30;
const DOORS: readonly Io[] = Deno.build.os === "linux"
  ? ["buffered", "direct", "map"]
  : ["buffered"];
const CHILD = fromFileUrl(new URL("./support/kill_child.ts", import.meta.url));

describe("kill -9", () => {
  it("loses no acknowledged commit, any number of times on the same file", async () => {
    const dir = Deno.makeTempDirSync({ prefix: "quire-kill-" });
    try {
      const path = `${dir}/kill.quire`;
      const random = new Random(Number(Deno.env.get("QUIRE_SEED") ?? 1));
      let acknowledged = 0;
      let attempted = 0;
      let opened = 0;
      let flying = 0;
      for (let i = 0; i < KILLS; i++) {
        const life = await liveAndDie(path, random.below(DELAY_MS_MAX + 1), i);
        if (life.opened !== undefined) {
          expectBetween(life.opened, acknowledged, attempted, `process ${i}`);
          opened++;
          if (life.isFlying) flying++;
          acknowledged = attempted = life.opened;
        }
        attempted = life.attempted ?? attempted;
        acknowledged = life.acknowledged ?? acknowledged;
      }
      const handle = quireEngine.open(openDiskFile(path), {});
      expectBetween(commitsIn(handle), acknowledged, attempted, "the end");
      handle.close();
      const counts = `${opened} had opened, ${flying} with a flight in the air`;
      console.log(`kill -9: ${KILLS} processes, ${counts}, ${attempted} commits`);
      assertGreater(opened, KILLS / 4);
      assertGreater(flying, opened / 2);
      assertGreater(attempted, KILLS);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });
});

/** Starts a process, and kills it some time after it begins to open the file, or has committed. */
async function liveAndDie(path: string, delayMs: number, index: number): Promise<Life> {
  const fromStart = index % 2 === 0;
  // Processes that open the file by different doors follow each other.
  const io = DOORS[(index >>> 1) % DOORS.length]!;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CHILD, path, io],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let isDue = false;
  const kill = () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => child.kill("SIGKILL"), delayMs);
  };
  const timer = setTimeout(kill, HANG_MS);
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (fromStart ? text.length > 0 : text.includes("a ")) kill();
  }
  clearTimeout(timer);
  const { signal } = await child.status;
  assertEquals(signal, "SIGKILL");
  return lifeIn(text);
}
