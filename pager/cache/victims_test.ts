// Victims: the oldest place leaves first, to the precision of the queue.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import { Victims } from "./victims.ts";

function queueOf(ages: readonly number[]): Victims {
  const victims = new Victims();
  victims.reserve(ages.length);
  ages.forEach((age, place) => victims.add(place, age));
  return victims;
}

describe("Victims", () => {
  it("takes the places in the exact order of ages below 2048", () => {
    const ages = Array.from({ length: 2048 }, (_, i) => i * 1021 % 2048);
    const victims = queueOf(ages);
    for (let age = 2047; age >= 0; age--) assertEquals(ages[victims.take()], age);
    assertEquals(victims.take(), -1);
  });

  it("takes the oldest of all ages, to a thousandth", () => {
    const random = new Random(1);
    const ages = [0, 1, 2 ** 30 - 1];
    for (let i = 0; i < 10_000; i++) ages.push(random.below(2 ** random.below(31)));
    const victims = queueOf(ages);
    let youngest = Infinity;
    for (let i = 0; i < ages.length; i++) {
      const age = ages[victims.take()]!;
      assert(age <= youngest * 1.001, `${age} after ${youngest}`);
      assert(victims.hadAge(age) && !victims.hadAge(-1));
      youngest = Math.min(youngest, age);
    }
    assertEquals(victims.take(), -1);
  });

  it("takes a place older than the last one when it is added later", () => {
    const victims = queueOf([5, 9]);
    assertEquals(victims.take(), 1);
    victims.add(1, 700);
    assertEquals([victims.take(), victims.hadAge(700), victims.hadAge(5)], [1, true, false]);
    assertEquals([victims.take(), victims.take()], [0, -1]);
  });

  it("is empty after a clear, and after it reserved more room", () => {
    const victims = queueOf([3, 4]);
    assertEquals([victims.reserve(2), victims.take()], [false, 1]);
    victims.clear();
    assertEquals(victims.take(), -1);
    victims.add(0, 1);
    assertEquals([victims.reserve(100), victims.take()], [true, -1]);
  });
});
