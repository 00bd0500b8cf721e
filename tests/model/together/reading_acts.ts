/**
 * Acts that read: snapshots and iterators that last, watchers, followers, ranges, and reads of the
 * last version. Each is held against the model of its version.
 */

import { type KeyRange, open } from "../../../mod.ts";
import { pause } from "./changing_acts.ts";
import type { Act, Crowd } from "./crowd.ts";
import { differenceOf, NAMES, sameValue, textOf } from "./versioned_model.ts";

const TOO_OLD = ["SnapshotTooOldError"];
const FOLLOWER_CACHE_BYTES = 8 * 1024 * 1024;

/** The acts that read. */
export const READING: readonly Act[] = [
  { name: "read", weight: 8, run: read },
  { name: "snapshot", weight: 5, errors: TOO_OLD, run: readSnapshot },
  { name: "iterate", weight: 4, errors: TOO_OLD, run: iterate },
  { name: "watch", weight: 3, run: watch },
  { name: "follow", weight: 2, errors: TOO_OLD, run: follow },
  { name: "prefetch", weight: 2, run: prefetch },
];

function expectShown(
  crowd: Crowd,
  what: string,
  ...[shown, state]: Parameters<typeof differenceOf>
): void {
  const difference = differenceOf(shown, state);
  if (difference !== undefined) crowd.fault(`${what}: ${difference}`);
}

/** Reads a key, and a range of the last version. */
function read(crowd: Crowd): Promise<void> {
  const { random, db, model } = crowd;
  const name = random.pick(NAMES);
  const key = crowd.key();
  const tree = db.tree(name);
  if (!sameValue(tree.get(key), model.now[name].get(key))) crowd.fault(`${key} has another value`);
  const [reverse, limit] = [random.once(2), random.below(30)];
  const range = reverse ? { lte: key } : { gte: key };
  const keys = [...model.now[name].keys()].sort();
  const expected = reverse
    ? keys.filter((other) => other <= key).reverse()
    : keys.filter((other) => other >= key);
  const found = [...tree.keys({ ...range, reverse, limit })].map(textOf);
  if (found.join() !== expected.slice(0, limit).join()) crowd.fault(`a range from ${key} differs`);
  return Promise.resolve();
}

async function readSnapshot(crowd: Crowd): Promise<void> {
  const { random } = crowd;
  using snapshot = crowd.db.snapshot();
  const state = crowd.model.copy();
  for (let rest = 3; rest > 0; rest--) {
    await pause(random.below(40));
    expectShown(crowd, "a snapshot", snapshot, state);
  }
}

async function iterate(crowd: Crowd): Promise<void> {
  const { random } = crowd;
  const { a } = crowd.model.copy();
  const keys = [...a.keys()].sort();
  let index = 0;
  for (const [key, value] of crowd.db.tree("a").entries()) {
    const is = textOf(key);
    if (is !== keys[index] || !sameValue(value, a.get(is))) {
      return crowd.fault(`an iterator differs at entry ${index}`);
    }
    index++;
    if (random.once(30)) await pause(random.below(4));
  }
  if (index !== keys.length) crowd.fault(`an iterator ended at ${index} of ${keys.length}`);
}

/** Watches a tree, and applies what it hears to a copy. */
async function watch(crowd: Crowd): Promise<void> {
  const seen = crowd.model.copy().a;
  const watcher = crowd.db.tree("a").watch();
  const timer = setTimeout(() => void watcher.return(), crowd.random.below(100));
  try {
    for await (const { version, changes } of watcher) {
      for (const change of changes) {
        if (change.type === "set") seen.set(textOf(change.key), change.value);
        else if (change.type === "delete") seen.delete(textOf(change.key));
        else if (change.type === "deleteRange") removeFrom(seen, change.range);
      }
      const { a } = crowd.model.at(version);
      const isSame = a.size === seen.size && [...a].every(([k, v]) => sameValue(v, seen.get(k)));
      if (!isSame) return crowd.fault(`a watcher is wrong at version ${version}`);
    }
  } finally {
    clearTimeout(timer);
  }
}

function removeFrom(
  seen: Map<string, Uint8Array>,
  { gte, lt }: KeyRange<Uint8Array | string, unknown>,
): void {
  const text = (bound: unknown) => bound instanceof Uint8Array ? textOf(bound) : String(bound);
  for (const key of [...seen.keys()]) {
    if (key >= text(gte) && key < text(lt)) seen.delete(key);
  }
}

/** Follows the file by a handle of its own. */
async function follow(crowd: Crowd): Promise<void> {
  using follower = open(crowd.path, { follow: true, cacheBytes: FOLLOWER_CACHE_BYTES });
  for (let rest = 3; rest > 0; rest--) {
    await pause(crowd.random.below(30));
    expectShown(crowd, "a follower", follower, crowd.model.at(follower.version));
  }
}

async function prefetch(crowd: Crowd): Promise<void> {
  await crowd.db.tree(crowd.random.pick(NAMES)).prefetch({ gte: crowd.key() });
}
