// The types that the compiler accepts. The check fails if a line marked as an error is not one.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type Codec,
  json,
  keyBytes,
  type KeyCodec,
  string,
  structured,
  tuple,
  type TuplePart,
  type TuplePrefix,
  u64,
  type ValueCodec,
} from "./mod.ts";

/** True where two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** The types that a tree derives from its codecs. */
interface Typed<Key, KeyIn, Prefix, Value, ValueIn> {
  readonly key: Key;
  readonly keyIn: KeyIn;
  readonly prefix: Prefix;
  readonly value: Value;
  readonly valueIn: ValueIn;
}

/** A substitute for the call that opens a tree, with types only. */
function typed<
  Key = Uint8Array,
  KeyIn = Uint8Array | string,
  Prefix = KeyIn,
  Value = Uint8Array,
  ValueIn = Value,
>(
  _codecs: { key?: KeyCodec<Key, KeyIn, Prefix>; value?: Codec<Value, ValueIn> },
): Typed<Key, KeyIn, Prefix, Value, ValueIn> {
  return {} as Typed<Key, KeyIn, Prefix, Value, ValueIn>;
}

interface City {
  readonly population: number;
}

const own = {
  encode: (value: Date): Uint8Array => new TextEncoder().encode(value.toISOString()),
  decode: (bytes: Uint8Array): Date => new Date(new TextDecoder().decode(bytes)),
};

/** Fails the check of types where two of them differ. */
function same<_Is extends true>(): void {}

describe("the types of codecs", () => {
  it("tell those for keys from those for values", () => {
    typed({ key: tuple, value: json });
    typed({ key: keyBytes, value: string });
    typed({ key: own, value: own });
    // @ts-expect-error: JSON does not sort as its values do.
    typed({ key: json });
    // @ts-expect-error: nor with a type.
    typed({ key: json.as<City>() });
    // @ts-expect-error: nor do clones.
    typed({ key: structured });
    // @ts-expect-error: a codec may not say of itself that it does not sort.
    typed({ key: { ...own, ordered: false } });
    const forKeys: KeyCodec<Date> = own;
    const forValues: Codec<Date> = own;
    assertEquals(forKeys, forValues);
  });

  it("are found from the codecs given", () => {
    const cities = typed({ key: tuple.as<[string, number]>(), value: json.as<City>() });
    type Cities = typeof cities;
    same<Same<Cities["key"], [string, number]>>();
    same<Same<Cities["keyIn"], readonly [string, number]>>();
    same<
      Same<Cities["prefix"], readonly [] | readonly [string] | readonly [string, number]>
    >();
    same<Same<Cities["value"], City>>();
    same<Same<Cities["valueIn"], City>>();

    const counts = typed({ key: u64, value: own });
    type Counts = typeof counts;
    same<Same<Counts["key"], bigint>>();
    same<Same<Counts["keyIn"], bigint | number>>();
    same<Same<Counts["prefix"], never>>();
    same<Same<Counts["value"], Date>>();

    const plain = typed({});
    type Plain = typeof plain;
    same<Same<Plain["key"], Uint8Array>>();
    same<Same<Plain["keyIn"], Uint8Array | string>>();
    same<Same<Plain["value"], Uint8Array>>();

    const loose = typed({ key: tuple, value: json });
    type Loose = typeof loose;
    same<Same<Loose["key"], TuplePart[]>>();
    same<Same<Loose["prefix"], readonly TuplePart[]>>();
    same<Same<Loose["value"], unknown>>();
  });

  it("hold for what is encoded and decoded", () => {
    const city = tuple.as<[country: string, rank: number]>();
    const bytes = city.encode(["ES", 1]);
    const [country, rank]: [string, number] = city.decode(bytes);
    assertEquals([country, rank], ["ES", 1]);
    // @ts-expect-error: parts are of their types,
    city.encode([1, "ES"]);
    // @ts-expect-error: and all there.
    city.encode(["ES"]);
    // @ts-expect-error: a date is no part.
    tuple.as<[Date]>();
    // @ts-expect-error: keys in bytes take no numbers.
    same<Same<Parameters<typeof keyBytes.encode>[0], number>>();
    // @ts-expect-error: what JSON returns is not known without a type.
    json.decode(new TextEncoder().encode("{}")).population;
  });

  it("make prefixes of tuples", () => {
    same<Same<TuplePrefix<[]>, readonly []>>();
    same<Same<TuplePrefix<string[]>, readonly string[]>>();
    same<Same<TuplePrefix<readonly [1n]>, readonly [] | readonly [1n]>>();
    same<
      Same<TuplePrefix<[string, ...number[]]>, readonly [] | readonly [string, ...number[]]>
    >();
    const prefix: TuplePrefix<[string, number, boolean]> = ["a", 1];
    // @ts-expect-error: a prefix has the first parts, not others.
    const wrong: TuplePrefix<[string, number, boolean]> = [1];
    // @ts-expect-error: and no more than there are.
    const long: TuplePrefix<[string]> = ["a", 1];
    assertEquals([prefix.length, wrong.length, long.length], [2, 1, 2]);
  });

  it("keep codecs for values apart", () => {
    const forValues: ValueCodec<City> = structured.as<City>();
    // @ts-expect-error: one that sorts does not say that it does not.
    const not: ValueCodec<string> = string;
    assertEquals([forValues.name, not.name], ["structured", "string"]);
  });
});
