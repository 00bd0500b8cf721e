/**
 * One step of `scale.ts` in a process of its own: prints a line of JSON.
 *
 * `trial NAME ENGINE FOLDER SIZE` runs a trial and closes the database. `kill NAME ENGINE FOLDER
 * SIZE` runs it and then kills itself, so that nothing is closed. `open ENGINE FOLDER SIZE` opens
 * the database that is there, and prints what that took.
 */

import { loadEngines } from "../engines/all_engines.ts";
import type { Engine } from "../engines/engine.ts";
import { bytesOnDisk, bytesRead, peakMemory } from "../measure/machine.ts";
import type { TrialSize } from "./trial.ts";
import { runTrial } from "./trials.ts";

const LMDB_PAGE_BYTES = 8192;
const KEY = new Uint8Array(16);

const [step, ...args] = Deno.args as [string, ...string[]];
const [name, folder, sizeText] = args.slice(-3) as [string, string, string];
const size: TrialSize = JSON.parse(sizeText);
const { present, absent } = await loadEngines([name], LMDB_PAGE_BYTES);

if (absent.length > 0) console.log(JSON.stringify({ absent: absent[0]![1] }));
else if (step === "open") console.log(JSON.stringify(await openAgain(present[0]!)));
else {
  const closes = step === "trial";
  console.log(JSON.stringify(await runTrial(args[0]!, present[0]!, folder, size, closes)));
  if (!closes) Deno.kill(Deno.pid, "SIGKILL");
}

/** What opening takes until the first get is answered. */
async function openAgain(engine: Engine) {
  const fileBytes = bytesOnDisk(folder);
  const before = bytesRead();
  const begin = performance.now();
  const store = await engine.open(`${folder}/db`, { cacheBytes: size.cacheBytes });
  await store.get(KEY);
  const openMs = performance.now() - begin;
  const after = bytesRead();
  const readBytes = before === undefined || after === undefined ? undefined : after - before;
  const peakBytes = peakMemory();
  await store.close();
  return { fileBytes, openMs, readBytes, peakBytes, closedBytes: bytesOnDisk(folder) };
}
