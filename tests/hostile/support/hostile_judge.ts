/**
 * Judges a damaged database: it is opened read-only and writable, read in every way, changed,
 * verified, salvaged and closed. The judge notes wrong data, untyped errors, slow steps, memory,
 * and bytes that a read-only open changed.
 */

import {
  ClosedError,
  CorruptionError,
  IoError,
  LimitError,
  LockedError,
  salvage,
  SnapshotTooOldError,
  verify,
} from "../../../mod.ts";
import { MemoryFile } from "../../../pager/mod.ts";
import type { Database } from "../../../store/database.ts";
import { verifyFile } from "../../../store/verify/verify.ts";
import { bytesOf, type Content, openOn, sameBytes } from "../../support/databases/database.ts";
import { FaultyFile } from "../../support/files/faulty_file.ts";

/** The cache with which files are judged, the smallest. */
export const JUDGE_CACHE_BYTES: number = 8 * 1024 * 1024;
/** A step past this time hangs: steps take milliseconds, or a second on a busy machine. */
export const STEP_MS_MAX = 10_000;

const TYPED = [CorruptionError, IoError, LimitError, LockedError, ClosedError, SnapshotTooOldError];

/** The verdict on a file. */
export interface Verdict {
  /** Whether all reads were correct, some were refused, or some were wrong. */
  readonly outcome: "right" | "refused" | "wrong";
  /** The first wrong or refused read. */
  readonly message: string;
  /** Whether `verify` found nothing. */
  readonly verified: boolean;
  /** Violations: untyped errors, and changed bytes. */
  readonly faults: readonly string[];
  /** The slowest step, and its time. */
  readonly slowest: readonly [string, number];
}

class WrongData extends Error {}

/** Judges one file. */
export class Judge {
  readonly #bytes: Uint8Array;
  readonly #content: Content;
  readonly #faults: string[] = [];
  #wrong: string | undefined;
  #refused: string | undefined;
  #slowest: [string, number] = ["", 0];

  /**
   * A judge of a file.
   *
   * @param content Its content if it is intact.
   */
  constructor(bytes: Uint8Array, content: Content) {
    this.#bytes = bytes;
    this.#content = content;
  }

  /**
   * Executes all steps.
   *
   * @param dir The folder for `salvage`, which is skipped without one.
   */
  async run(dir?: string): Promise<Verdict> {
    this.#readOnly();
    this.#writable();
    const verified = await this.#verify();
    if (dir !== undefined) await this.#salvage(dir);
    const outcome = this.#wrong !== undefined
      ? "wrong"
      : this.#refused !== undefined
      ? "refused"
      : "right";
    const message = this.#wrong ?? this.#refused ?? "";
    return { outcome, message, verified, faults: this.#faults, slowest: this.#slowest };
  }

  /** Executes a step. Returns whether it succeeded. */
  #step(what: string, action: () => void): boolean {
    const start = performance.now();
    try {
      action();
      return true;
    } catch (error) {
      this.#note(what, error);
      return false;
    } finally {
      this.#time(what, start);
    }
  }

