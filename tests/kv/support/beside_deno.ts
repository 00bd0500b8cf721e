/**
 * Compares Quire's KV with Deno's own in one process, which needs `--unstable-kv`:
 *
 * ```text
 * deno run -A --unstable-kv beside_deno.ts corners
 * deno run -A --unstable-kv beside_deno.ts programs OPERATIONS SEED
 * deno run -A --unstable-kv beside_deno.ts served OPERATIONS SEED
 * deno run -A --unstable-kv beside_deno.ts scenarios
 * deno run -A --unstable-kv beside_deno.ts bytes FOLDER
 * deno run -A --unstable-kv beside_deno.ts replaced
 * ```
 *
 * At the first difference it prints a report and exits with code 1; otherwise it prints one line.
 */

import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { serveKv } from "../../../kv/connect/mod.ts";
import { encodeKey } from "../../../kv/format/key.ts";
import { openKv } from "../../../kv/mod.ts";
import { decodeValue, encodeValue } from "../../../kv/value/value.ts";
import { open } from "../../../mod.ts";
import { CORNERS } from "./corners.ts";
import { CORNERS_OF_TYPES } from "./corners_of_types.ts";
import { programOf, type Step } from "./random_programs.ts";
import { SCENARIOS } from "./scenarios.ts";
import { ServedSide, Side } from "./side.ts";
import { STORED, storedHosts, textOfHost } from "./stored_entries.ts";

const PROGRAM_STEPS = 50;
/** Programs of one seed. */
const PROGRAMS = 10;

/** The two sides, with new databases in memory. */
async function bothSides(): Promise<[deno: Side, quire: Side]> {
  const quire = await openKv(":memory:", { limits: "deno" });
  return [new Side(await Deno.openKv(":memory:")), new Side(quire)];
}

function refuseDifference(what: string, deno: string, quire: string): void {
  if (deno === quire) return;
  throw new Error(`Different: ${what}\n  Deno:  ${deno}\n  Quire: ${quire}`);
}

async function compareCorners(): Promise<string> {
  for (const corners of [CORNERS, CORNERS_OF_TYPES]) {
    const [deno, quire] = await bothSides();
    for (const [name, call] of corners) {
      refuseDifference(name, await deno.run(call), await quire.run(call));
    }
  }
  return `${CORNERS.length + CORNERS_OF_TYPES.length} corners`;
}

/** The sides of a program, and what ends them. */
type Setting = () => Promise<{ deno: Side; quire: Side; end: () => Promise<void> }>;

/** Quire's side is a handle in this process. */
const inProcess: Setting = async () => {
  const [deno, quire] = await bothSides();
  return { deno, quire, end: () => Promise.resolve(quire.kv.close()) };
};

/** Quire's side is a server, to which Deno's client speaks. */
const served: Setting = async () => {
  const db = open(":memory:");
  const server = serveKv(db, { token: Deno.env.get("DENO_KV_ACCESS_TOKEN")! });
  const kv = await Deno.openKv(server.url);
  const end = async () => {
    kv.close();
    await server.close();
    db.close();
  };
  return { deno: new Side(await Deno.openKv(":memory:")), quire: new ServedSide(kv), end };
};

/** Runs a program on both sides. Returns the number of operations. */
async function compareProgram(steps: readonly Step[], setting: Setting): Promise<number> {
  const { deno, quire, end } = await setting();
  try {
    for (const step of steps) {
      const run = (side: Side) => step.run(side);
      refuseDifference(step.text, await deno.run(run), await quire.run(run));
    }
    const everything = ({ kv }: Side) => Array.fromAsync(kv.list({ prefix: [] }));
    refuseDifference("the end", await deno.run(everything), await quire.run(everything));
  } finally {
    deno.kv.close();
    await end();
  }
  return steps.length;
}

async function comparePrograms(
  operations: number,
  seed: number,
  setting: Setting,
): Promise<string> {
  let count = 0;
  let programs = 0;
  for (let batch = 0; count < operations; batch++) {
    const property = fc.asyncProperty(programOf(PROGRAM_STEPS), async (steps) => {
      count += await compareProgram(steps, setting);
      programs++;
    });
    const details = await fc.check(property, { seed: seed + batch, numRuns: PROGRAMS });
    if (details.failed) throw failureOf(details);
  }
  return `${count} operations in ${programs} programs, seed ${seed}`;
}

