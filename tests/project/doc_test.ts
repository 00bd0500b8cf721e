/**
 * The examples in the documentation run, including those of the README. `documented_test.ts` checks
 * that every symbol that needs an example has one.
 *
 * They run in their own folder, because some open a file. An example states facts with
 * `console.assert`, which readers know and which does not throw: its output is a failure here.
 */

import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { HANG_MS } from "../support/programs/hang.ts";
import { inTempDir } from "../support/temp.ts";
import { type Example, examplesIn, testOf } from "./support/examples.ts";
import { readTree } from "./support/source_tree.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
/** The modules that users import, besides the layers. */
const FACES = ["mod.ts", "inspect.ts", "cli/mod.ts"];
const LAYERS = ["pager", "alloc", "btree", "store", "kv", "level", "s3", "sql"];
const PAGES = ["README.md", "docs/explorer.md", "docs/kv.md", "docs/level.md", "docs/sql.md"];
/** The exit code and the output of a run of examples. */
interface Outcome {
  readonly code: number;
  readonly text: string;
}

/**
 * Writes the project's configuration without its rule on unused names: an example may show a
 * result without using it.
 */
function writeConfig(path: string): void {
  const config = JSON.parse(Deno.readTextFileSync(`${TOP}/deno.json`));
  config.compilerOptions.noUnusedLocals = false;
  Deno.writeTextFileSync(path, JSON.stringify(config));
}

/** Runs some examples in one process. Their types are checked, unless a flag is `--no-check`. */
async function runExamples(
  dir: string,
  examples: readonly Example[],
  ...flags: string[]
): Promise<Outcome> {
  const config = `${dir}/deno.json`;
  writeConfig(config);
  examples.forEach((example, at) =>
    Deno.writeTextFileSync(`${dir}/${at}.ts`, testOf(example, TOP))
  );
  const all = `${dir}/all.ts`;
  Deno.writeTextFileSync(all, examples.map((_, at) => `import "./${at}.ts";\n`).join(""));
  const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-sys"];
  permissions.push("--allow-net=127.0.0.1");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-lock", "--config", config, ...permissions, ...flags, all],
    cwd: dir,
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(HANG_MS),
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Fails unless all examples ran, and their assertions hold. */
function assertRan({ code, text }: Outcome): void {
  assertEquals(text.includes("Assertion failed"), false, text);
  assertEquals(code, 0, text);
}

describe("the examples in the documentation", () => {
  it("run, and their assertions hold", async () => {
    const sources = [...readTree(TOP).values()].filter(({ path, layer, isTest }) =>
      !isTest && (FACES.includes(path) || LAYERS.includes(layer))
    );
    const pages = PAGES.map((path) => ({ path, text: Deno.readTextFileSync(`${TOP}/${path}`) }));
    const examples = [...sources, ...pages].flatMap(({ path, text }) => examplesIn(path, text));
    assertGreater(examples.length, 150);
    await inTempDir(async (dir) => {
      const outcome = await runExamples(dir, examples);
      assertRan(outcome);
      assertStringIncludes(outcome.text, `ok | ${examples.length} passed`);
    });
  });

  it("fail if an assertion is false, an error is thrown, or a type is wrong", async () => {
    const outcomeOf = (lines: string[], ...flags: string[]) =>
      inTempDir((dir) => runExamples(dir, examplesIn("a.ts", lines.join("\n")), ...flags));
    const docstring = (code: string) => ["/**", " * ```ts", ` * ${code}`, " * ```", " */"];
    const wrong = await outcomeOf([
      ...docstring("console.assert(1 > 2);"),
      ...docstring('throw new Error("thrown");'),
      "```ts",
      "// right",
      "```",
    ], "--no-check");
    assertStringIncludes(wrong.text, "Assertion failed");
    assertStringIncludes(wrong.text, "thrown");
    assertStringIncludes(wrong.text, "a.ts:7 ... FAILED");
    assertStringIncludes(wrong.text, "2 passed | 1 failed");
    assertEquals(wrong.code, 1);
    const untyped = await outcomeOf(docstring('const count: number = "1";'));
    assertEquals(untyped.code, 1);
    assertStringIncludes(untyped.text, "not assignable");
  });

  it("are found in docstrings and pages, with their imports", () => {
    const text = [
      ...["```sh", "ls", "```", ""],
      ...["```ts ignore", "no();", "```", ""],
      ...["  /**", "   * ```ts", '   * import { a } from "../a.ts"; // a', "   *"],
      ...["   * if (a)", "   *   b;", "   * ```", "   */"],
    ].join("\n");
    const [found, ...more] = examplesIn("docs/b.md", text);
    assertEquals(more, []);
    assertEquals(found, {
      place: "docs/b.md:10",
      code: 'import { a } from "../a.ts"; // a\n\nif (a)\n  b;',
    });
    const test = testOf(found!, "/top");
    assert(test.startsWith('import { a } from "file:///top/a.ts";\nDeno.test('), test);
  });
});
