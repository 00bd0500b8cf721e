/**
 * The values of many keys, which are looked up in batches, so that their waits for memory overlap.
 *
 * The source of the keys, and their codec, may use the database while a batch is filled. Nothing
 * else runs between the descent of a batch and its last value. Values outside of their leaves are
 * read after the others, because their pages may have to be loaded.
 */

import { type BTree, LookupBatch } from "../../btree/mod.ts";
import { inEntry } from "./codec_error.ts";
import type { TreeFormat } from "./tree_format.ts";
import type { TreeSource } from "./tree_source.ts";

/** The parts of a tree that the look-ups need. */
export interface LookedUp<V, KI> {
  /** Its name, for errors. */
  readonly name: string;
  /** Its codecs. */
  readonly format: TreeFormat<unknown, V, KI, never, never>;
  /** The source of its pages. */
  readonly source: TreeSource;
  /** Finds it, or returns undefined if no tree has the name. */
  find(): BTree | undefined;
}

/** Lower trees fit in the caches of the processor, so that there are no waits. */
const BATCHED_LEVELS = 3;

/** Whether the keys of a tree are looked up in batches. A user's codec may run any code. */
export function isBatched<V, KI>({ format, find }: LookedUp<V, KI>): boolean {
  return format.decodesAlone && (find()?.levels() ?? 0) >= BATCHED_LEVELS;
}

/** An idle batch. A call inside of another one creates its own. */
let idle: LookupBatch | undefined;

/** The values of keys of a batched tree, in their order; undefined for a key without an entry. */
export function getMany<V, KI>(tree: LookedUp<V, KI>, keys: Iterable<KI>): (V | undefined)[] {
  const batch = idle ?? new LookupBatch();
  idle = undefined;
  batch.clear();
  const values: (V | undefined)[] = [];
  const given: KI[] = [];
  for (const key of keys) {
    addTo(batch, tree, key);
    given.push(key);
    if (!batch.isFull) continue;
    takeValues(batch, tree, given, values);
    batch.clear();
    given.length = 0;
  }
  takeValues(batch, tree, given, values);
  idle = batch;
  return values;
}

function addTo<V, KI>(batch: LookupBatch, { name, format }: LookedUp<V, KI>, key: KI): void {
  let length: number;
  try {
    length = format.encodeKey(key);
  } catch (error) {
    throw inEntry(error, name, key);
  }
  batch.add(format.encodedKey, length);
}

/** Adds the values of a batch to the results. */
function takeValues<V, KI>(
  batch: LookupBatch,
  tree: LookedUp<V, KI>,
  given: readonly KI[],
  values: (V | undefined)[],
): void {
  const btree = tree.find();
  const { count } = batch;
  if (btree === undefined) {
    for (let index = 0; index < count; index++) values.push(undefined);
    return;
  }
  batch.descend(btree.nodes);
  const first = values.length;
  let hasFar = false;
  for (let index = 0; index < count; index++) {
    const found = btree.findOf(batch, index);
    const isNear = found !== undefined && found.length >= 0;
    if (found !== undefined && !isNear) hasFar = true;
    values.push(isNear ? valueOf(tree, btree, given[index]!) : undefined);
  }
  if (!hasFar) return;
  for (let index = 0; index < count; index++) {
    const found = btree.find(batch.key(index), batch.keyLength(index));
    if (found === undefined || found.length >= 0) continue;
    values[first + index] = valueOf(tree, btree, given[index]!);
  }
}

/** The value of the entry that was found last. */
function valueOf<V, KI>({ name, format, source }: LookedUp<V, KI>, btree: BTree, key: KI): V {
  try {
    return format.foundValue(btree, source.slab);
  } catch (error) {
    throw inEntry(error, name, key);
  }
}
