/**
 * The texts of the explorer's page and of its library. They are imported from the location of this
 * module and from the package cache, so they are available offline whenever this module is.
 */

// A module imported by URL has no import map, so packages are named in full.
// deno-lint-ignore-file no-import-prefix

import pageArithmetic from "../study/page_arithmetic.ts" with { type: "text" };
import htm from "npm:htm@3.1.1" with { type: "text" };
import preactHooks from "npm:preact@11.2.0/hooks" with { type: "text" };
import preact from "npm:preact@11.2.0" with { type: "text" };
import app from "./page/app.ts" with { type: "text" };
import ask from "./page/ask.ts" with { type: "text" };
import cacheView from "./page/cache_view.ts" with { type: "text" };
import chunkPanel from "./page/chunk_panel.ts" with { type: "text" };
import colours from "./page/colours.ts" with { type: "text" };
import descentView from "./page/descent_view.ts" with { type: "text" };
import fileView from "./page/file_view.ts" with { type: "text" };
import figures from "./page/figures.ts" with { type: "text" };
import geometry from "./page/geometry.ts" with { type: "text" };
import html from "./page/html.ts" with { type: "text" };
import journalView from "./page/journal_view.ts" with { type: "text" };
import mapControls from "./page/map_controls.ts" with { type: "text" };
import mapLook from "./page/map_look.ts" with { type: "text" };
import mapWords from "./page/map_words.ts" with { type: "text" };
import pageLayout from "./page/page_layout.ts" with { type: "text" };
import pageView from "./page/page_view.ts" with { type: "text" };
import place from "./page/place.ts" with { type: "text" };
import shell from "./page/shell.html" with { type: "text" };
import style from "./page/style.css" with { type: "text" };
import sqlMap from "./page/sql_map.ts" with { type: "text" };
import sqlPanes from "./page/sql_panes.ts" with { type: "text" };
import sqlView from "./page/sql_view.ts" with { type: "text" };
import studyView from "./page/study_view.ts" with { type: "text" };
import tileMap from "./page/tile_map.ts" with { type: "text" };
import tileStore from "./page/tile_store.ts" with { type: "text" };
import token from "./page/token.ts" with { type: "text" };
import whatIfView from "./page/what_if_view.ts" with { type: "text" };

/** The sources of the page, by their names. */
export const SOURCES: Readonly<Record<string, string>> = {
  app,
  ask,
  cache_view: cacheView,
  chunk_panel: chunkPanel,
  colours,
  descent_view: descentView,
  file_view: fileView,
  figures,
  geometry,
  html,
  journal_view: journalView,
  map_controls: mapControls,
  map_look: mapLook,
  map_words: mapWords,
  page_layout: pageLayout,
  page_view: pageView,
  place,
  sql_map: sqlMap,
  sql_panes: sqlPanes,
  sql_view: sqlView,
  study_view: studyView,
  tile_map: tileMap,
  tile_store: tileStore,
  token,
  what_if_view: whatIfView,
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
