/**
 * A browser for tests: the system's Chromium, without a window.
 *
 * If there is none, `findBrowser` returns the reason, so that skipped tests can report it.
 * CHROMIUM_BIN in the environment names a browser elsewhere.
 */

import { type Browser, chromium } from "playwright-core";
import { HANG_MS } from "./hang.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** A browser, or the reason why there is none. */
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
  // Its sandbox needs rights that containers lack; it loads only the test's own page.
  return chromium.launch({
    executablePath: path,
    args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"],
    timeout: HANG_MS,
  });
}
