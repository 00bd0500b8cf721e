/**
 * An index of key ranges: finds the ranges that contain a key, or that overlap a range, without
 * comparing the others.
 *
 * It is a treap: a binary search tree by lower bound, then upper bound, which random priorities
 * keep shallow. Each node also has the highest upper bound of its subtree, so that a search leaves
 * out subtrees that end before the key. A search visits O(log n) nodes and O(log n) for each match.
 *
 * Invariants:
 * 1. Nodes are in order of their bounds, and the priority of a node is not below its children's.
 * 2. `end` is the highest upper bound in the subtree of a node; undefined is above every key.
 * 3. No range is empty, and every node has a value.
 */

import { compareKeys } from "../../btree/mod.ts";

type Bound = Uint8Array | undefined;

/** A range of keys, from `lower`, inclusive, to `upper`, exclusive. */
export interface KeySpan {
  /** The lower bound, inclusive; undefined = none. */
  readonly lower: Bound;
  /** The upper bound, exclusive; undefined = none. */
  readonly upper: Bound;
}

interface Node<T> extends KeySpan {
  /** The values of this range, in the order in which they were added. */
  readonly values: Set<T>;
  readonly priority: number;
  left: Node<T> | undefined;
  right: Node<T> | undefined;
  end: Bound;
}

/** An index of values by key range. */
export class RangeIndex<T> {
  #root: Node<T> | undefined;
  #seed = 1;

  /** Adds a value. A value of an empty range is never found. */
  add(span: KeySpan, value: T): void {
    if (!isEmpty(span)) this.#root = this.#insert(this.#root, span, value);
  }

  /** Removes a value that was added with the same range. */
  remove(span: KeySpan, value: T): void {
    if (!isEmpty(span)) this.#root = removeFrom(this.#root, span, value);
  }

  /**
   * Appends the values whose range contains a key to `found`.
   *
   * @returns The number of ranges that were compared.
   */
  findKey(key: Uint8Array, length: number, found: T[]): number {
    return findKeyIn(this.#root, key, length, found);
  }

  /**
   * Appends the values whose range overlaps a range to `found`.
   *
   * @returns The number of ranges that were compared.
   */
  findOverlaps(span: KeySpan, found: T[]): number {
    return isEmpty(span) ? 0 : findOverlapsIn(this.#root, span, found);
  }

  #insert(node: Node<T> | undefined, span: KeySpan, value: T): Node<T> {
    if (node === undefined) return this.#newNode(span, value);
    const order = compareSpans(span, node);
    if (order === 0) {
      node.values.add(value);
      return node;
    }
    if (order < 0) node.left = this.#insert(node.left, span, value);
    else node.right = this.#insert(node.right, span, value);
    const child = order < 0 ? node.left! : node.right!;
    if (child.priority > node.priority) return rotateUp(node, child);
    setEnd(node);
    return node;
  }

  #newNode({ lower, upper }: KeySpan, value: T): Node<T> {
    // A linear congruential generator: the same changes always make the same tree.
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    const priority = this.#seed;
    const values = new Set([value]);
    return { lower, upper, values, priority, left: undefined, right: undefined, end: upper };
  }
}

function removeFrom<T>(node: Node<T> | undefined, span: KeySpan, value: T): Node<T> | undefined {
  if (node === undefined) return undefined;
  const order = compareSpans(span, node);
  if (order === 0) {
    node.values.delete(value);
    return node.values.size > 0 ? node : merge(node.left, node.right);
  }
  if (order < 0) node.left = removeFrom(node.left, span, value);
  else node.right = removeFrom(node.right, span, value);
  setEnd(node);
  return node;
}

/** Joins two subtrees, of which the first is before the second. */
function merge<T>(left: Node<T> | undefined, right: Node<T> | undefined): Node<T> | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  const isLeftRoot = left.priority > right.priority;
  const root = isLeftRoot ? left : right;
  if (isLeftRoot) left.right = merge(left.right, right);
  else right.left = merge(left, right.left);
  setEnd(root);
  return root;
}

/** Rotates a child above its parent. Returns the child. */
function rotateUp<T>(node: Node<T>, child: Node<T>): Node<T> {
  if (child === node.left) {
    node.left = child.right;
    child.right = node;
  } else {
    node.right = child.left;
    child.left = node;
  }
  setEnd(node);
  setEnd(child);
  return child;
}

/** Sets the end of a node from its own upper bound and the ends of its children. */
function setEnd<T>(node: Node<T>): void {
  let end = node.upper;
  if (node.left !== undefined) end = higherOf(end, node.left.end);
  if (node.right !== undefined) end = higherOf(end, node.right.end);
  node.end = end;
}

function findKeyIn<T>(
  node: Node<T> | undefined,
  key: Uint8Array,
  length: number,
  found: T[],
): number {
  if (node === undefined || !isBelow(key, length, node.end)) return 0;
  let compared = 1 + findKeyIn(node.left, key, length, found);
  const { lower } = node;
  if (lower === undefined || compareKeys(key, length, lower, lower.length) >= 0) {
    if (isBelow(key, length, node.upper)) { for (const value of node.values) found.push(value); }
    compared += findKeyIn(node.right, key, length, found);
  }
  return compared;
}

function findOverlapsIn<T>(node: Node<T> | undefined, span: KeySpan, found: T[]): number {
  if (node === undefined || !begins(span.lower, node.end)) return 0;
  let compared = 1 + findOverlapsIn(node.left, span, found);
  if (begins(node.lower, span.upper)) {
    if (begins(span.lower, node.upper)) { for (const value of node.values) found.push(value); }
    compared += findOverlapsIn(node.right, span, found);
  }
  return compared;
}

/** Whether a key is below an upper bound. */
function isBelow(key: Uint8Array, length: number, upper: Bound): boolean {
  return upper === undefined || compareKeys(key, length, upper, upper.length) < 0;
}

/** Whether a lower bound is below an upper bound. */
function begins(lower: Bound, upper: Bound): boolean {
  if (upper === undefined) return true;
  return lower === undefined ? upper.length > 0 : isBelow(lower, lower.length, upper);
}

function isEmpty({ lower, upper }: KeySpan): boolean {
  return !begins(lower, upper);
}

function higherOf(a: Bound, b: Bound): Bound {
  if (a === undefined || b === undefined) return undefined;
  return compareKeys(a, a.length, b, b.length) < 0 ? b : a;
}

/** Orders ranges by lower bound, then by upper bound. */
function compareSpans(a: KeySpan, b: KeySpan): number {
  return compareBounds(a.lower, b.lower, -1) || compareBounds(a.upper, b.upper, 1);
}

/** Compares two bounds; a missing one is at the end that `missing` gives. */
function compareBounds(a: Bound, b: Bound, missing: -1 | 1): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? missing : -missing;
  return compareKeys(a, a.length, b, b.length);
}
