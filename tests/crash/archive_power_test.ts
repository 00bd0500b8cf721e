/**
 * Power cuts of a database that is being archived: whatever image the cut leaves, the archive has
 * no commit that the image lost, and it continues after its last segment. `QUIRE_ARCHIVE_CUTS=N`
 * cuts at N moments, QUIRE_SEED=N chooses them.
 */

import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { archive, Database } from "../../mod.ts";
import { MemoryFile, Pager, type PagerOptions } from "../../pager/mod.ts";
import { Session } from "../../store/write/session.ts";
import { restoreToMemory } from "../support/databases/archived.ts";
import {
  assertContent,
  bytesOf,
  type Content,
  contentOf,
  openOn,
} from "../support/databases/database.ts";
import { IN_LINE } from "../support/databases/flush_policies.ts";
import { MemoryStore } from "../support/databases/memory_store.ts";
import { makeImage, plansAt } from "../support/files/crash_images.ts";
import { PowerFile, PowerWalk } from "../support/files/power_file.ts";
import { Random } from "../support/random.ts";

const CUTS = Number(Deno.env.get("QUIRE_ARCHIVE_CUTS") ?? 12);
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? 1);
const IMAGES = 4;
const COMMITS = 60;
const OPTIONS: PagerOptions = { journalBytes: 2 * 1024 * 1024 };

/** A session that was archived: its operations, its states, and when each object was put. */
interface Recorded {
  readonly file: PowerFile;
  readonly states: Map<number, Content>;
  readonly puts: { operations: number; durable: number; name: string; bytes: Uint8Array }[];
}

async function archivedSession(random: Random): Promise<Recorded> {
  const file = new PowerFile();
  const states = new Map<number, Content>();
  const puts: Recorded["puts"] = [];
  const store = new MemoryStore();
  store.put = (name, bytes) => {
    puts.push({ operations: file.operations.length, durable: db.durableVersion, name, bytes });
    return MemoryStore.prototype.put.call(store, name, bytes);
  };
  const db = new Database(new Session(new Pager(file, OPTIONS), "sync", false, IN_LINE));
  const shipping = archive(db, store, { everyMs: 1, baseEvery: 20 });
  for (let i = 0; i < COMMITS; i++) {
    const durability = random.pick(["sync", "none", "none"] as const);
    db.writeSync((tx) => {
      for (let j = random.below(9); j >= 0; j--) {
        tx.tree("t").set(`key ${random.below(40)}`, bytesOf(i, random.below(900)));
      }
      if (random.once(12)) tx.tree("large").set("one", bytesOf(i, 600_000));
    }, { durability });
    states.set(db.version, contentOf(db));
    if (random.once(15)) db.checkpoint();
    if (random.once(4)) await new Promise((resolve) => setTimeout(resolve, 1));
    // However slow the machine is, there are segments of commits before most cuts.
    if (i % 12 === 5) await shipping.flush();
  }
  await shipping.flush();
  await shipping.close();
  return { file, states, puts };
}

/** The last version of a segment, by its name. */
function lastVersionIn(name: string): number {
  return Number(name.split("-")[2]);
}

/** Opens an image, continues the archive as it was, and compares all its states. */
async function judge(image: MemoryFile, { states, puts }: Recorded, cut: number): Promise<number> {
  const store = new MemoryStore();
  for (const { operations, name, bytes } of puts) {
    if (operations <= cut) store.objects.set(name, bytes);
  }
  const db = openOn(image, OPTIONS);
  const content = contentOf(db);
  const before = db.version;
  {
    await using shipping = archive(db, store, { everyMs: 1 });
    await shipping.flush();
    db.writeSync((tx) => tx.tree("after").set("key", bytesOf(1, 9)));
  }
  const expectAt = async (version: number, wanted: Content) => {
    const restored = openOn(await restoreToMemory(store, version));
    assertContent(contentOf(restored), wanted, `at version ${version}`);
    restored.close();
  };
  await expectAt(before, content);
  await expectAt(db.version, contentOf(db));
  db.close();
  const shipped = [...states].filter(([version]) => {
    return puts.some(({ operations, name }) =>
      operations <= cut && name.startsWith("commits-") && lastVersionIn(name) === version
    );
  });
  const last = shipped.at(-1);
  if (last !== undefined) await expectAt(...last);
  return shipped.length;
}

describe("power cuts of a database that is archived", () => {
  it("leave no commit in the archive that the database lost", async () => {
    const random = new Random(SEED);
    const session = await archivedSession(random);
    const { operations, start } = session.file;
    const cuts = new Set(Array.from({ length: CUTS }, () => random.below(operations.length)));
    const walk = new PowerWalk(start);
    let images = 0;
    let shipped = 0;
    for (const [index, operation] of operations.entries()) {
      walk.issue(operation);
      if (cuts.has(index)) {
        const options = { garbage: "none", rotPages: [], limit: IMAGES } as const;
        for (const plan of plansAt(walk, options, random)) {
          const image = makeImage(walk, plan).content();
          if (image.length === 0) continue;
          shipped += await judge(new MemoryFile(image), session, index);
          images++;
        }
      }
      walk.complete(operation);
    }
    console.log(`power cuts of an archived database: ${images} images`);
    assertGreater(images, CUTS);
    assertGreater(shipped, 0);
    assertEquals(session.states.size, COMMITS);
    assert(session.puts.length > 5);
    for (const { name, durable } of session.puts) assertLessOrEqual(lastVersionIn(name), durable);
  });
});
