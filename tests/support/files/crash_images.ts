/**
 * The files that a power cut can leave at one moment of a `Walk`.
 *
 * If at most 8 operations may be missing from the medium, every subset of them survives in some
 * image; otherwise prefixes, suffixes, all but one, only one, and random subsets. Surviving writes
 * may be torn, at sectors of 512 bytes or at 4 KiB: missing units hold old bytes or, on request,
 * anything. "Rot" is one bit or one sector that changed spontaneously.
 */

import type { Random } from "../random.ts";
import { BLOCK_BYTES, type Blocks } from "./blocks.ts";
import type { Operation, Walk } from "./power_file.ts";

const SECTOR_BYTES = 512;
const PAGE_BYTES = 8192;
const ALL_SUBSETS_MAX = 8;
const RANDOM_SUBSETS = 32;

/**
 * Which sectors of an interrupted write may hold anything: none, those that the write would
 * change, or also those that it would leave unchanged.
 */
export type Garbage = "none" | "changed" | "any";

/** The faults of a power cut, and the number of images of it. */
export interface ImageOptions {
  /** Which sectors of an interrupted write may hold anything. */
  readonly garbage: Garbage;
  /** Pages in which a bit or a sector may rot while everything is on the medium. */
  readonly rotPages: readonly number[];
  /** The most images of one cut. */
  readonly limit: number;
}

/** The unit in which a write is torn, and the fate of each unit. */
interface Tear {
  readonly unitBytes: number;
  /** Whether a unit that the write would not change keeps its bytes. */
  readonly sparesSame: boolean;
  readonly units: Uint8Array;
  /** Whether the file grew to the end of the whole write. */
  readonly grown: boolean;
}

const OLD = 0;
const NEW = 1;
const GARBAGE = 2;

/** The fate of one operation. */
type Fate = "lost" | "kept" | Tear;

/** One bit or sector that changed spontaneously. */
interface Rot {
  readonly position: number;
  /** The number of the bit; -1 = the whole sector. */
  readonly bit: number;
}

/** The plan of one image. */
export interface Plan {
  readonly fates: readonly Fate[];
  readonly rot?: Rot;
  /** The seed of the garbage. */
  readonly salt: number;
}

/** The images at the current moment of a walk. The same random numbers give the same images. */
export function plansAt(walk: Walk, options: ImageOptions, random: Random): Plan[] {
  const { pending } = walk;
  const free = pending.flatMap(({ forced }, i) => forced ? [] : [i]);
  const whole = subsetsOf(free.length, random);
  const plans = sample(whole, options.limit, random).map((subset): Plan => {
    return { fates: fatesOf(walk, free, subset), salt: 0 };
  });
  const tornCount = free.length === 0 ? 0 : Math.max(4, Math.floor(options.limit / 3));
  for (let i = 0; i < tornCount; i++) plans.push(tornPlan(walk, free, whole, options, random));
  if (free.length === 0) plans.push(...rotPlans(walk, options, random));
  if (plans.length <= options.limit) return plans;
  // All lost and all kept come first, and are always kept.
  return [...plans.slice(0, 2), ...sample(plans.slice(2), options.limit - 2, random)];
}

/** Makes an image. */
export function makeImage(walk: Walk, plan: Plan): Blocks {
  const content = walk.base.fork();
  plan.fates.forEach((fate, i) => {
    const { operation } = walk.pending[i]!;
    if (fate === "kept") operation.applyTo(content);
    else if (fate !== "lost") applyTorn(operation, fate, content, plan.salt);
  });
  if (plan.rot !== undefined) applyRot(content, plan.rot);
  return content;
}

/** A description of an image. */
export function describePlan(walk: Walk, plan: Plan): string {
  const lines = plan.fates.map((fate, i) => {
    const { operation, forced } = walk.pending[i]!;
    const what = forced ? "durable" : typeof fate === "string" ? fate : describeTear(fate);
    return `    ${operation}: ${what}`;
  });
  if (plan.rot !== undefined) {
    const { position, bit } = plan.rot;
    lines.push(`    rot at byte ${position}: ${bit < 0 ? "sector" : `bit ${bit}`}`);
  }
  return lines.length === 0 ? "    everything is on the medium" : lines.join("\n");
}

function describeTear({ unitBytes, units, grown }: Tear): string {
  const letters = [...units].map((unit) => "-+?"[unit]).join("");
  return `torn at ${unitBytes}: ${letters}${grown ? ", grown" : ""} (- old, + new, ? garbage)`;
}

/** The surviving ones of `count` operations in each image; none and all come first. */
function subsetsOf(count: number, random: Random): boolean[][] {
  const of = (survives: (i: number) => boolean) => {
    return Array.from({ length: count }, (_, i) => survives(i));
  };
  if (count === 0) return [[]];
  const subsets = [of(() => false), of(() => true)];
  if (count <= ALL_SUBSETS_MAX) {
    for (let bits = 1; bits < (1 << count) - 1; bits++) {
      subsets.push(of((i) => (bits >> i & 1) > 0));
    }
    return subsets;
  }
  for (let at = 0; at < count; at++) {
    subsets.push(of((i) => i <= at), of((i) => i >= at), of((i) => i !== at), of((i) => i === at));
  }
  for (let i = 0; i < RANDOM_SUBSETS; i++) {
    const times = 2 + random.below(3);
    const rare = random.once(2);
    subsets.push(of(() => random.once(times) === rare));
  }
  return subsets;
}

