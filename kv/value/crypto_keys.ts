/**
 * A `CryptoKey` as the plain data that Deno KV stores, and back. `node:crypto` has both directions
 * without a promise, also for keys that are not extractable.
 *
 * ```text
 * HMAC, AES       { type: "secret", data: its bytes }
 * RSA             { type: "private" or "public", data: PKCS #1 }
 * elliptic curves { type: "private", data: PKCS #8 } or { type: "public", data: the point }
 * 25519 and 448   its bytes, those of the seed if it is private
 * ```
 *
 * Deno KV stores the private key in place of a public one that was generated with it.
 */

import { createPrivateKey, createPublicKey, createSecretKey, KeyObject } from "node:crypto";

/** The bytes of an uncompressed point, by curve. */
const POINT_BYTES: Readonly<Record<string, number>> = { "P-256": 65, "P-384": 97, "P-521": 133 };
/** The bytes of a key of a curve that has a name of its own, and what precedes them in PKCS #8. */
const NAMED_CURVES: Readonly<Record<string, readonly [bytes: number, prefix: string]>> = {
  Ed25519: [32, "302e020100300506032b657004220420"],
  X25519: [32, "302e020100300506032b656e04220420"],
  X448: [56, "3046020100300506032b656f043a0438"],
};

/** The key itself as data. */
type KeyMaterial = Uint8Array | { readonly type: string; readonly data: Uint8Array };

/** A key as data. */
export interface KeyData {
  readonly type: "CryptoKey";
  readonly keyType: string;
  readonly extractable: boolean;
  readonly usages: KeyUsage[];
  readonly algorithm: KeyAlgorithm & { readonly namedCurve?: string };
  readonly keyData: KeyMaterial;
}

/** A key as data. */
export function dataOfKey(key: CryptoKey): KeyData {
  return {
    type: "CryptoKey",
    keyType: key.type,
    extractable: key.extractable,
    usages: [...key.usages],
    algorithm: { ...key.algorithm },
    keyData: materialOf(key),
  };
}

function materialOf(key: CryptoKey): KeyMaterial {
  const object = KeyObject.from(key as never);
  const { type } = key;
  if (type === "secret") return { type, data: new Uint8Array(object.export()) };
  const { name, namedCurve = "" } = key.algorithm as KeyData["algorithm"];
  const der = (form: string) => {
    const bytes = object.export({ format: "der", type: form } as never) as unknown as Uint8Array;
    return new Uint8Array(bytes);
  };
  const wrapped = () => der(type === "private" ? "pkcs8" : "spki");
  const named = NAMED_CURVES[name];
  if (named !== undefined) return wrapped().slice(-named[0]);
  const point = POINT_BYTES[namedCurve];
  if (point === undefined) return { type, data: der("pkcs1") };
  return { type, data: type === "private" ? wrapped() : wrapped().slice(-point) };
}

/**
 * The key of data.
 *
 * @throws {Error} They are malformed.
 */
export function keyOfData(data: KeyData): CryptoKey {
  const object = objectOf(data);
  const isPrivate = object.type === "private" && data.keyType === "public";
  const key = isPrivate ? createPublicKey(object) : object;
  // The types of Node lack the method.
  const convertible = key as unknown as {
    toCryptoKey(algorithm: unknown, extractable: boolean, usages: unknown): CryptoKey;
  };
  return convertible.toCryptoKey(data.algorithm, data.extractable, data.usages);
}

function objectOf({ keyType, algorithm, keyData }: KeyData): KeyObject {
  const { name, namedCurve = "" } = algorithm;
  if (keyData instanceof Uint8Array) return ofNamedCurve(name, keyType, keyData);
  const { type, data } = keyData;
  if (type === "secret") return createSecretKey(data);
  const key = data as never;
  const isCurve = POINT_BYTES[namedCurve] !== undefined;
  if (type === "private") {
    return createPrivateKey({ key, format: "der", type: isCurve ? "pkcs8" : "pkcs1" });
  }
  if (!isCurve) return createPublicKey({ key, format: "der", type: "pkcs1" });
  const half = (data.length - 1) / 2;
  const [x, y] = [data.slice(1, half + 1), data.slice(half + 1)].map(base64);
  return createPublicKey({ key: { kty: "EC", crv: namedCurve, x, y } as never, format: "jwk" });
}

function ofNamedCurve(name: string, keyType: string, bytes: Uint8Array): KeyObject {
  if (keyType === "public") {
    const key = { kty: "OKP", crv: name, x: base64(bytes) };
    return createPublicKey({ key: key as never, format: "jwk" });
  }
  const prefix = Uint8Array.fromHex(NAMED_CURVES[name]?.[1] ?? "");
  const key = new Uint8Array([...prefix, ...bytes]) as never;
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}

function base64(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
