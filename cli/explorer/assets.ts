/**
 * The static assets of the explorer: its page, the page's sources without their types, its style,
 * and the library. There is no build step; types are stripped when a source is first requested. The
 * assets contain no secrets, and are the same for every file.
 */

import { createHash } from "node:crypto";
import { stripTypeScriptTypes } from "node:module";
import { LIBRARY, SHARED, SHELL_TEXT, SOURCES, STYLE } from "./browser_sources.ts";

/** A file of the page. */
export interface Asset {
  /** Its content type. */
  readonly type: string;
  /** Its text. */
  readonly text: string;
}

const JAVASCRIPT = "text/javascript; charset=utf-8";

/** Maps the library names that the page's sources import to paths on the server. */
const IMPORT_MAP = JSON.stringify({
  imports: Object.fromEntries(Object.keys(LIBRARY).map((name) => [name, `/library/${name}.js`])),
});

/** The page itself. */
const SHELL: Asset = {
  type: "text/html; charset=utf-8",
  text: SHELL_TEXT.replace(
    "<!-- import map -->",
    `<script type="importmap">${IMPORT_MAP}</script>`,
  ),
};

/** The hash of the inline import map, for the content security policy. */
export const IMPORT_MAP_SUM: string = createHash("sha256").update(IMPORT_MAP).digest("base64");

const ASSETS: ReadonlyMap<string, () => Asset> = new Map([
  ["/", () => SHELL],
  ["/style.css", () => ({ type: "text/css; charset=utf-8", text: STYLE })],
  ...Object.entries(LIBRARY).map(([name, text]): [string, () => Asset] => {
    return [`/library/${name}.js`, () => ({ type: JAVASCRIPT, text: withoutMap(text) })];
  }),
  ...Object.entries(SOURCES).map(([name, text]): [string, () => Asset] => {
    return [`/browser/${name}.ts`, () => stripped(text)];
  }),
  // The page imports them as `../../`, and an address has no folder above its root.
  ...Object.entries(SHARED).map(([name, text]): [string, () => Asset] => {
    return [`/${name}.ts`, () => stripped(text)];
  }),
]);

/** Assets built so far. Requests for assets need no token, so repeating one must be cheap. */
const made = new Map<string, Asset>();

/** A file of the page, or undefined. */
export function assetAt(path: string): Asset | undefined {
  const asset = made.get(path) ?? ASSETS.get(path)?.();
  if (asset !== undefined) made.set(path, asset);
  return asset;
}

function stripped(text: string): Asset {
  return { type: JAVASCRIPT, text: stripTypeScriptTypes(text) };
}

/** A library without the reference to its source map, which is not served. */
function withoutMap(text: string): string {
  return text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
}
