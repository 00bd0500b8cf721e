/**
 * `kill -9`: a process killed at any moment leaves a file that opens with every acknowledged
 * commit, and with none that was not attempted.
 *
 * QUIRE_KILLS=N kills N processes in turn, on the same file; QUIRE_SEED=N chooses the moments.
 */

import { assertEquals, assertGreater, assertGreaterOrEqual } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { type Io, openDiskFile } from "../../pager/mod.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { killIfThere } from "../support/programs/program.ts";
import { Random } from "../support/random.ts";
import { commitsIn } from "./children/kill_child.ts";
import { expectBetween, type Life, lifeIn } from "./children/life.ts";
import { quireEngine } from "./support/quire_engine.ts";

const KILLS = Number(Deno.env.get("QUIRE_KILLS") ?? 24);
const DELAY_MS_MAX = 30;
/**
 * What a process has done when it is killed, after a random time: it has begun to open the file, or
 * has committed; or it waits with a flight in the air, which chance alone may not hit.
 */
const MOMENTS = ["s", "a", "w", "a"] as const;
const DOORS: readonly Io[] = Deno.build.os === "linux"
  ? ["buffered", "direct", "map"]
  : ["buffered"];
const CHILD = fromFileUrl(new URL("./children/kill_child.ts", import.meta.url));

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
      const least = { opened: 0, flying: 0 };
      for (let i = 0; i < KILLS; i++) {
        const moment = MOMENTS[i % MOMENTS.length]!;
        // Processes that open the file by different doors follow each other.
        const io = DOORS[Math.floor(i / MOMENTS.length) % DOORS.length]!;
        const life = await liveAndDie(path, io, moment, random.below(DELAY_MS_MAX + 1));
        if (moment !== "s") least.opened++;
        if (moment === "w") least.flying++;
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
      assertGreaterOrEqual(opened, least.opened);
      assertGreaterOrEqual(flying, least.flying);
      assertGreater(attempted, KILLS);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });
});

/** Starts a process, and kills it some time after a moment of its life. */
async function liveAndDie(
  path: string,
  io: Io,
  moment: typeof MOMENTS[number],
  delayMs: number,
): Promise<Life> {
  const ending = moment === "w" ? ["wait"] : [];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CHILD, path, io, ...ending],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let isDue = false;
  const kill = () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => killIfThere(child), delayMs);
  };
  const timer = setTimeout(kill, HANG_MS);
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes(moment)) kill();
  }
  clearTimeout(timer);
  const { signal } = await child.status;
  assertEquals(signal, "SIGKILL");
  return lifeIn(text);
}
