/**
 * The sources of the explorer in the browser, and of its library. They are imported from the
 * location of this module and from the package cache, so they are available offline whenever this
 * module is.
 */

// A module imported by URL has no import map, so packages are named in full.
// deno-lint-ignore-file no-import-prefix

import htm from "npm:htm@3.1.1" with { type: "text" };
import preact from "npm:preact@11.2.0" with { type: "text" };
import preactHooks from "npm:preact@11.2.0/hooks" with { type: "text" };
import pageArithmetic from "../study/page_arithmetic.ts" with { type: "text" };
import address from "./browser/address.ts" with { type: "text" };
import app from "./browser/app.ts" with { type: "text" };
import ask from "./browser/base/ask.ts" with { type: "text" };
import colours from "./browser/base/colours.ts" with { type: "text" };
import figures from "./browser/base/figures.ts" with { type: "text" };
import geometry from "./browser/base/geometry.ts" with { type: "text" };
import html from "./browser/base/html.ts" with { type: "text" };
import token from "./browser/base/token.ts" with { type: "text" };
import cacheView from "./browser/cache_view.ts" with { type: "text" };
import descentView from "./browser/descent_view.ts" with { type: "text" };
import journalView from "./browser/journal_view.ts" with { type: "text" };
import chunkPanel from "./browser/map/chunk_panel.ts" with { type: "text" };
import fileView from "./browser/map/file_view.ts" with { type: "text" };
import mapControls from "./browser/map/map_controls.ts" with { type: "text" };
import mapLook from "./browser/map/map_look.ts" with { type: "text" };
import mapWords from "./browser/map/map_words.ts" with { type: "text" };
import tileMap from "./browser/map/tile_map.ts" with { type: "text" };
import tileStore from "./browser/map/tile_store.ts" with { type: "text" };
import pageLayout from "./browser/page_layout.ts" with { type: "text" };
import pageView from "./browser/page_view.ts" with { type: "text" };
import shell from "./browser/shell.html" with { type: "text" };
import sqlMap from "./browser/sql/sql_map.ts" with { type: "text" };
import sqlPanes from "./browser/sql/sql_panes.ts" with { type: "text" };
import sqlView from "./browser/sql/sql_view.ts" with { type: "text" };
import studyView from "./browser/study_view.ts" with { type: "text" };
import style from "./browser/style.css" with { type: "text" };
import whatIfView from "./browser/what_if_view.ts" with { type: "text" };

/** The sources of the page, by their paths in its folder. */
export const SOURCES: Readonly<Record<string, string>> = {
  app,
  cache_view: cacheView,
  descent_view: descentView,
  journal_view: journalView,
  page_layout: pageLayout,
  page_view: pageView,
  address,
  study_view: studyView,
  what_if_view: whatIfView,
  "base/ask": ask,
  "base/colours": colours,
  "base/figures": figures,
  "base/geometry": geometry,
  "base/html": html,
  "base/token": token,
  "map/chunk_panel": chunkPanel,
  "map/file_view": fileView,
  "map/map_controls": mapControls,
  "map/map_look": mapLook,
  "map/map_words": mapWords,
  "map/tile_map": tileMap,
  "map/tile_store": tileStore,
  "sql/sql_map": sqlMap,
  "sql/sql_panes": sqlPanes,
  "sql/sql_view": sqlView,
};

/** The sources that the page shares with the program, by their paths from `cli`. */
export const SHARED: Readonly<Record<string, string>> = {
  "study/page_arithmetic": pageArithmetic,
};

/** The library, by the names that the sources import. */
export const LIBRARY: Readonly<Record<string, string>> = {
  "preact": preact,
  "preact/hooks": preactHooks,
  "htm": htm,
};

/** The page itself, with a place for the import map. */
export const SHELL_TEXT: string = shell;

/** The style of the page. */
export const STYLE: string = style;
