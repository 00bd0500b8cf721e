/**
 * Every public class, method, function and codec is documented with an example. Errors, accessors
 * and the methods of a tree in a transaction, which are those of `Tree`, need none.
 *
 * It runs no example; `doc_test.ts` does.
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { HANG_MS } from "../support/programs/hang.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
/** The modules that users import. */
const FACES = [
  "mod.ts",
  "inspect.ts",
  "kv/mod.ts",
  "kv/connect/mod.ts",
  "level/mod.ts",
  "s3/mod.ts",
];
/** Its methods are those of `Tree`, which has the examples. */
const SAME_AS_TREE = "TransactionTree";

/** The documentation of a declaration. */
interface Documented {
  readonly name: string;
  readonly kind?: string;
  readonly jsDoc?: { readonly doc?: string };
  readonly def?: {
    readonly methods?: readonly Documented[];
    readonly extends?: string;
    readonly hasBody?: boolean;
  };
  readonly functionDef?: { readonly hasBody?: boolean };
}

/** The documentation of a symbol; overloads are several declarations. */
interface PublicSymbol {
  readonly name: string;
  readonly declarations: readonly Documented[];
}

/** The symbols of a module. */
async function publicSymbols(face: string): Promise<readonly PublicSymbol[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", face],
    cwd: TOP,
    signal: AbortSignal.timeout(HANG_MS),
  }).output();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  const [{ symbols }] = Object.values(nodes) as [{ symbols: readonly PublicSymbol[] }];
  return symbols;
}

function hasExample({ jsDoc }: Documented): boolean {
  return jsDoc?.doc?.includes("```ts\n") === true;
}

/** Methods that loops call. */
const ITERATION = ["next", "return", "throw"];

/** The names that need an example (`open`, `Tree`, `Tree.set`), and whether they have one. */
function examplesOf({ name, declarations }: PublicSymbol): [string, boolean][] {
  return declarations.flatMap((declared) => {
    const { kind, def } = declared;
    if (def?.extends === "Error" || !["class", "function", "variable"].includes(kind!)) return [];
    // Overloads are documented at their signatures, not at the implementation.
    const isSignature = ({ kind, def }: Documented) => kind === "function" && !def?.hasBody;
    if (kind === "function" && def?.hasBody && declarations.some(isSignature)) return [];
    const methods = name === SAME_AS_TREE ? [] : def?.methods ?? [];
    const isOverloaded = (method: Documented) =>
      methods.some((other) => other.name === method.name && !other.functionDef?.hasBody);
    const named = methods.filter((method) =>
      method.kind === "method" && /^\w/.test(method.name) && !ITERATION.includes(method.name) &&
      !(method.functionDef?.hasBody && isOverloaded(method))
    );
    return [declared, ...named].map((documented): [string, boolean] => {
      const path = documented === declared ? name : `${name}.${documented.name}`;
      return [path, hasExample(documented)];
    });
  });
}

describe("the public interface", () => {
  it("has an example of every class, method, function and codec", async () => {
    const faces = await Promise.all(FACES.map(publicSymbols));
    const all = faces.flat().flatMap(examplesOf);
    const names = new Set(all.map(([name]) => name));
    const some = ["open", "Tree", "Tree.set", "ReadTree.get", "Snapshot.tree", "tuple"];
    for (const name of [...some, "Inspector", "Kv.watch", "QuireLevel"]) {
      assert(names.has(name), `${name} was not checked`);
    }
    assertEquals(all.filter(([, has]) => !has).map(([name]) => name), []);
  });
});