function fatesOf(walk: Walk, free: readonly number[], subset: readonly boolean[]): Fate[] {
  const fates = new Array<Fate>(walk.pending.length).fill("kept");
  free.forEach((index, i) => fates[index] = subset[i] ? "kept" : "lost");
  return fates;
}

/** An image in which at least one write is torn, most often the last one. */
function tornPlan(
  walk: Walk,
  free: readonly number[],
  subsets: readonly boolean[][],
  options: ImageOptions,
  random: Random,
): Plan {
  const subset = random.once(3) ? subsets[1]! : random.pick(subsets);
  const fates = fatesOf(walk, free, subset);
  // A file without bytes on the medium does not exist yet, so garbage in it is ignored.
  const garbage = walk.base.size === 0 ? "none" : options.garbage;
  const tear = (index: number) => {
    const { operation } = walk.pending[index]!;
    if (operation.isWrite) fates[index] = tearOf(operation, garbage, random);
  };
  for (const index of free) if (random.once(4)) tear(index);
  tear(random.once(4) ? random.pick(free) : free[free.length - 1]!);
  return { fates, salt: random.u32() };
}

function tearOf(operation: Operation, garbage: Garbage, random: Random): Tear {
  const unitBytes = random.once(2) ? SECTOR_BYTES : BLOCK_BYTES;
  const count = Math.ceil(operation.end / unitBytes) - Math.floor(operation.position / unitBytes);
  const at = random.below(count);
  const mode = random.below(4);
  const isNew = (i: number) => {
    if (mode === 0) return i < at;
    if (mode === 1) return i > at;
    return mode === 2 ? random.once(2) : i !== at;
  };
  const spoils = garbage !== "none" && !random.once(3);
  const isSingle = random.once(2);
  const units = Uint8Array.from({ length: count }, (_, i) => {
    const unit = isNew(i) ? NEW : OLD;
    if (!spoils) return unit;
    return (isSingle ? i === at : random.once(4)) ? GARBAGE : unit;
  });
  return { unitBytes, units, grown: random.once(2), sparesSame: garbage === "changed" };
}

function applyTorn(operation: Operation, tear: Tear, content: Blocks, salt: number): void {
  const { unitBytes, units } = tear;
  const first = Math.floor(operation.position / unitBytes) * unitBytes;
  for (let i = 0; i < units.length; i++) {
    const begin = first + i * unitBytes;
    const from = Math.max(begin, operation.position);
    const part = operation.bytes.subarray(
      from - operation.position,
      Math.min(begin + unitBytes, operation.end) - operation.position,
    );
    if (units[i] === NEW) content.write(part, 0, part.length, from);
    if (units[i] !== GARBAGE || (tear.sparesSame && isSame(part, content, from))) continue;
    // A drive writes whole sectors, so all of a bad sector inside the file is bad.
    const end = Math.min(begin + unitBytes, Math.max(operation.end, content.size));
    content.write(garbageOf(salt + i, unitBytes), 0, end - begin, begin);
  }
  if (tear.grown) content.extend(operation.end);
}

/** Whether a file already has some bytes. */
function isSame(bytes: Uint8Array, content: Blocks, position: number): boolean {
  const found = new Uint8Array(bytes.length);
  if (content.read(found, 0, found.length, position) < found.length) return false;
  return found.every((byte, i) => byte === bytes[i]);
}

/** Garbage of several sorts: zeros, ones, noise, and one byte again and again. */
function garbageOf(salt: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const sort = salt & 3;
  if (sort === 1) return bytes.fill(0xff);
  if (sort === 2) return bytes.fill(salt >>> 8);
  let state = salt | 1;
  for (let i = 0; sort === 3 && i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

function rotPlans(walk: Walk, { rotPages }: ImageOptions, random: Random): Plan[] {
  // Before all of these pages have been written once, nothing can compensate for the loss.
  if (!rotPages.every((page) => isWritten(walk.base, page))) return [];
  const fates = walk.pending.map((): Fate => "kept");
  return rotPages.flatMap((page) => {
    const position = page * PAGE_BYTES + random.below(random.once(2) ? 256 : PAGE_BYTES);
    const bit = { position, bit: random.below(8) };
    const sector = page * PAGE_BYTES + random.below(PAGE_BYTES / SECTOR_BYTES) * SECTOR_BYTES;
    return [
      { fates, rot: bit, salt: 0 },
      { fates, rot: { position: sector, bit: -1 }, salt: 0 },
    ];
  });
}

function isWritten(content: Blocks, page: number): boolean {
  const bytes = new Uint8Array(PAGE_BYTES);
  content.read(bytes, 0, PAGE_BYTES, page * PAGE_BYTES);
  return bytes.some((byte) => byte !== 0);
}

function applyRot(content: Blocks, { position, bit }: Rot): void {
  const bytes = new Uint8Array(bit < 0 ? SECTOR_BYTES : 1);
  content.read(bytes, 0, bytes.length, position);
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= bit < 0 ? 0xa5 : 1 << bit;
  content.write(bytes, 0, bytes.length, position);
}

/** Some of the items: the first two, and others at random. */
function sample<T>(items: readonly T[], limit: number, random: Random): T[] {
  if (items.length <= limit) return [...items];
  const kept = items.slice(0, 2);
  const others = items.slice(2);
  for (let i = 0; kept.length < limit; i++) {
    const at = i + random.below(others.length - i);
    [others[i], others[at]] = [others[at]!, others[i]!];
    kept.push(others[i]!);
  }
  return kept;
}
