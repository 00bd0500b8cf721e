/**
 * The codecs by name, each with the forms that its values have outside, and those of a tree: what
 * the catalog keeps, unless the command line says otherwise.
 *
 * `raw` is bytes as they are kept, for any tree whatever its codec. It has no name in the catalog's
 * sense, so nothing is checked; it is what reads trees of codecs that this program does not have.
 * `raw:NAME` is the same for a tree whose codec has that name, which a new tree then keeps.
 */

import {
  bytes,
  type Codec,
  type Database,
  json,
  keyBytes,
  type KeyCodec,
  string,
  tuple,
  u64,
} from "../../mod.ts";
import { EXIT, Refusal } from "../io/exit.ts";
import {
  bytesForm,
  type Form,
  jsonForm,
  stringForm,
  structuredForm,
  tupleForm,
  u64Form,
} from "./json_form.ts";
import { keptStructured } from "./structured_form.ts";
import { oneLine } from "../io/text.ts";

/** A codec under its name, with the forms of its values. */
export interface NamedCodec {
  readonly name: string;
  readonly codec: Codec<unknown>;
  readonly form: Form;
}

/** The codecs of a tree. */
export interface CodecPair {
  readonly key: NamedCodec;
  readonly value: NamedCodec;
}

/** What the command line says of codecs. */
export interface CodecOptions {
  /** Of keys and values, as in `string,json`. */
  readonly codec?: string;
  readonly keyCodec?: string;
  readonly valueCodec?: string;
}

const raw: KeyCodec<Uint8Array> = {
  ordered: true,
  encode: (value) => bytes.encode(value),
  decode: (value) => value,
};

/** What begins the name of a codec whose values are given as the bytes that are kept. */
const RAW_OF = "raw:";

const FORMS: Readonly<Record<string, readonly [codec: unknown, form: Form]>> = {
  bytes: [bytes, bytesForm],
  string: [string, stringForm],
  tuple: [tuple, tupleForm],
  u64: [u64, u64Form],
  json: [json, jsonForm],
  structured: [keptStructured, structuredForm],
  raw: [raw, bytesForm],
};

/** The names of all codecs. */
export const CODEC_NAMES: readonly string[] = Object.keys(FORMS);

/** The names of codecs that keys can have. */
export const KEY_CODEC_NAMES: readonly string[] = CODEC_NAMES.filter((name) => {
  return (FORMS[name]![0] as Codec<unknown>).ordered !== false;
});

/**
 * The codecs of a tree that is there.
 *
 * @param willChange Whether entries will be written by them.
 * @throws {Refusal} There is no such tree, or an option names no codec.
 */
export function codecsOfTree(
  db: Database,
  name: string,
  options: CodecOptions,
  willChange = false,
): CodecPair {
  const stored = storedCodecs(db, name);
  const { key, value } = namesIn(options);
  return {
    key: byName(key ?? readable(name, "keys", stored.key, willChange), "key"),
    value: byName(value ?? readable(name, "values", stored.value, willChange), "value"),
  };
}

/**
 * The names of the codecs that a tree was made with.
 *
 * @throws {Refusal} There is no such tree.
 */
export function storedCodecs(db: Database, name: string): CodecNames {
  const stored = db.codecsOf(name);
  if (stored !== undefined) return stored;
  throw new Refusal(noTree(db, name), EXIT.no);
}

/** The names of codecs, of keys and of values. */
export interface CodecNames {
  readonly key: string;
  readonly value: string;
}

/**
 * The codecs of a tree that may have to be made.
 *
 * @param otherwise The names of the codecs of a new tree, unless the options say others.
 * @throws {Refusal} An option names no codec.
 */
export function codecsToWrite(
  db: Database,
  name: string,
  options: CodecOptions,
  otherwise: CodecNames,
): CodecPair {
  if (db.codecsOf(name) !== undefined) return codecsOfTree(db, name, options, true);
  const { key = otherwise.key, value = otherwise.value } = namesIn(options);
  return { key: byName(key, "key"), value: byName(value, "value") };
}

/**
 * The codecs of a tree that takes the entries of a dump, whether or not there is one.
 *
 * @param dumped What the dump says of its codecs, as `dumpedName` gives it.
 * @throws {Refusal} They are none, or the tree has others and no option says how to read the dump.
 */
