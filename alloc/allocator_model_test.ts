// Compares the allocator with a set of used pages: random transactions, savepoints, rollbacks and
// reopens, with every bit compared after each step. QUIRE_ALLOCATOR=all takes all seeds.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, MemoryFile } from "../pager/mod.ts";
import { Random } from "../tests/support/random.ts";
import { numbers, openSpace, type Space, usedPages } from "../tests/support/trees/space.ts";
import { isInTurn } from "../tests/support/turn.ts";

const { KIND_LEAF } = format;
/** A run takes one seed in this many, others another time. */
const EVERY = Deno.env.get("QUIRE_ALLOCATOR") === "all" ? 1 : 2;
const SMALL_CACHE_BYTES = 8 * 1024 * 1024;

/** Random transactions, checked against a set of used pages. */
class ModelTest {
  readonly #file = new MemoryFile();
  readonly #random: Random;
  readonly #cacheBytes: number;
  #space: Space;
  /** The spans in use, by first page. */
  #used = new Map<number, number>();
  /** The first pages and spans of uncommitted releases, by depth. */
  #retired: Set<number>[] = [];

  constructor(seed: number, cacheBytes: number) {
    this.#random = new Random(seed);
    this.#cacheBytes = cacheBytes;
    this.#space = openSpace(this.#file, cacheBytes);
  }

  run(transactions: number): void {
    for (let i = 0; i < transactions; i++) {
      this.#transaction(0);
      this.#expectModel();
      if (this.#random.once(8)) this.#space.pager.checkpoint();
      if (this.#random.once(6)) this.#reopen();
    }
    this.#reopen();
    this.#expectModel();
    this.#space.pager.close();
  }

  #transaction(depth: number): void {
    const before = new Map(this.#used);
    this.#space.pager.begin();
    this.#retired.push(new Set());
    const shrinks = this.#random.once(3);
    for (let step = this.#random.below(40); step > 0; step--) {
      if (depth < 3 && this.#random.once(12)) this.#transaction(depth + 1);
      else if (this.#random.below(10) < (shrinks ? 8 : 3)) this.#release();
      else this.#allocate();
    }
    const retired = this.#retired.pop() ?? new Set();
    if (this.#random.once(4)) {
      this.#space.pager.rollback();
      this.#used = before;
      return;
    }
    this.#space.pager.commit();
    for (const page of retired) this.#retired.at(-1)?.add(page);
  }

  #allocate(): void {
    const { allocator } = this.#space;
    const span = this.#random.once(3) ? this.#random.pick([2, 7, 8, 9, 64, 254, 255]) : 1;
    const near = this.#random.once(2) ? 0 : [...this.#used.keys()].at(0) ?? 0;
    const page = span === 1
      ? allocator.allocate(KIND_LEAF, 1, near)
      : allocator.allocateRun(span, 1, near);
    for (let i = page; i < page + span; i++) {
      assert(
        !this.#retired.some((retired) => retired.has(i)),
        `page ${i} was taken while it was retired`,
      );
    }
    assert(!this.#used.has(page), `page ${page} was taken twice`);
    this.#used.set(page, span);
  }

  #release(): void {
    if (this.#used.size === 0) return;
    const page = this.#random.pick([...this.#used.keys()]);
    const span = this.#used.get(page) ?? 0;
    this.#space.allocator.release(page, span);
    this.#used.delete(page);
    numbers(page, span).forEach((i) => this.#retired.at(-1)?.add(i));
  }

  #reopen(): void {
    this.#space.pager.close();
    this.#space = openSpace(this.#file, this.#cacheBytes);
    this.#expectHint();
  }

  #expectModel(): void {
    const expected = [...this.#used].flatMap(([page, span]) => numbers(page, span));
    assertEquals(usedPages(this.#space), expected.sort((a, b) => a - b));
    this.#expectHint();
  }

  #expectHint(): void {
    const { pager, allocator } = this.#space;
    const { allocatorHint, pageCount } = pager.meta;
    for (let page = 3; page < Math.min(allocatorHint * 256, pageCount); page++) {
      assert(allocator.isInUse(page), `page ${page} is free below the hint ${allocatorHint}`);
    }
  }
}

describe("Allocator against a model", () => {
  for (let seed = 0; seed < 6; seed++) {
    if (!isInTurn(seed, EVERY)) continue;
    it(`has exactly the used pages after every commit, rollback and reopen: seed ${seed}`, () => {
      new ModelTest(seed, 64 * 1024 * 1024).run(60);
    });
  }

  for (let seed = 100; seed < 104; seed++) {
    if (!isInTurn(seed, EVERY)) continue;
    it(`has exactly the used pages under a small cache: seed ${seed}`, () => {
      new ModelTest(seed, SMALL_CACHE_BYTES).run(60);
    });
  }
});
