/**
 * Random hostile files: targeted changes to the fields of superblocks, headers, nodes, runs,
 * catalog records and journal batches.
 *
 * A case depends only on its seed, and is stored as its changes, so that it can be repeated after
 * the generator has changed.
 */

import { BATCH_HEADER_BYTES } from "../../../pager/batch/batch.ts";
import { LogReader } from "../../../pager/batch/log_record.ts";
import { format } from "../../../pager/mod.ts";
import type { Random } from "../../support/random.ts";
import { type Base, BASE_NAMES, type BaseName } from "./hostile_bases.ts";
import { BATCH, HostileImage } from "./hostile_image.ts";
import { Judge, STEP_MS_MAX, type Verdict } from "./hostile_judge.ts";

const { CHUNK_PAGES, HEADER, HEADER_BYTES, KIND_BRANCH, PAGE_BYTES, SUPERBLOCK } = format;
const CHANGES_MAX = 4;
const CATALOG = 3;
/** With this many entries the arrays still fit in a page. */
const ENTRIES_MAX = 500;
const BATCH_FIELDS = Object.entries(BATCH);

/** Bytes written at an offset. */
export interface ByteChange {
  /** A description, for readers. */
  readonly what: string;
  readonly at: number;
  readonly bytes: readonly number[];
}

/** A hostile file as it is stored. */
export interface FuzzCase {
  readonly from: BaseName;
  /** Whether sums were recomputed. */
  readonly sealed: boolean;
  /** The length of the file; undefined = unchanged. */
  readonly size?: number;
  readonly changes: readonly ByteChange[];
}

/** A stored case, and its failure. */
export interface KeptCase extends FuzzCase {
  readonly showed: string;
}

/** The folder of failed cases. */
const CORPUS: URL = new URL("../corpus/", import.meta.url);

/** All stored cases, by name. */
export function readCorpus(): Map<string, KeptCase> {
  const names = [...Deno.readDirSync(CORPUS)].map(({ name }) => name).sort();
  return new Map(
    names.filter((name) => name.endsWith(".json")).map((name) => [
      name,
      JSON.parse(Deno.readTextFileSync(new URL(name, CORPUS))),
    ]),
  );
}

/** Stores a failed case. */
export function keepCase(name: string, kept: KeptCase): void {
  Deno.writeTextFileSync(
    new URL(`${name}.json`, CORPUS),
    JSON.stringify(kept, undefined, 2) + "\n",
  );
}

/** A random case. */
export function makeCase(random: Random, bases: Readonly<Record<BaseName, Base>>): FuzzCase {
  const from = random.pick(BASE_NAMES);
  const image = new HostileImage(bases[from].bytes);
  const changes: ByteChange[] = [];
  const choose = new Chooser(random, image);
  for (let count = 1 + random.below(CHANGES_MAX); count > 0; count--) {
    const change = choose.change();
    image.put(change.at, change.bytes);
    changes.push(change);
  }
  const sealed = !random.once(4);
  if (!random.once(40)) return { from, sealed, changes };
  return { from, sealed, size: random.below(image.bytes.length), changes };
}

/** Judges a case. Returns what is wrong, or undefined. */
export async function judgeCase(
  { from, sealed, size, changes }: FuzzCase,
  bases: Readonly<Record<BaseName, Base>>,
  dir?: string,
): Promise<string | undefined> {
  const base = bases[from];
  const image = new HostileImage(base.bytes);
  for (const { at, bytes } of changes) image.put(at, bytes);
  if (sealed) image.sealAll();
  const bytes = size === undefined ? image.bytes : image.bytes.slice(0, size);
  let verdict = await new Judge(bytes, base.content).run(dir);
  if (verdict.slowest[1] > STEP_MS_MAX) verdict = await new Judge(bytes, base.content).run(dir);
  const [step, took] = verdict.slowest;
  if (verdict.faults.length > 0) return verdict.faults[0];
  if (took > STEP_MS_MAX) return `${step} took ${Math.round(took)} ms`;
  if (sealed) return verifiedButRefused(verdict);
  if (verdict.outcome !== "wrong") return undefined;
  // Without its last batch the journal ends as if that commit had been interrupted.
  for (const content of base.earlier.slice(0, 1)) {
    if ((await new Judge(bytes, content).run()).outcome !== "wrong") return undefined;
  }
  return `wrong data: ${verdict.message}`;
}

/** With sums that fit data may differ, but what `verify` accepts must be readable. */
function verifiedButRefused({ verified, outcome, message }: Verdict): string | undefined {
  const isRefused = outcome === "refused" && message.includes("Cannot trust");
  return verified && isRefused ? `verify found nothing, and ${message}` : undefined;
}

/** Chooses where to change what. */
class Chooser {
  readonly #random: Random;
  readonly #image: HostileImage;
  readonly #used: readonly number[];

  constructor(random: Random, image: HostileImage) {
    this.#random = random;
    this.#image = image;
    this.#used = image.usedPages();
  }