/** The error of a failed program, with its shortest form. */
function failureOf(details: fc.RunDetails<[Step[]]>): Error {
  const { seed, counterexample, errorInstance } = details;
  const program = counterexample![0].map(({ text }) => `  ${text}`);
  const lines = [`Seed ${seed} fails; the shortest program is`, ...program];
  return new Error([...lines, (errorInstance as Error).message].join("\n"));
}

async function compareScenarios(): Promise<string> {
  await Promise.all(SCENARIOS.map(async (scenario) => {
    const [deno, quire] = await bothSides();
    const [ofDeno, ofQuire] = await Promise.all([deno.run(scenario), quire.run(scenario)]);
    refuseDifference(scenario.name, ofDeno, ofQuire);
    deno.kv[Symbol.dispose]();
    quire.kv[Symbol.dispose]();
  }));
  return `${SCENARIOS.length} scenarios`;
}

/** Compares a server that `Deno.openKv` reaches with the same one where Quire replaces it. */
async function compareReplaced(): Promise<string> {
  using db = open(":memory:");
  await using server = serveKv(db, { token: Deno.env.get("DENO_KV_ACCESS_TOKEN")! });
  const read = async () => {
    using kv = await Deno.openKv(server.url);
    return Deno.inspect([kv.constructor.name, await kv.get(["a"])]);
  };
  const native = await read();
  Object.defineProperty(Deno, "openKv", { value: openKv });
  refuseDifference("a server", native, await read());
  return "a server";
}

/** Compares what Deno writes into its file with the bytes that Quire makes. */
async function compareBytes(dir: string): Promise<string> {
  const path = `${dir}/deno.sqlite`;
  const kv = await Deno.openKv(path);
  for (const [key, value] of STORED) await kv.set(key, value);
  kv.close();
  const file = new DatabaseSync(path, { readOnly: true });
  const rows = new Map(
    file.prepare("select k, v, v_encoding from kv").all().map(({ k, v, v_encoding }) => {
      const hexOf = (bytes: unknown) => (bytes as Uint8Array).toHex();
      return [hexOf(k), `${v_encoding} ${hexOf(v)}`];
    }),
  );
  file.close();
  for (const [key, value] of STORED) {
    const { encoding, data } = encodeValue(value);
    const stored = rows.get(encodeKey(key).toHex()) ?? "no such key";
    refuseDifference(Deno.inspect([key, value]), stored, `${encoding} ${data.toHex()}`);
  }
  return `${STORED.length} entries, ${await compareHosts(path)} host objects`;
}

/** Compares host objects that one side has written and the other reads. */
async function compareHosts(path: string): Promise<number> {
  const hosts = await storedHosts();
  const first = await Deno.openKv(path);
  for (const [i, host] of hosts.entries()) await first.set(["host", i], host);
  first.close();
  const file = new DatabaseSync(path);
  for (const [i, host] of hosts.entries()) {
    const key = encodeKey(["host", i]);
    const { v } = file.prepare("select v from kv where k = ?").get(key) as { v: Uint8Array };
    refuseDifference("read of Deno", textOfHost(host), textOfHost(decodeValue(1, v)));
    file.prepare("update kv set v = ? where k = ?").run(encodeValue(host).data, key);
  }
  file.close();
  const second = await Deno.openKv(path);
  for (const [i, host] of hosts.entries()) {
    const { value } = await second.get(["host", i]);
    refuseDifference("read by Deno", textOfHost(value), textOfHost(host));
  }
  second.close();
  return hosts.length;
}

const [mode, ...args] = Deno.args;
try {
  if (mode === "corners") console.log(await compareCorners());
  else if (mode === "bytes") console.log(await compareBytes(args[0]!));
  else if (mode === "replaced") console.log(await compareReplaced());
  else if (mode === "scenarios") console.log(await compareScenarios());
  else {
    const setting = mode === "served" ? served : inProcess;
    console.log(await comparePrograms(Number(args[0]), Number(args[1]), setting));
  }
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
// The client of a server keeps looking for it.
Deno.exit();
