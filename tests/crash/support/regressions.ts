/**
 * Images that once revealed a bug, stored in `tests/crash/regressions/` as arguments of
 * `crash_replay.ts`: a workload, a seed, a cut and an image. The current engine must pass all of
 * them.
 */

/** The contents of a file in `tests/crash/regressions/`. */
export interface Regression {
  /** The planted or real bug that the image revealed. */
  readonly bug: string;
  /** The arguments of `crash_replay.ts`, separated by single spaces. */
  readonly replay: string;
  /** A description of the failure, for readers. */
  readonly showed: string;
}

/** The folder of the images. */
const REGRESSIONS: URL = new URL("../regressions/", import.meta.url);

/** Reads one file. */
export function readRegression(path: string | URL): Regression {
  return JSON.parse(Deno.readTextFileSync(path));
}

/** All stored images, by name. */
export function readRegressions(): Map<string, Regression> {
  const names = [...Deno.readDirSync(REGRESSIONS)].map(({ name }) => name).sort();
  const kept = names.filter((name) => name.endsWith(".json"));
  return new Map(kept.map((name) => [
    name.slice(0, -".json".length),
    readRegression(new URL(name, REGRESSIONS)),
  ]));
}

/** Stores an image, replacing one of the same name. */
export function writeRegression(name: string, regression: Regression): void {
  Deno.mkdirSync(REGRESSIONS, { recursive: true });
  const text = JSON.stringify(regression, undefined, 2) + "\n";
  Deno.writeTextFileSync(new URL(`${name}.json`, REGRESSIONS), text);
}
