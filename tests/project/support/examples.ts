/**
 * The examples in docstrings and pages, as tests in one program.
 *
 * `deno test --doc` would run each example in a worker of its own, which loads the whole project
 * again: that takes six times as long. As there, each example is an asynchronous function, and its
 * imports are those of a module beside its file.
 */

import { pathToFileURL } from "node:url";

/** One example. */
export interface Example {
  /** Its file, from the top of the project, and the line of its fence, from 1. */
  readonly place: string;
  /** What stands between the fences, without the stars of a docstring. */
  readonly code: string;
}

const FENCE = /^( *(?:\* ?)?)```(\S*)(.*)$/;
const IMPORT = /^import\s(?:[^;"']*?\sfrom\s+)?["'][^"']+["'](?:\s+with\s+\{[^}]*\})?;/gm;
const RELATIVE = /(?<=\bfrom\s+["'])\.\.?\/[^"']+/g;

/** The examples of a file; those marked `ignore` are not meant to run. */
export function examplesIn(path: string, text: string): Example[] {
  const found: Example[] = [];
  let open: { indent: string; place: string; runs: boolean; lines: string[] } | undefined;
  text.split("\n").forEach((line, at) => {
    const [, indent, language, marks] = FENCE.exec(line) ?? [];
    if (open === undefined) {
      if (indent === undefined) return;
      const runs = language === "ts" && !marks!.includes("ignore");
      open = { indent, place: `${path}:${at + 1}`, runs, lines: [] };
    } else if (indent !== undefined && language === "") {
      if (open.runs) found.push({ place: open.place, code: open.lines.join("\n") });
      open = undefined;
    } else {
      const { indent: { length } } = open;
      open.lines.push(line.slice(length));
    }
  });
  return found;
}

/** A module with an example as a test. `top` is the folder of the project. */
export function testOf({ place, code }: Example, top: string): string {
  const base = pathToFileURL(`${top}/${place}`);
  const imports = (code.match(IMPORT) ?? []).map((line) =>
    line.replace(RELATIVE, (specifier) => new URL(specifier, base).href)
  );
  const body = code.replace(IMPORT, "");
  return `${imports.join("\n")}\nDeno.test(${JSON.stringify(place)}, async () => {\n${body}\n});\n`;
}
