/**
 * A browser for tests: Chromium as the system has it, driven without a window.
 *
 * Where there is none, `findBrowser` says why, so that tests can say that they were skipped.
 * CHROMIUM_BIN in the environment names one that is elsewhere.
 */

import { type Browser, chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const START_TIMEOUT_MS = 20_000;

/** A browser, or why there is none. */
export type Found = { readonly path: string } | { readonly reason: string };

/** Finds a browser of the system. */
export function findBrowser(): Found {
  const named = Deno.env.get("CHROMIUM_BIN");
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  const paths = named === undefined
    ? NAMES.flatMap((name) => folders.map((folder) => `${folder}/${name}`))
    : [named];
  const path = paths.find(isFile);
  if (path !== undefined) return { path };
  return { reason: `there is none of ${named ?? NAMES.join(", ")}` };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Starts a browser; it has to be closed. */
export function startBrowser(path: string): Promise<Browser> {
  // Its sandbox needs rights that containers do not give; it sees nothing but the test's own page.
  return chromium.launch({
    executablePath: path,
    args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"],
    timeout: START_TIMEOUT_MS,
  });
}