export function codecsForDump(
  db: Database,
  name: string,
  options: CodecOptions,
  dumped: CodecNames,
): CodecPair {
  const stored = db.codecsOf(name);
  const given = namesIn(options);
  const pick = (what: keyof CodecNames): NamedCodec => {
    const ours = given[what];
    if (ours !== undefined) return byName(ours, what);
    const codec = byName(dumped[what], what, `the codec of ${what}s`);
    const own = stored?.[what] ?? "";
    if (own === "" || (codec.codec.name ?? own) === own) return codec;
    throw new Refusal(
      `Cannot load into tree ${oneLine(name)}: its ${what}s are ${oneLine(own)}, those of the ` +
        `dump ${oneLine(codec.codec.name ?? "")}; name another tree`,
    );
  };
  return { key: pick("key"), value: pick("value") };
}

/** The name that a dump has for a codec: `raw:` and its name where lines have the bytes as kept. */
export function dumpedName({ name }: NamedCodec, stored: string): string {
  return name === "raw" ? `${RAW_OF}${stored}` : name;
}

/** The same trees, with keys and values as the bytes that are kept. */
export function keptCodecs({ key, value }: CodecPair): CodecPair {
  return { key: rawCodec(key.codec.name), value: rawCodec(value.codec.name) };
}

/** Bytes as they are kept, under the name of a codec; without one, of any tree. */
export function rawCodec(name?: string): NamedCodec {
  const codec = name === undefined || name === "" ? raw : { ...raw, name };
  return { name: "raw", codec: codec as Codec<unknown>, form: bytesForm };
}

/** The codec of a name in the catalog; `raw` where there is none of that name. */
export function codecByName(name: string): NamedCodec {
  const known = Object.hasOwn(FORMS, name) ? name : "raw";
  const [codec, form] = FORMS[known]!;
  return { name: known, codec: codec as Codec<unknown>, form };
}

/** The codec of a name, for keys or for values. */
function byName(
  name: string,
  what: keyof CodecNames,
  where = `--${what}-codec`,
): NamedCodec {
  if (name.startsWith(RAW_OF)) return rawCodec(name.slice(RAW_OF.length));
  const names = what === "key" ? KEY_CODEC_NAMES : CODEC_NAMES;
  if (!names.includes(name)) {
    const reason = CODEC_NAMES.includes(name) ? "its bytes do not sort" : "there is no such codec";
    throw new Refusal(
      `Cannot use ${where} ${oneLine(name)}: ${reason}; there are ${names.join(", ")}`,
    );
  }
  const [codec, form] = FORMS[name]!;
  // Only the codec of keys that has no name of its own takes text.
  const own = name === "bytes" && what === "key" ? keyBytes : codec;
  return { name, codec: own as Codec<unknown>, form };
}

/** The names that the options give. */
function namesIn({ codec, keyCodec, valueCodec }: CodecOptions): { key?: string; value?: string } {
  const [ofKeys, ofValues, ...more] = codec?.split(",") ?? [];
  if (codec !== undefined && (ofValues === undefined || more.length > 0)) {
    throw new Refusal(
      `Cannot use --codec ${oneLine(codec)}: it is for keys and values; ` +
        "give both, as in --codec string,json",
    );
  }
  const key = keyCodec ?? ofKeys;
  const value = valueCodec ?? ofValues;
  return { ...(key !== undefined && { key }), ...(value !== undefined && { value }) };
}

/** The name of a stored codec, or `raw` for one that this program does not have. */
function readable(tree: string, what: string, name: string, willChange: boolean): string {
  if (name !== "raw" && Object.hasOwn(FORMS, name)) return name;
  if (!willChange) return "raw";
  const codec = name === "" ? "a codec without a name" : `the codec ${oneLine(name)}`;
  const option = what === "keys" ? "--key-codec" : "--value-codec";
  throw new Refusal(
    `Cannot change tree ${oneLine(tree)}: its ${what} are of ${codec}, which is not here; ` +
      `${option} raw takes bytes as they are to be kept`,
  );
}

function noTree(db: Database, name: string): string {
  const names = db.trees().map(oneLine);
  const there = names.length === 0 ? "there is none" : `there are ${listed(names)}`;
  return `Cannot find tree ${oneLine(name)}: ${there}; name another`;
}

function listed(names: readonly string[], most = 8): string {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}
