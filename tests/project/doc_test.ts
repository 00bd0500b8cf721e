/**
 * The examples in the documentation run, including those of the README. `documented_test.ts` checks
 * that every symbol that needs an example has one.
 *
 * They run in their own folder, because some open a file. An example states facts with
 * `console.assert`, which readers know and which does not throw: its output is a failure here.
 */

import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../support/temp.ts";
import { readTree } from "./support/source_tree.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
const TIMEOUT_MS = 240_000;
/** The modules that users import, besides the layers. */
const FACES = ["mod.ts", "inspect.ts", "cli/mod.ts"];
const LAYERS = ["pager", "alloc", "btree", "store", "kv", "level", "s3", "sql"];
/** The exit code and the output of a run of examples. */
interface Outcome {
  readonly code: number;
  readonly text: string;
}

/**
 * Writes the project's configuration without its rule on unused names: Deno adds an import of the
 * documented module to every example, and an example with an import of its own does not use it.
 */
function writeConfig(path: string): void {
  const config = JSON.parse(Deno.readTextFileSync(`${TOP}/deno.json`));
  config.compilerOptions.noUnusedLocals = false;
  Deno.writeTextFileSync(path, JSON.stringify(config));
}

/** Runs the examples of some files. */
async function runExamples(dir: string, files: readonly string[]): Promise<Outcome> {
  const config = `${dir}/deno.json`;
  writeConfig(config);
  const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-sys"];
  permissions.push("--allow-net=127.0.0.1");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--doc", "--no-lock", "--config", config, ...permissions, ...files],
    cwd: dir,
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
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
    const sources = [...readTree(TOP).values()].filter(({ path, layer, isTest, text }) =>
      !isTest && (FACES.includes(path) || LAYERS.includes(layer)) && text.includes("```ts")
    );
    const pages = ["README.md", "docs/explorer.md", "docs/kv.md", "docs/level.md", "docs/sql.md"];
    const files = [...sources.map(({ path }) => path), ...pages].map((path) => `${TOP}/${path}`);
    assertGreater(files.length, 30);
    await inTempDir(async (dir) => {
      const outcome = await runExamples(dir, files);
      assertRan(outcome);
      const count = Number(/ok \| (\d+) passed/.exec(outcome.text)?.[1]);
      assertGreater(count, 50, outcome.text);
    });
  });

  it("fail if an assertion is false", async () => {
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
