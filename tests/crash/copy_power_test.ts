/**
 * Power cuts while a copy is written, while a compact one is built, and while an increment is
 * applied to one: at any moment the file is refused, or has exactly the state of the copy. Once it
 * is complete, which is when it gets its name, every image of a cut has that state.
 *
 * QUIRE_COPY_IMAGES=N tries N times as many images of each moment; QUIRE_SEED=N chooses them.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { archive, CorruptionError, type Database } from "../../mod.ts";
import {
  BuildingFile,
  CopiedFile,
  type CopyReader,
  Disk,
  IncrementApply,
  IncrementReader,
  IncrementWriter,
  MemoryFile,
} from "../../pager/mod.ts";
import { type ChunkTarget, copyChunks } from "../../store/backup/copy_loop.ts";
import { restoreInto } from "../support/databases/archived.ts";
import {
  bytesOf,
  contentOf,
  openBoth,
  type Opened,
  openOn,
} from "../support/databases/database.ts";
import { MemoryStore } from "../support/databases/memory_store.ts";
import { makeImage, plansAt } from "../support/files/crash_images.ts";
import { PowerFile, PowerWalk } from "../support/files/power_file.ts";
import { Random } from "../support/random.ts";

const KEYS = 300;
const IMAGES = 40;
const TIMES = Number(Deno.env.get("QUIRE_COPY_IMAGES") ?? 1);
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? 20);
const WHOLE = -1;

function fill(db: Database, seed: number, from = 0, to = KEYS): void {
  db.writeSync((tx) => {
    for (let i = from; i < to; i++) tx.tree("t").set(`key ${i}`, bytesOf(seed + i, 1000));
  });
}

async function copy(reader: CopyReader, target: ChunkTarget, since: number): Promise<void> {
  const source = { since, checkOpen: () => {}, versionNow: () => 0 };
  await copyChunks({ reader, target, ...source }, {});
  reader.close();
}

/** Completes a copy; each of its syncs ends in a later turn. */
async function complete(file: PowerFile, work: Promise<void>): Promise<void> {
  let isComplete = false;
  const completed = work.finally(() => isComplete = true);
  while (!isComplete) {
    file.endSync();
    await new Promise((resolve) => setTimeout(resolve));
  }
  await completed;
}

/** Writes a whole copy to a file, with pages that come early. */
async function writeWhole({ db, session }: Opened, file: PowerFile): Promise<void> {
  const target = new CopiedFile(new Disk(file));
  const reader = session.pager.copies.begin((...page) => target.takeEarly(...page));
  fill(db, 7);
  reader.drain();
  await copy(reader, target, WHOLE);
  await complete(file, target.complete(reader.superblock));
}

/** The text of all content, or undefined if opening a file is refused. */
function textOf(file: MemoryFile): string | undefined {
  let db: Database;
  try {
    db = openOn(file, { readOnly: true });
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
  return textIn(db);
}

function textIn(db: Database): string {
  return `${db.version}: ${contentOf(db).get("t")!.join()}`;
}

/** Judges the images of every cut: refused or whole, and only whole after the last operation. */
function judge(file: PowerFile, wanted: string, limit = IMAGES): void {
  const walk = new PowerWalk(file.start);
  const random = new Random(SEED);
  const found = { refused: 0, whole: 0 };
  const images = () =>
    plansAt(walk, { garbage: "none", rotPages: [], limit: limit * TIMES }, random)
      .map((plan) => textOf(new MemoryFile(makeImage(walk, plan).content())));
  for (const operation of file.operations) {
    walk.issue(operation);
    for (const text of images()) {
      if (text !== undefined) assertEquals(text, wanted);
      found[text === undefined ? "refused" : "whole"]++;
    }
    walk.complete(operation);
  }
  assertGreater(found.refused, 0);
  assertGreater(found.whole, 0);
  assert(images().every((text) => text === wanted), "it is on the medium when it is complete");
  console.log(`power cuts of copies: ${found.refused} refused, ${found.whole} whole`);
}

describe("power cuts", () => {
  it("during a backup leave a file that is refused or whole", async () => {
    const opened = openBoth(new MemoryFile());
    fill(opened.db, 1);
    const wanted = textIn(opened.db);
    const file = new PowerFile();
    await writeWhole(opened, file);
    judge(file, wanted);
  });

  it("during a compact copy leave a file that is refused or whole", async () => {
    const source = openOn(new MemoryFile());
    fill(source, 1);
    const file = new PowerFile();
    const building = new BuildingFile(file);
    const db = openOn(building);
    await db.tree("t").load(source.tree("t").entries(), { fill: 1 });
    const wanted = textIn(db);
    assertEquals(contentOf(db), contentOf(source));
    db.close();
    await complete(file, building.completeLater());
    judge(file, wanted, 5);
  });

  it("during a restore leave a file that is refused or whole", async () => {
    const opened = openBoth(new MemoryFile());
    const { db, session } = opened;
    fill(db, 1);
    const file = new PowerFile();
    const base = new CopiedFile(new Disk(file));
    const since = db.version;
    await copy(session.pager.copies.begin(), base, WHOLE);
    fill(db, 2, 100, 130);
    db.writeSync((tx) => tx.tree("t").deleteRange({ gte: "key 2" }));
    const increment = new MemoryFile();
    const writer = new IncrementWriter(since, (bytes) => {
      increment.writeAt(bytes, 0, bytes.length, increment.size());
    });
    const reader = session.pager.copies.begin();
    writer.begin(reader);
    await copy(reader, writer, since);
    writer.end(reader);
    const steps = new IncrementApply(
      new Disk(file),
      new IncrementReader(new Disk(increment)),
    ).run();
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    assert(step.value);
    await complete(file, base.complete(reader.superblock));
    judge(file, textIn(db));
  });

  it("during a restore from an archive leave a file that is refused or whole", async () => {
    const { db } = openBoth(new MemoryFile());
    fill(db, 1);
    const store = new MemoryStore();
    {
      await using shipping = archive(db, store);
      await shipping.flush();
      fill(db, 2, 100, 130);
    }
    const file = new PowerFile();
    await restoreInto(file, store, undefined, (work) => complete(file, work));
    judge(file, textIn(db), 10);
    db.close();
  });
});
