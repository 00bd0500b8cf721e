/**
 * What was promised of the files of a folder, and whether a power cut has kept it.
 *
 * A file has its last name when it is whole. One that a program had just begun may be empty.
 */

import * as fs from "node:fs";
import { folderStore, open, restore } from "../../../mod.ts";
import { changesOf, commitsIn } from "../support/numbered_commits.ts";
import { ARCHIVE, GONE, MAIN } from "./disk_life.ts";

/** The commits that each file must have; `GONE`: it may be gone. */
export type Promises = ReadonlyMap<string, number>;

/** The promises in a part of a file. */
export function promisesIn(bytes: Uint8Array): Promises {
  const lines = new TextDecoder().decode(bytes).split("\n");
  lines.pop();
  return new Map(lines.map((line) => {
    const [what, commits] = line.split(" ");
    return [what!, Number(commits)];
  }));
}

/** Checks a folder. `scratch` is a path of a file that does not exist. */
export async function checkFolder(
  folder: string,
  promises: Promises,
  scratch: string,
): Promise<void> {
  const names = new Set(fs.readdirSync(folder));
  for (const [what, commits] of promises) {
    if (commits !== GONE && !names.has(what)) throw new Error(`${what} is missing`);
  }
  for (const name of names) {
    if (name === MAIN || /^(?:base|(?:copy|new|restored)-\d+-\d+)$/.test(name)) {
      await checkFile(`${folder}/${name}`, promises.get(name) ?? GONE);
    }
  }
  if (names.has(ARCHIVE)) {
    await checkArchive(`${folder}/${ARCHIVE}`, promises.get(ARCHIVE) ?? GONE, scratch);
  }
}

async function checkFile(path: string, promised: number): Promise<void> {
  let commits: number;
  {
    using db = open(path);
    commits = commitsIn(db);
    if (commits < promised) throw new Error(`${path} has ${commits} commits of ${promised}`);
    const { ok, findings } = await db.verify();
    if (!ok) throw new Error(`${path} is damaged: ${JSON.stringify(findings[0])}`);
    db.writeSync((tx) => changesOf(tx, commits + 1));
  }
  using again = open(path);
  if (commitsIn(again) !== commits + 1) throw new Error(`${path} lost a commit`);
}

async function checkArchive(folder: string, promised: number, scratch: string): Promise<void> {
  const store = folderStore(folder);
  const hasBase = (await store.list()).some((name) => /^base-[^.]*$/.test(name));
  if (!hasBase) {
    if (promised !== GONE) throw new Error("the archive has no base");
    return;
  }
  await restore(scratch, { from: store });
  try {
    await checkFile(scratch, promised);
  } finally {
    fs.rmSync(scratch);
  }
}
