/**
 * Acts that change entries: sets, deletes, ranges, rollbacks, streams, loads and drops. Those of
 * the trees of the model note what they change; the others check what they can by themselves.
 */

import type { Act, Crowd } from "./crowd.ts";
import { type KeySet, type Name, NAMES, sameValue } from "./versioned_model.ts";

/** The acts that change entries. */
export const CHANGING: readonly Act[] = [
  { name: "set", weight: 24, run: (crowd) => setSome(crowd, 1) },
  { name: "set many", weight: 10, run: (crowd) => setSome(crowd, crowd.random.below(40)) },
  { name: "sets at once", weight: 3, run: setAtOnce },
  { name: "delete", weight: 10, run: deleteOne },
  { name: "delete a range", weight: 5, run: deleteRange },
  { name: "roll back", weight: 5, run: rollBack },
  { name: "set a stream", weight: 3, isAlone: true, run: setStream },
  { name: "drop", weight: 2, isAlone: true, run: dropTree },
  { name: "load", weight: 2, isAlone: true, run: loadTree },
];

function nameFrom(crowd: Crowd): Name {
  return crowd.random.pick(NAMES);
}

async function setSome(crowd: Crowd, count: number): Promise<void> {
  const name = nameFrom(crowd);
  const sets = Array.from({ length: count }, () => ({
    name,
    key: crowd.key(),
    value: crowd.value(),
  }));
  await crowd.change((tx, changes) => {
    tx.tree(name).setMany(sets.map(({ key, value }) => [key, value] as const));
    changes.push(...sets);
  });
}

async function setAtOnce(crowd: Crowd): Promise<void> {
  const results = await Promise.allSettled(
    Array.from({ length: 200 }, () => setSome(crowd, 1)),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function deleteOne(crowd: Crowd): Promise<void> {
  const name = nameFrom(crowd);
  const keys = [...crowd.model.now[name].keys()];
  await crowd.remove(name, keys.length === 0 ? crowd.key() : crowd.random.pick(keys));
}

async function deleteRange(crowd: Crowd): Promise<void> {
  const name = nameFrom(crowd);
  const gte = crowd.key();
  const lt = `${gte.slice(0, 4)}~`;
  await crowd.change((tx, changes) => {
    const gone = [...crowd.model.now[name].keys()].filter((key) => key >= gte && key < lt);
    const count = tx.tree(name).deleteRange({ gte, lt });
    if (count !== gone.length) crowd.fault(`a range of ${gone.length} had ${count} entries`);
    changes.push(...gone.map((key): KeySet => ({ name, key, value: undefined })));
  });
}

async function rollBack(crowd: Crowd): Promise<void> {
  const refusal = new Error("rolled back on purpose");
  try {
    await crowd.db.write((tx) => {
      const tree = tx.tree(nameFrom(crowd));
      for (let count = 0; count < 20; count++) tree.set(crowd.key(), crowd.value());
      throw refusal;
    });
  } catch (error) {
    if (error !== refusal) throw error;
  }
}

/** The last stream of each crowd, and the two values that its key may have. */
const streamed = new WeakMap<
  Crowd,
  { key: string; whole: readonly (Uint8Array | undefined)[] }
>();

/** Sets a value by a stream whose chunks come in turns. */
async function setStream(crowd: Crowd): Promise<void> {
  const { random } = crowd;
  const key = `s${random.below(5)}`;
  const value = new Uint8Array(random.below(random.once(4) ? 5_000_000 : 300_000)).fill(1);
  const tree = crowd.db.tree("streams");
  streamed.set(crowd, { key, whole: [tree.get(key), value] });
  const slowly = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    async transform(chunk, controller) {
      await pause(random.below(3));
      controller.enqueue(chunk);
    },
  });
  await tree.setStream(key, new Blob([value]).stream().pipeThrough(slowly));
  checkStreamed(crowd);
}

/** Checks that the last stream, which a close may have cut off, left one value or the other. */
export function checkStreamed(crowd: Crowd): void {
  const last = streamed.get(crowd);
  if (last === undefined) return;
  const found = crowd.db.tree("streams").get(last.key);
  if (!last.whole.some((value) => sameValue(value, found))) {
    crowd.fault(`a stream left ${found?.length} bytes`);
  }
}

/** Fills a tree, and removes it or its entries, at once or in slices. */
async function dropTree(crowd: Crowd): Promise<void> {
  const { random } = crowd;
  const entries = Array.from({ length: 200 + random.below(2000) }, (_, index) => {
    return [`d${100_000 + index}`, new Uint8Array(random.below(800))] as const;
  });
  await crowd.db.tree("dropped").setMany(entries);
  if (random.once(2)) await crowd.db.dropTree("dropped");
  else await crowd.db.tree("dropped").clear({ budgetMs: 0.5 });
  const left = crowd.db.tree("dropped").count();
  if (left > 0) crowd.fault(`${left} entries of a tree were left`);
}

async function loadTree(crowd: Crowd): Promise<void> {
  const { random } = crowd;
  await crowd.db.dropTree("loaded");
  const entries = Array.from({ length: random.below(3000) }, (_, index) => {
    return [`${100_000 + (index * 7919) % 4001}`, new Uint8Array(random.below(300))] as const;
  });
  const count = await crowd.db.tree("loaded").load(entries, { unordered: true });
  if (count !== entries.length) crowd.fault(`${count} of ${entries.length} entries were loaded`);
}

/** Waits some milliseconds; 0 is a turn of the event loop. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
