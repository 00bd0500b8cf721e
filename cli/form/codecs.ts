/**
 * Codecs by name, each with the external forms of its values, and the codecs of a tree: those of
 * the catalog, unless the command line names others.
 *
 * `raw` is the stored bytes, for a tree of any codec. It has no name in the catalog, so nothing is
 * checked; it reads trees whose codecs this program does not have. `raw:NAME` is the stored bytes
 * for a tree whose codec has that name; a new tree is created with the name.
 */

import { kvKey, kvMessage, kvRecord } from "../../kv/mod.ts";
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
import { oneLine } from "../io/text.ts";
import {
  bytesForm,
  type Form,
  jsonForm,
  stringForm,
  structuredForm,
  tupleForm,
  u64Form,
} from "./json_form.ts";
import { messageForm, recordForm } from "./kv_form.ts";
import { keptStructured } from "./structured_form.ts";

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

/** The codec options of the command line. */
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

/** The prefix of a codec name whose values are given as stored bytes. */
const RAW_OF = "raw:";

const FORMS: Readonly<Record<string, readonly [codec: unknown, form: Form]>> = {
  bytes: [bytes, bytesForm],
  string: [string, stringForm],
  tuple: [tuple, tupleForm],
  u64: [u64, u64Form],
  json: [json, jsonForm],
  structured: [keptStructured, structuredForm],
  "kv.key": [kvKey, tupleForm],
  "kv.record": [kvRecord, recordForm],
  "kv.message": [kvMessage, messageForm],
  raw: [raw, bytesForm],
};

/** The names of all codecs. */
export const CODEC_NAMES: readonly string[] = Object.keys(FORMS);

/** The names of ordered codecs, which keys can have. */
export const KEY_CODEC_NAMES: readonly string[] = CODEC_NAMES.filter((name) => {
  return (FORMS[name]![0] as Codec<unknown>).ordered !== false;
});

/**
 * The codecs of an existing tree.
 *
 * @param willChange Whether they will write entries.
 * @throws {Refusal} The tree does not exist, or an option names an unknown codec.
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
 * The names of the codecs that a tree was created with.
 *
 * @throws {Refusal} The tree does not exist.
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
 * The codecs of a tree that may not exist yet.
 *
 * @param otherwise The default codecs of a new tree.
 * @throws {Refusal} An option names an unknown codec.
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
 * The codecs of a tree that a dump is loaded into, whether or not it exists.
 *
 * @param dumped The codecs named by the dump, as `dumpedName` gives them.
 * @throws {Refusal} They are unknown, or the tree has others and no option overrides the dump.
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

/** The name of a codec in a dump: `raw:` and its name if lines have the stored bytes. */
export function dumpedName({ name }: NamedCodec, stored: string): string {
  return name === "raw" ? `${RAW_OF}${stored}` : name;
}

/** The same codecs by name, with keys and values as stored bytes. */
export function keptCodecs({ key, value }: CodecPair): CodecPair {
  return { key: rawCodec(key.codec.name), value: rawCodec(value.codec.name) };
}

/** Stored bytes under the name of a codec; without a name, of any tree. */
export function rawCodec(name?: string): NamedCodec {
  const codec = name === undefined || name === "" ? raw : { ...raw, name };
  return { name: "raw", codec: codec as Codec<unknown>, form: bytesForm };
}

/** The codec of a name in the catalog; `raw` if the name is unknown. */
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
  // Of the two codecs of bytes, only `keyBytes` accepts text.
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

/** The name of a stored codec, or `raw` if this program does not have it. */
function readable(tree: string, what: string, name: string, willChange: boolean): string {
  if (name !== "raw" && Object.hasOwn(FORMS, name)) return name;
  if (!willChange) return "raw";
  const codec = name === "" ? "a codec without a name" : `the codec ${oneLine(name)}`;
  const option = what === "keys" ? "--key-codec" : "--value-codec";
  throw new Refusal(
    `Cannot change tree ${oneLine(tree)}: its ${what} have ${codec}, which is unknown here; ` +
      `${option} raw takes the stored bytes`,
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