  async #stepAsync(what: string, action: () => Promise<void>): Promise<void> {
    const start = performance.now();
    try {
      await action();
    } catch (error) {
      this.#note(what, error);
    } finally {
      this.#time(what, start);
    }
  }

  #time(what: string, start: number): void {
    const took = performance.now() - start;
    if (took > this.#slowest[1]) this.#slowest = [what, took];
  }

  #note(what: string, error: unknown): void {
    if (error instanceof WrongData) {
      this.#wrong ??= `${what}: ${error.message}`;
    } else if (TYPED.some((type) => error instanceof type)) {
      this.#refused ??= `${what}: ${(error as Error).message}`;
    } else if (isOtherCodec(error)) {
      this.#refused ??= `${what}: ${(error as Error).message}`;
    } else {
      this.#faults.push(`${what}: ${error instanceof Error ? error.stack : error}`);
    }
  }

  #readOnly(): void {
    const memory = new MemoryFile(this.#bytes);
    const file = new FaultyFile(memory);
    this.#use("read-only", file, true, (db) => this.#readAll("read-only", db, this.#content));
    const { write, truncate } = file.counts;
    const isChanged = write + truncate > 0 || !sameBytes(memory.content(), this.#bytes);
    if (isChanged) this.#faults.push("a read-only open has changed the file");
  }

  #writable(): void {
    const file = new MemoryFile(this.#bytes);
    const expected: Content = new Map([...this.#content].map(([name, all]) => [name, [...all]]));
    this.#use("writable", file, false, (db) => {
      this.#readAll("writable", db, this.#content);
      for (const name of this.#content.keys()) this.#changeTree(db, name, expected);
      this.#changeTree(db, "judged", expected);
      this.#readAll("changed", db, expected);
    });
    // Refused changes are absent; successful ones are present.
    this.#use("reopened", file, true, (db) => this.#readAll("reopened", db, expected));
  }

  #use(
    what: string,
    file: MemoryFile | FaultyFile,
    readOnly: boolean,
    use: (db: Database) => void,
  ) {
    let db: Database | undefined;
    this.#step(`${what} open`, () => {
      db = openOn(file, { readOnly, cacheBytes: JUDGE_CACHE_BYTES });
    });
    if (db === undefined) return;
    use(db);
    this.#step(`${what} close`, () => db!.close());
  }

  #readAll(what: string, db: Database, content: Content): void {
    this.#step(`${what} trees`, () => {
      expect(db.trees().join() === [...content.keys()].join(), "other trees");
    });
    for (const [name, entries] of content) {
      this.#step(`${what} scan of ${name}`, () => expectEntries([...db.tree(name)], entries));
      this.#step(`${what} scan back of ${name}`, () => {
        expectEntries([...db.tree(name).entries({ reverse: true })].reverse(), entries);
      });
      this.#step(`${what} count of ${name}`, () => {
        expect(db.tree(name).count() === entries.length, "another count");
      });
      for (const [key, value] of entries) {
        this.#step(`${what} get from ${name}`, () => {
          expect(sameBytes(db.tree(name).get(key), value), "another value, or none");
        });
      }
    }
  }

  /** Sets and deletes in its own transaction, and notes the expected content. */
  #changeTree(db: Database, name: string, expected: Content): void {
    const value = bytesOf(77, 500);
    const key = new TextEncoder().encode("key 5555");
    const entries = expected.get(name) ?? [];
    const gone = entries[Math.floor(entries.length / 2)]?.[0];
    const isDone = this.#step(`set and delete in ${name}`, () => {
      db.writeSync((tx) => {
        const tree = tx.tree(name);
        tree.set(key, value);
        if (gone !== undefined) tree.delete(gone);
      });
    });
    if (!isDone) return;
    const left = entries.filter(([key]) => key !== gone);
    left.push([key, value]);
    left.sort(([a], [b]) => compare(a, b));
    expected.set(name, left);
    const sorted = [...expected].sort(([a], [b]) => a < b ? -1 : 1);
    expected.clear();
    for (const [name, all] of sorted) expected.set(name, all);
  }

  async #verify(): Promise<boolean> {
    let verified = false;
    await this.#stepAsync("verify", async () => {
      const file = new FaultyFile(new MemoryFile(this.#bytes));
      verified = (await verifyFile(file, { cacheBytes: JUDGE_CACHE_BYTES })).ok;
      if (file.counts.write + file.counts.truncate > 0) this.#faults.push("verify has written");
    });
    return verified;
  }

  /** The salvaged database passes `verify`, and has only existing entries. */
  async #salvage(dir: string): Promise<void> {
    const [from, to] = [`${dir}/from`, `${dir}/to`];
    Deno.writeFileSync(from, this.#bytes);
    let isSaved = false;
    await this.#stepAsync("salvage", async () => {
      await salvage(from, to, { cacheBytes: JUDGE_CACHE_BYTES });
      isSaved = true;
    });
    if (!sameBytes(Deno.readFileSync(from), this.#bytes)) this.#faults.push("salvage has written");
    if (!isSaved) return;
    await this.#stepAsync("verify what was salvaged", async () => {
      const { ok, findings } = await verify(to);
      if (!ok) this.#faults.push(`salvage made what verify refuses: ${findings[0]!.rule}`);
    });
    Deno.removeSync(to);
  }
}

/** Another codec's name in the catalog is refused as misuse, because nothing shows damage. */
function isOtherCodec(error: unknown): boolean {
  return error instanceof TypeError && error.message.startsWith("Cannot open tree");
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new WrongData(otherwise);
}

function expectEntries(found: [Uint8Array, Uint8Array][], entries: [Uint8Array, Uint8Array][]) {
  expect(found.length === entries.length, `${found.length} entries, not ${entries.length}`);
  for (const [i, [key, value]] of entries.entries()) {
    expect(sameBytes(found[i]![0], key), `another key at ${i}`);
    expect(sameBytes(found[i]![1], value), `another value at ${i}`);
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
