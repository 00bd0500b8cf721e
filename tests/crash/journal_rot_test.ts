/**
 * Rot in the journal of a file that was not closed: one bit changes, whatever else is on the
 * medium. The file is refused, or shows one committed state, never a mixture of two.
 *
 * QUIRE_ROT=N visits every operation of each workload instead of some, with N bits at each.
 * QUIRE_SEED=N makes other choices.
 */

import { assert, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError } from "../../pager/mod.ts";
import type { Blocks } from "../support/files/blocks.ts";
import { type Operation, PowerFile, PowerWalk } from "../support/files/power_file.ts";
import { Random } from "../support/random.ts";
import { type Allowed, record } from "./support/crash_recorder.ts";
import { type EngineOptions, sameState } from "./support/engine.ts";
import { quireEngine } from "./support/quire_engine.ts";
import { WORKLOADS } from "./support/workloads.ts";

const ROT = Number(Deno.env.get("QUIRE_ROT") ?? 0);
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? 1);
const MOMENTS = 60;
const MAGIC = [0x51, 0x42, 0x41, 0x54];
/** Most bits are chosen in this part of a batch: its header and first records. */
const HEAD_BYTES = 256;

/** The outcomes of files with rot. */
interface Found {
  whole: number;
  refused: number;
}

describe("rot in the last batches of a journal", () => {
  const names = [
    "slices",
    "farApart",
    "bypass",
    "renewed",
    "shrink",
    "journalTurns",
    "eviction",
    "flightCheckpoints",
    "flightStages",
    "flightsApart",
  ];
  for (const name of names) {
    it(`never shows a mixture of two states: ${name}`, () => {
      const { make } = WORKLOADS[name]!;
      const { options = {}, ...steps } = make(SEED, {});
      const { whole, refused } = sweep({ options, ...steps });
      console.log(`rot in journals, ${name}: ${whole} files in one state, ${refused} refused`);
      assertGreater(whole, 0);
      assertGreater(refused, 0);
    });
  }
});

/** Damages batches during a workload, with pending operations kept or lost. */
function sweep(workload: ReturnType<(typeof WORKLOADS)[string]["make"]>): Found {
  const recording = record(quireEngine, workload, new PowerFile());
  const { operations, first, marks, last, start } = recording;
  const walk = new PowerWalk(start);
  const random = new Random(SEED);
  const every = ROT > 0 ? 1 : Math.max(1, Math.floor((operations.length - first) / MOMENTS));
  const found: Found = { whole: 0, refused: 0 };
  const batches: Operation[] = [];
  operations.forEach((operation, i) => {
    walk.issue(operation);
    walk.complete(operation);
    if (isBatch(operation)) batches.push(operation);
    if (i < first || i % every !== 0) return;
    const allowed = marks[i + 1] ?? last;
    for (const batch of batches.slice(-2)) {
      for (let turn = 0; turn < Math.max(1, ROT); turn++) {
        const content = imageOf(walk, random);
        flip(content, batch, random);
        found[opened(content, workload.options ?? {}, allowed)]++;
      }
    }
  });
  return found;
}

function isBatch({ isWrite, bytes }: Operation): boolean {
  return isWrite && MAGIC.every((byte, i) => bytes[i] === byte);
}

/** The bytes on the medium, with some of the pending operations. */
function imageOf(walk: PowerWalk, random: Random): Blocks {
  const content = walk.base.fork();
  const share = random.pick([1, 2, 2]);
  for (const { operation, forced } of walk.pending) {
    if (forced || random.once(share)) operation.applyTo(content);
  }
  return content;
}

function flip(content: Blocks, { position, bytes }: Operation, random: Random): void {
  const at = position + random.below(random.once(4) ? bytes.length : HEAD_BYTES);
  const byte = new Uint8Array(1);
  content.read(byte, 0, 1, at);
  byte[0]! ^= 1 << random.below(8);
  content.write(byte, 0, 1, at);
}

/** Opens a damaged file, and reads all of it. */
function opened(content: Blocks, options: EngineOptions, { states }: Allowed): keyof Found {
  try {
    const handle = quireEngine.open(new PowerFile(content, false), options);
    const state = handle.state();
    assert(states.some((known) => sameState(state, known)), "parts of two states");
    handle.check();
    handle.close();
    return "whole";
  } catch (error) {
    if (error instanceof CorruptionError) return "refused";
    throw error;
  }
}
