/**
 * Acts that keep and copy a database: backups, increments, lists of changes, compaction,
 * verification, checkpoints, counts, and the file as a kill would leave it. Each copy is held
 * against the model of its version.
 */

import { open, restore, verify } from "../../../mod.ts";
import type { Act, Crowd } from "./crowd.ts";
import { differenceOf, NAMES, sameValue, type State, textOf } from "./versioned_model.ts";

const TOO_OLD = ["SnapshotTooOldError"];
const CHAIN_MAX = 4;

/** The acts that keep and copy. */
export const KEEPING: readonly Act[] = [
  { name: "back up", weight: 5, errors: TOO_OLD, run: backUp },
  { name: "increment", weight: 4, isAlone: true, errors: TOO_OLD, run: addIncrement },
  { name: "changes", weight: 6, isAlone: true, errors: TOO_OLD, run: listChanges },
  { name: "compact", weight: 2, isAlone: true, errors: ["AbortError"], run: compact },
  { name: "verify", weight: 2, errors: TOO_OLD, run: verifyOpen },
  { name: "checkpoint", weight: 2, run: checkpoint },
  { name: "count", weight: 2, run: count },
  { name: "kill", weight: 3, run: recoverCopy },
];

/** A base with its increments. */
interface Chain {
  readonly paths: string[];
  readonly base: number;
  version: number;
}

const chains = new WeakMap<Crowd, Chain>();

function expectFile(crowd: Crowd, what: string, path: string, version: number): void {
  using db = open(path, { readOnly: true });
  const difference = differenceOf(db, crowd.model.at(version));
  if (difference !== undefined) crowd.fault(`${what}: ${difference}`);
}

async function backUp(crowd: Crowd): Promise<void> {
  const { random } = crowd;
  const path = crowd.newPath();
  const compact = random.once(3);
  const { version } = await crowd.db.backup(path, { compact });
  expectFile(crowd, `a backup, compact: ${compact}`, path, version);
  if (random.once(4)) {
    const { ok, findings } = await verify(path);
    if (!ok) crowd.fault(`a backup has ${JSON.stringify(findings[0])}`);
  }
  Deno.removeSync(path);
}

/** Begins a chain, or adds an increment to it and restores it. */
async function addIncrement(crowd: Crowd): Promise<void> {
  const chain = chains.get(crowd);
  const path = crowd.newPath();
  if (chain === undefined || chain.paths.length > CHAIN_MAX) {
    const { version } = await crowd.db.backup(path);
    chain?.paths.forEach((old) => Deno.removeSync(old));
    chains.set(crowd, { paths: [path], base: version, version });
    return;
  }
  const { version } = await crowd.db.backup(path, { since: chain.version });
  chain.paths.push(path);
  chain.version = version;
  const restored = crowd.newPath();
  const [base, ...increments] = chain.paths;
  await restore(restored, base!, ...increments);
  expectFile(crowd, "a restored chain", restored, version);
  Deno.removeSync(restored);
}

/** Lists what changed between the base of the chain and the last commit. */
async function listChanges(crowd: Crowd): Promise<void> {
  const chain = chains.get(crowd);
  if (chain === undefined) return;
  const copy = crowd.newPath();
  Deno.linkSync(chain.paths[0]!, copy);
  const { version } = crowd.db;
  const listed = new Map<string, Uint8Array | undefined>();
  for await (const { tree, key, value } of crowd.db.changes({ since: copy })) {
    if (NAMES.some((name) => name === tree)) listed.set(`${tree} ${textOf(key)}`, value);
  }
  Deno.removeSync(copy);
  const [older, newer] = [crowd.model.at(chain.base), crowd.model.at(version)];
  const expected = changesOf(older, newer);
  const isSame = listed.size === expected.size &&
    [...expected].every(([id, value]) => listed.has(id) && sameValue(listed.get(id), value));
  if (!isSame) crowd.fault(`${listed.size} changes, not ${expected.size}, or others`);
}

function changesOf(older: State, newer: State): Map<string, Uint8Array | undefined> {
  const changes = new Map<string, Uint8Array | undefined>();
  for (const name of NAMES) {
    for (const key of new Set([...older[name].keys(), ...newer[name].keys()])) {
      const value = newer[name].get(key);
      if (!sameValue(older[name].get(key), value)) changes.set(`${name} ${key}`, value);
    }
  }
  return changes;
}

async function compact(crowd: Crowd): Promise<void> {
  const { random } = crowd;
  const abort = new AbortController();
  const timer = random.once(3) ? setTimeout(() => abort.abort(), random.below(30)) : undefined;
  try {
    await crowd.db.compact({ budgetMs: random.pick([0.2, 1, 5]), signal: abort.signal });
  } finally {
    clearTimeout(timer);
  }
}

async function verifyOpen(crowd: Crowd): Promise<void> {
  const { ok, findings } = await crowd.db.verify();
  if (!ok) crowd.fault(`verify finds ${JSON.stringify(findings[0])}`);
}

function checkpoint(crowd: Crowd): Promise<void> {
  crowd.db.checkpoint();
  return Promise.resolve();
}

function count(crowd: Crowd): Promise<void> {
  const { pages } = crowd.db.census();
  if (pages !== crowd.db.stats().pageCount) crowd.fault(`a census of ${pages} pages`);
  return Promise.resolve();
}

/** Recovers a copy of the file as it is: what a process leaves that is killed now. */
async function recoverCopy(crowd: Crowd): Promise<void> {
  const path = crowd.newPath();
  const { durableVersion } = crowd.db;
  Deno.copyFileSync(crowd.path, path);
  const { ok, findings, recovery } = await verify(path);
  if (!ok) crowd.fault(`a file that was not closed has ${JSON.stringify(findings[0])}`);
  {
    using db = open(path);
    const version = recovery?.version ?? db.version;
    if (version < durableVersion) crowd.fault(`version ${version} of ${durableVersion} recovered`);
    const difference = differenceOf(db, crowd.model.at(version));
    if (difference !== undefined) crowd.fault(`a file that was not closed: ${difference}`);
  }
  Deno.removeSync(path);
}
