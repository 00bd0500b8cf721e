/**
 * The dependencies of the command line when it is run by URL, where no lock file applies: packages
 * at one exact version without dependencies, so that no third party chooses the code.
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
/** A package and its version, in a source. */
const PACKAGE = /["']npm:((?:@[\w.-]+\/)?[\w.-]+@[^"'/]+)/g;

interface Lock {
  readonly npm: Readonly<Record<string, { readonly dependencies?: readonly string[] }>>;
}

/** The sources below a folder. */
function* sourcesIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sourcesIn(path);
    else if (name.endsWith(".ts") && !name.endsWith("_test.ts")) yield path;
  }
}

describe("security: packages of the command line", () => {
  it("are few, at one version each, and depend on no others", () => {
    const sources = [...sourcesIn(`${TOP}cli`), ...sourcesIn(`${TOP}kv`)];
    const texts = sources.map((path) => Deno.readTextFileSync(path));
    const found = texts.flatMap((text) => [...text.matchAll(PACKAGE)].map(([, name]) => name!));
    const packages = [...new Set(found)].sort();
    const names = packages.map((name) => name.slice(0, name.lastIndexOf("@")));
    assertEquals(names, ["@bufbuild/protobuf", "commander", "htm", "preact"]);
    const lock: Lock = JSON.parse(Deno.readTextFileSync(`${TOP}deno.lock`));
    for (const name of packages) {
      assert(name in lock.npm, `${name} is not locked at this version`);
      assertEquals(lock.npm[name]?.dependencies ?? [], [], name);
    }
  });
});
