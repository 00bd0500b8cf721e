// Backups and increments: what a copy shows while transactions change, release and reuse every kind
// of page, at about a hundred versions. QUIRE_SEED=N runs only that seed, and QUIRE_BACKUP=N takes
// N versions.

import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  CopiedFile,
  type CopyReader,
  Disk,
  IncrementApply,
  IncrementReader,
  IncrementWriter,
  MemoryFile,
  type PagerOptions,
} from "../../pager/mod.ts";
import { type ChunkTarget, copyChunks } from "../../store/backup/copy_loop.ts";
import {
  assertContent,
  bytesOf,
  type Content,
  contentOf,
  openBoth,
  type Opened,
  openOn,
} from "../support/databases/database.ts";
import { Random } from "../support/random.ts";

const MIB = 1024 * 1024;
const OPTIONS: PagerOptions = { cacheBytes: 8 * MIB, journalBytes: 2 * MIB };
const SEEDS = Deno.env.has("QUIRE_SEED") ? [Number(Deno.env.get("QUIRE_SEED"))] : [1, 2];
const ROUNDS = Number(Deno.env.get("QUIRE_BACKUP") ?? 60);
const KEYS = 300;
const LARGE_VALUES = 4;
/** One version in this many is copied whole, the others by increments. */
const BASE_EVERY = 5;
const WHOLE = -1;

/** Changes a database at random, in one transaction of up to `most` changes. */
function churn({ db }: Opened, random: Random, most: number): void {
  db.writeSync((tx) => {
    for (let left = random.below(most) + 1; left > 0; left--) {
      const tree = tx.tree(`tree ${random.below(3)}`);
      const key = `key ${random.below(KEYS)}`;
      const action = random.below(30);
      if (action < 20) tree.set(key, bytesOf(left, random.below(600)));
      else if (action < 28) tree.delete(key);
      else if (action === 28) tree.set(key, bytesOf(left, random.below(100_000)));
      else tree.deleteRange({ gte: key, lt: `${key}~` });
    }
  });
  if (random.once(30)) db.dropTree(`tree ${random.below(3)}`);
  if (random.once(10)) db.checkpoint();
}

/** Copies chunk by chunk; `meanwhile` runs before each. Returns the number of early pages. */
async function copy(
  reader: CopyReader,
  target: ChunkTarget,
  since: number,
  meanwhile: () => void,
): Promise<number> {
  let early = 0;
  const counting: ChunkTarget = {
    writeChunk: (chunk) => {
      early += chunk.early.reduce((sum, one) => sum + one, 0);
      return target.writeChunk(chunk);
    },
  };
  const inTurn = <T>(read: () => T): T => {
    meanwhile();
    return read();
  };
  const source = { since, checkOpen: () => {}, versionNow: () => 0, inTurn };
  await copyChunks({ reader, target: counting, ...source }, {});
  reader.close();
  return early;
}

/** A copy in memory that follows a database by increments. */
class Follower {
  early = 0;
  #file = new MemoryFile();
  #version = WHOLE;

  /** Takes the next copy: a whole one, or an increment that is applied to the one before. */
  async follow({ session }: Opened, isWhole: boolean, meanwhile: () => void): Promise<MemoryFile> {
    const { copies } = session.pager;
    if (isWhole || this.#version === WHOLE) {
      this.#file = new MemoryFile();
      const target = new CopiedFile(new Disk(this.#file));
      const reader = copies.begin((...page) => target.takeEarly(...page));
      this.early += await copy(reader, target, WHOLE, meanwhile);
      return await this.#complete(reader);
    }
    const increment = new MemoryFile();
    const writer = new IncrementWriter(this.#version, (bytes) => {
      increment.writeAt(bytes, 0, bytes.length, increment.size());
    });
    const reader = copies.begin((...page) => writer.takeEarly(...page));
    writer.begin(reader);
    this.early += await copy(reader, writer, this.#version, meanwhile);
    writer.end(reader);
    const records = new IncrementReader(new Disk(increment));
    const steps = new IncrementApply(new Disk(this.#file), records).run();
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    assert(step.value, "the increment leads to its state");
    return await this.#complete(reader);
  }

  async #complete({ superblock, meta }: CopyReader): Promise<MemoryFile> {
    this.#version = meta.version;
    await new CopiedFile(new Disk(this.#file)).complete(superblock);
    return this.#file;
  }
}

async function expectCopy(file: MemoryFile, content: Content, version: number): Promise<void> {
  const db = openOn(file, { ...OPTIONS, readOnly: true });
  assertEquals(db.version, version);
  assertContent(contentOf(db), content, `at version ${version}`);
  const { ok, findings } = await db.verify();
  assert(ok, JSON.stringify(findings));
  db.close();
}

describe("backups and increments", () => {
  for (const seed of SEEDS) {
    it(`show one version, whatever changes meanwhile: seed ${seed}`, async () => {
      const random = new Random(seed);
      const opened = openBoth(new MemoryFile(), OPTIONS);
      const follower = new Follower();
      // Large values that change rarely make several chunks.
      for (let i = 0; i < LARGE_VALUES; i++) {
        opened.db.writeSync((tx) => tx.tree("l").set(`${i}`, bytesOf(i, MIB)));
      }
      for (let round = 0; round < ROUNDS; round++) {
        churn(opened, random, 200);
        if (random.once(4)) {
          opened.db.writeSync((tx) => tx.tree("l").delete(`${random.below(LARGE_VALUES)}`));
        }
        const content = contentOf(opened.db);
        const { version } = opened.db;
        const file = await follower.follow(opened, round % BASE_EVERY === 0, () => {
          for (let i = random.below(3); i > 0; i--) churn(opened, random, 300);
          const key = `${random.below(LARGE_VALUES)}`;
          if (random.once(8)) {
            opened.db.writeSync((tx) => tx.tree("l").set(key, bytesOf(version, MIB)));
          }
        });
        await expectCopy(file, content, version);
      }
      const { snapshots, snapshotBytes } = opened.db.stats();
      assertEquals([snapshots, snapshotBytes], [0, 0]);
      assertGreater(follower.early, 100, "pages came early");
      console.log(`backups: seed ${seed}, ${ROUNDS} versions, ${follower.early} pages came early`);
      opened.db.close();
    });
  }
});
