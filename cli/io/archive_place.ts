/**
 * The place of an archive that a command names: a folder, or the URL of a bucket of S3, whose key
 * the environment has under the usual names.
 */

import { type ArchiveStore, folderStore } from "../../mod.ts";
import { s3Store } from "../../s3/mod.ts";
import { EXIT, Refusal } from "./exit.ts";

const KEY_ID = "AWS_ACCESS_KEY_ID";
const SECRET = "AWS_SECRET_ACCESS_KEY";
const TOKEN = "AWS_SESSION_TOKEN";
const REGION = "AWS_REGION";

/**
 * The store at a place.
 *
 * @param place A path, or a URL: its first folder is the bucket, unless the host names it, and the
 * hash is the prefix of the names.
 * @throws {Refusal} The environment has no key, or may not be read.
 */
export function storeAt(place: string): ArchiveStore {
  if (!/^https?:\/\//.test(place)) return folderStore(place);
  const url = URL.parse(place);
  if (url === null) {
    throw new Refusal(`Cannot use ${place}: it is no URL; name a bucket or a folder`);
  }
  const prefix = prefixIn(place, url.hash.slice(1));
  url.hash = "";
  try {
    const accessKeyId = needed(KEY_ID);
    const secretAccessKey = needed(SECRET);
    const [sessionToken, region] = [Deno.env.get(TOKEN), Deno.env.get(REGION)];
    return s3Store({ bucket: url, prefix, accessKeyId, secretAccessKey, sessionToken, region });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    const names = [KEY_ID, SECRET, TOKEN, REGION].join(",");
    const remedy = `run it with deno run --allow-net=${url.host} --allow-env=${names}`;
    throw new Refusal(`Cannot use ${place}: no permission for its key; ${remedy}`, EXIT.unusable);
  }
}

function prefixIn(place: string, encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    const remedy = "write a per cent sign as %25";
    throw new Refusal(`Cannot use ${place}: its prefix is not encoded as in a URL; ${remedy}`);
  }
}

function needed(name: string): string {
  const value = Deno.env.get(name);
  if (value !== undefined && value !== "") return value;
  throw new Refusal(`Cannot use the bucket: no key is known; set ${KEY_ID} and ${SECRET}`);
}