  /** One change. */
  change(): ByteChange {
    const kinds = [
      () => this.#superblock(),
      () => this.#header(),
      () => this.#header(),
      () => this.#array(),
      () => this.#array(),
      () => this.#cell(),
      () => this.#catalog(),
      () => this.#bitmap(),
      () => this.#overlay(),
      () => this.#anyByte(),
    ];
    const { batches } = this.#image;
    if (batches.length > 0 && this.#random.once(2)) return this.#journal();
    return this.#random.pick(kinds)();
  }

  #superblock(): ByteChange {
    const [name, field] = this.#random.pick(Object.entries(SUPERBLOCK));
    const page = 1 + this.#random.below(2);
    const at = page * PAGE_BYTES + field;
    return { what: `superblock ${page} ${name}`, at, bytes: this.#number(at, 4) };
  }

  #header(): ByteChange {
    const page = this.#random.pick(this.#used);
    const [name, field] = this.#random.pick(Object.entries(HEADER));
    const at = this.#image.headerAt(page) + field;
    const width = field < 2 ? 1 : field === 2 || (field >= 16 && field < 24) ? 2 : 4;
    return { what: `page ${page} ${name}`, at, bytes: this.#number(at, width) };
  }

  /** The largest possible count, because an earlier change may have set any. */
  #entriesOf(page: number): number {
    return Math.min(Math.max(1, this.#image.entriesOf(page)), ENTRIES_MAX);
  }

  /** A head, a child, or the offset of a cell. */
  #array(): ByteChange {
    const page = this.#random.pick(this.#used);
    const entries = this.#entriesOf(page);
    const index = this.#random.below(entries);
    const wide = this.#image.kindOf(page) === KIND_BRANCH;
    const array = this.#random.below(wide ? 3 : 2);
    const isOffset = array === (wide ? 2 : 1);
    const at = page * PAGE_BYTES + 4 * entries * array + (isOffset ? 2 : 4) * index;
    return { what: `page ${page} entry ${index}`, at, bytes: this.#number(at, isOffset ? 2 : 4) };
  }

  /** Bytes at or near the beginning of a cell, where its lengths are. */
  #cell(): ByteChange {
    const page = this.#random.pick(this.#used);
    const entries = this.#entriesOf(page);
    const index = this.#random.below(entries);
    const width = this.#image.kindOf(page) === KIND_BRANCH ? 8 : 4;
    const offsetAt = page * PAGE_BYTES + width * entries + 2 * index;
    const offset = this.#image.view.getUint16(offsetAt, true) % PAGE_BYTES;
    const at = page * PAGE_BYTES + offset + this.#random.below(24);
    return { what: `page ${page} cell ${index}`, at, bytes: this.#number(at, 1) };
  }

  #catalog(): ByteChange {
    const near = this.#image.view.getUint16(this.#image.headerAt(CATALOG) + HEADER.cellStart, true);
    const at = CATALOG * PAGE_BYTES + near + this.#random.below(Math.max(1, PAGE_BYTES - near));
    return { what: "catalog", at, bytes: this.#number(at, this.#random.pick([1, 4])) };
  }

  #bitmap(): ByteChange {
    const at = this.#random.below(HEADER_BYTES);
    return { what: "bitmap", at, bytes: this.#number(at, 1) };
  }

  /** A page in another's place, or its header, or a hole. */
  #overlay(): ByteChange {
    const [from, to] = [this.#random.pick(this.#used), this.#random.pick(this.#used)];
    const { headers, pages } = {
      headers: [...this.#image.header(from)],
      pages: [...this.#image.page(from)],
    };
    const what = `${from} at ${to}`;
    if (this.#random.once(3)) return { what, at: this.#image.headerAt(to), bytes: headers };
    if (this.#random.once(3)) pages.fill(0);
    return { what, at: to * PAGE_BYTES, bytes: pages };
  }

  #anyByte(): ByteChange {
    const at = this.#random.below(CHUNK_PAGES * HEADER_BYTES * 8);
    return { what: "any byte", at, bytes: this.#number(at, 1) };
  }

  #journal(): ByteChange {
    const { batches, view } = this.#image;
    const index = this.#random.below(batches.length);
    const { position, length } = batches[index]!;
    if (this.#random.once(2)) {
      const [name, field] = this.#random.pick(BATCH_FIELDS);
      const at = position + field;
      return { what: `batch ${index} ${name}`, at, bytes: this.#number(at, 4) };
    }
    const stated = Math.min(view.getUint32(position + BATCH.payloadBytes, true), length);
    const start = position + BATCH_HEADER_BYTES;
    const records = this.#records(start, Math.max(start, start + stated));
    if (records.length === 0 || this.#random.once(4)) {
      const at = start + this.#random.below(Math.max(1, stated));
      return { what: `batch ${index} payload`, at, bytes: this.#number(at, 1) };
    }
    const field = this.#random.pick([[0, 4], [4, 1], [5, 1], [6, 2], [8, 1], [40, 2], [42, 2]]);
    const at = this.#random.pick(records) + field[0]!;
    return { what: `batch ${index} record`, at, bytes: this.#number(at, field[1]!) };
  }

  /** Where the records of a batch begin. */
  #records(start: number, end: number): number[] {
    const reader = new LogReader();
    const found: number[] = [];
    for (let at = start; at >= 0 && at < end;) {
      found.push(at);
      at = reader.read(this.#image.bytes, at, end);
    }
    return found;
  }

  /** A replacement for a number: near it, from the file, or at a limit. */
  #number(at: number, width: number): number[] {
    const { bytes } = this.#image;
    let was = 0;
    for (let i = width - 1; i >= 0; i--) was = was * 256 + (bytes[at + i] ?? 0);
    const edge = 256 ** width;
    const value = this.#random.pick([
      0,
      1,
      edge - 1,
      edge / 2,
      was + 1,
      was - 1,
      was ^ (1 << this.#random.below(8 * width)),
      this.#random.pick(this.#used),
      this.#image.pageCount,
      this.#random.u32(),
    ]);
    const wrapped = ((value % edge) + edge) % edge;
    return Array.from({ length: width }, (_, i) => Math.floor(wrapped / 256 ** i) % 256);
  }
}
