/**
 * Damage in the journal of a file that was not closed: rotten batches, and batches of another
 * history of the same file.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError } from "../../pager/mod.ts";
import type { Blocks } from "../support/files/blocks.ts";
import { type Operation, PowerFile } from "../support/files/power_file.ts";
import { type Change, type Durability, sameState, type State } from "./support/engine.ts";
import { quireEngine } from "./support/quire_engine.ts";
import { set } from "./support/workloads.ts";

const HEADER_BYTES = 128;
const SHORTEST_PAYLOAD = 48;

/** A session that was not closed. */
interface Session {
  readonly file: PowerFile;
  /** The bytes that each commit wrote to the journal. */
  readonly batches: readonly Operation[];
  /** The states after each commit. */
  readonly states: readonly State[];
  readonly version: number;
}

/** A closed file, for sessions with the same beginning. */
function closedFile(): Blocks {
  const file = new PowerFile();
  const handle = quireEngine.open(file, {});
  handle.write([set("main", "a", 0), set("main", "b", 0)], "sync");
  handle.close();
  return file.snapshot();
}

function session(
  start: Blocks,
  commits: readonly (readonly Change[])[],
  durability: Durability = "sync",
): Session {
  const file = new PowerFile(start);
  const handle = quireEngine.open(file, {});
  const states: State[] = [];
  for (const changes of commits) {
    handle.write(changes, durability);
    states.push(handle.state());
  }
  const batches = file.operations.filter(({ kind }) => kind === "through");
  return { file, batches, states, version: handle.version };
}

/** The state in which bytes open, and the next version. */
function opened(content: Blocks): { state: State; version: number } {
  const handle = quireEngine.open(new PowerFile(content), {});
  const state = handle.state();
  handle.check();
  handle.write([set("main", "probe", 9)], "sync");
  const { version } = handle;
  handle.close();
  return { state, version };
}

function flip(content: Blocks, position: number, bit: number): Blocks {
  const flipped = content.fork();
  const byte = new Uint8Array(1);
  flipped.read(byte, 0, 1, position);
  byte[0]! ^= 1 << bit;
  flipped.write(byte, 0, 1, position);
  return flipped;
}

describe("the journal of a file that was not closed", () => {
  const start = closedFile();
  const commits = [1, 2, 3].map((i) => [set("main", "a", i, 20 + i), set("main", "b", i)]);
  const { file, batches, states } = session(start, commits);
  const content = file.snapshot();

  it("restores every commit", () => {
    assertEquals(batches.length, commits.length);
    assert(sameState(opened(content).state, states[2]!));
  });

  it("is refused if a batch before a later one is rotten", () => {
    for (let at = 0; at < HEADER_BYTES + SHORTEST_PAYLOAD; at++) {
      const rotten = flip(content, batches[1]!.position + at, at % 8);
      assertThrows(() => opened(rotten), CorruptionError, "is not whole any more");
    }
  });

  it("ends before its last batch if that one is rotten", () => {
    for (let at = 0; at < HEADER_BYTES + SHORTEST_PAYLOAD; at++) {
      const rotten = flip(content, batches[2]!.position + at, at % 8);
      assert(sameState(opened(rotten).state, states[1]!), `byte ${at}`);
    }
  });

  it("does not continue with a batch of another history", () => {
    const other = session(start, [
      commits[0]!,
      [set("main", "c", 5, 22), set("main", "b", 5)],
      [set("main", "c", 6, 22)],
    ]);
    const mixed = session(start, commits.slice(0, 2)).file.snapshot();
    const { bytes, position } = other.batches[2]!;
    assertEquals(position, batches[2]!.position);
    mixed.write(bytes, 0, bytes.length, position);
    assert(sameState(opened(mixed).state, states[1]!));
  });

  it("never gives a version to two histories", () => {
    const lost = session(start, commits, "none");
    assertEquals(lost.batches.length, 0);
    const { state, version } = opened(lost.file.snapshot());
    assert(!sameState(state, lost.states[2]!));
    assert(version > lost.version, `version ${version} was seen, up to ${lost.version}`);
  });
});
