/**
 * Images that once showed a bug, kept in `tests/crash/regressions/` as what makes them again: the
 * arguments of `crash_replay.ts`, which name a workload, a seed, a cut and an image. The engine as
 * it is must pass them all.
 */

/** What a file in `tests/crash/regressions/` says. */
export interface Regression {
  /** The planted bug, or the real one, that the image showed. */
  readonly bug: string;
  /** The arguments of `crash_replay.ts`, with one space between each two. */
  readonly replay: string;
  /** What was wrong with the image, for readers. */
  readonly showed: string;
}

/** Where they are kept. */
export const REGRESSIONS: URL = new URL("../regressions/", import.meta.url);

/** Reads one file. */
export function readRegression(path: string | URL): Regression {
  return JSON.parse(Deno.readTextFileSync(path));
}

/** All that are kept, by name. */
export function readRegressions(): Map<string, Regression> {
  const names = [...Deno.readDirSync(REGRESSIONS)].map(({ name }) => name).sort();
  const kept = names.filter((name) => name.endsWith(".json"));
  return new Map(kept.map((name) => [
    name.slice(0, -".json".length),
    readRegression(new URL(name, REGRESSIONS)),
  ]));
}

/** Keeps an image in place of the one that was kept under the same name. */
export function writeRegression(name: string, regression: Regression): void {
  Deno.mkdirSync(REGRESSIONS, { recursive: true });
  const text = JSON.stringify(regression, undefined, 2) + "\n";
  Deno.writeTextFileSync(new URL(`${name}.json`, REGRESSIONS), text);
}
