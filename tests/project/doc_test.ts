/**
 * The examples in the documentation: every public class, method, function and codec has one, and
 * all of them run, those of the README too.
 *
 * They run in a folder of their own, as some open a file. An example shows what is true by
 * `console.assert`, which readers know and which does not throw: what it prints is a failure here.
 * Errors, accessors and the methods of a tree in a transaction, which are those of `Tree`, need
 * none.
 */

import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../support/temp.ts";
import { readTree } from "./support/source_tree.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
const TIMEOUT_MS = 240_000;
/** What users import beside the layers. */
const FACES = ["mod.ts", "cli/mod.ts"];
const LAYERS = ["pager", "alloc", "btree", "store"];
/** Its methods are those of `Tree`, where the examples are. */
const SAME_AS_TREE = "TransactionTree";

/** How a run of examples ended, and what was printed. */
interface Outcome {
  readonly code: number;
  readonly text: string;
}

/** Runs the examples of some files. */
async function runExamples(dir: string, files: readonly string[]): Promise<Outcome> {
  const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-sys"];
  permissions.push("--allow-net=127.0.0.1");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--doc", "--config", `${TOP}/deno.json`, ...permissions, ...files],
    cwd: dir,
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Fails unless all examples ran, and what they say is true. */
function assertRan({ code, text }: Outcome): void {
  assertEquals(text.includes("Assertion failed"), false, text);
  assertEquals(code, 0, text);
}

/** What a declaration's documentation says. */
interface Documented {
  readonly name: string;
  readonly kind?: string;
  readonly jsDoc?: { readonly doc?: string };
  readonly def?: { readonly methods?: readonly Documented[]; readonly extends?: string };
  readonly functionDef?: { readonly hasBody?: boolean };
}

/** What documentation says of a symbol: overloads are several declarations. */
interface PublicSymbol {
  readonly name: string;
  readonly declarations: readonly Documented[];
}

/** The symbols of `mod.ts`. */
async function publicSymbols(): Promise<readonly PublicSymbol[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", "mod.ts"],
    cwd: TOP,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).output();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  const [{ symbols }] = Object.values(nodes) as [{ symbols: readonly PublicSymbol[] }];
  return symbols;
}

function hasExample({ jsDoc }: Documented): boolean {
  return jsDoc?.doc?.includes("```ts\n") === true;
}

/** Methods that a loop calls. */
const ITERATION = ["next", "return", "throw"];

/** The names of what needs an example: `open`, `Tree`, `Tree.set` ..., and whether it has one. */
function examplesOf({ name, declarations }: PublicSymbol): [string, boolean][] {
  return declarations.flatMap((declared) => {
    const { kind, def } = declared;
    if (def?.extends === "Error" || !["class", "function", "variable"].includes(kind!)) return [];
    const methods = name === SAME_AS_TREE ? [] : def?.methods ?? [];
    // The documentation of overloads stands on them, not on what implements them.
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

describe("the examples in the documentation", () => {
  it("are there for every public class, method, function and codec", async () => {
    const all = (await publicSymbols()).flatMap(examplesOf);
    const names = new Set(all.map(([name]) => name));
    for (const name of ["open", "Tree", "Tree.set", "ReadTree.get", "Snapshot.tree", "tuple"]) {
      assert(names.has(name), `${name} was not looked at`);
    }
    assertEquals(all.filter(([, has]) => !has).map(([name]) => name), []);
  });

  it("run, and what they assert is true", async () => {
    const sources = [...readTree(TOP).values()].filter(({ path, layer, isTest }) =>
      !isTest && (FACES.includes(path) || LAYERS.includes(layer))
    );
    const pages = ["README.md", "docs/explorer.md"];
    const files = [...sources.map(({ path }) => path), ...pages].map((path) => `${TOP}/${path}`);
    assertGreater(files.length, 50);
    await inTempDir(async (dir) => {
      const outcome = await runExamples(dir, files);
      assertRan(outcome);
      const count = Number(/ok \| (\d+) passed/.exec(outcome.text)?.[1]);
      assertGreater(count, 50, outcome.text);
    });
  });

  it("would fail here where they assert what is not true", async () => {
    const wrong = 'console.assert(open(":memory:").version === 7)';
    await inTempDir(async (dir) => {
      const source = (body: string) => {
        const lines = ["```ts", `import { open } from "${TOP}/mod.ts";`, "", body, "```"];
        return `/**\n${lines.map((line) => ` * ${line}\n`).join("")} */\nexport const a = 1;\n`;
      };
      Deno.writeTextFileSync(`${dir}/a.ts`, source(wrong));
      const outcome = await runExamples(dir, [`${dir}/a.ts`]);
      assertStringIncludes(outcome.text, "Assertion failed");
      Deno.writeTextFileSync(`${dir}/a.ts`, source("open(7)"));
      assertEquals((await runExamples(dir, [`${dir}/a.ts`])).code, 1);
    });
  });
});
