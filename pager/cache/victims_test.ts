// AgeQueue: the oldest place leaves first, to the precision of the queue.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import { AgeQueue } from "./victims.ts";

function queueOf(ages: readonly number[]): AgeQueue {
  const queue = new AgeQueue();
  queue.reserve(ages.length);
  ages.forEach((age, place) => queue.add(place, age));
  return queue;
}

describe("AgeQueue", () => {
  it("takes the places in the exact order of ages below 2048", () => {
    const ages = Array.from({ length: 2048 }, (_, i) => i * 1021 % 2048);
    const queue = queueOf(ages);
    for (let age = 2047; age >= 0; age--) assertEquals(ages[queue.take()], age);
    assertEquals(queue.take(), -1);
  });

  it("takes the oldest of all ages, to a thousandth", () => {
    const random = new Random(1);
    const ages = [0, 1, 2 ** 30 - 1];
    for (let i = 0; i < 10_000; i++) ages.push(random.below(2 ** random.below(31)));
    const queue = queueOf(ages);
    let youngest = Infinity;
    for (let i = 0; i < ages.length; i++) {
      const age = ages[queue.take()]!;
      assert(age <= youngest * 1.001, `${age} after ${youngest}`);
      assert(queue.hadAge(age) && !queue.hadAge(-1));
      youngest = Math.min(youngest, age);
    }
    assertEquals(queue.take(), -1);
  });

  it("takes a place older than the last one when it is added later", () => {
    const queue = queueOf([5, 9]);
    assertEquals(queue.take(), 1);
    queue.add(1, 700);
    assertEquals([queue.take(), queue.hadAge(700), queue.hadAge(5)], [1, true, false]);
    assertEquals([queue.take(), queue.take()], [0, -1]);
  });

  it("is empty after a clear, and after it reserved more room", () => {
    const queue = queueOf([3, 4]);
    assertEquals([queue.reserve(2), queue.take()], [false, 1]);
    queue.clear();
    assertEquals(queue.take(), -1);
    queue.add(0, 1);
    assertEquals([queue.reserve(100), queue.take()], [true, -1]);
  });
});
