/**
 * One page as a process makes it: the page as the file has it, whatever its version, with the
 * records of the index over it.
 */

import { FREE, type Header, headerAt, type Page, pageAt, SLOTS, sumOf } from "../support/layout.ts";
import { GARBAGE } from "../support/medium.ts";
import { Violation } from "../support/truth.ts";
import { type Process, read, type Steps } from "../support/world.ts";
import { ABSENT, recordsOf, replay } from "./journal.ts";

/** The header of a page that a power cut tore, and that nobody has recovered yet. */
const TORN: Header = { kind: "data", version: 0, sum: NaN };

/** Why a page could not be used. */
export type Failure = "too new" | "free" | "mismatch";

/** The header of a page in the file. */
export function* fileHeader(process: Process, page: number): Steps<Header> {
  yield;
  const sector = read(process, headerAt(page));
  if (sector === GARBAGE) return TORN;
  return Array.isArray(sector) ? sector[(page % SLOTS) & 1] : FREE;
}

/** The current header of a page. */
export function* headerOf(process: Process, page: number): Steps<Header> {
  return recordsOf(process, page).at(-1)?.header ?? (yield* fileHeader(process, page));
}

/** A page as it was at a version. */
export function* build(process: Process, page: number, version: number): Steps<Page | Failure> {
  const records = recordsOf(process, page).filter((record) => record.version <= version);
  const whole = records.findLastIndex((record) => record.kind === "whole");
  let result = ABSENT;
  if (whole < 0) {
    const header = yield* fileHeader(process, page);
    const isNew = header.kind === "data" && header.version > version;
    if (isNew && process.world.keeps("tooNew")) return "too new";
    result = { bytes: yield* fileBytes(process, page), header };
  }
  for (let i = Math.max(whole, 0); i < records.length; i++) result = replay(result, records[i]!);
  if (result.header.kind !== "data") return "free";
  return sumOf(result.bytes) === result.header.sum ? result : "mismatch";
}

/** The bytes of a page in the file. */
export function* fileBytes(process: Process, page: number): Steps<number[]> {
  const at = pageAt(page);
  yield;
  const first = read(process, at);
  yield;
  return [first, read(process, at + 1)] as number[];
}

/** A page of the newest version, under the lock. */
export function* current(process: Process, page: number): Steps<Page> {
  const known = process.pages[page];
  if (known !== undefined) return known;
  const found = yield* build(process, page, process.version);
  if (typeof found === "string") throw damage(`page ${page} under the lock is ${found}`);
  return process.pages[page] = found;
}

/** The violation of a process that reports damage where there is none. */
export function damage(what: string): Violation {
  return new Violation(`(f) damage reported: ${what}`);
}
