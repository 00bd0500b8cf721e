/**
 * The rules of style that a machine can check. Each takes the project's sources and returns a line
 * for every place that breaks it, as `path:line: what is wrong`.
 */

import ts from "typescript";
import { type Import, lineOf, type Source, type SourceTree, visit } from "./source_tree.ts";

const LINE_COLUMNS_MAX = 100;
const FUNCTION_LINES_MAX = 60;
/** A folder with more sources is too large for a newcomer to survey. */
const ROOM_FILES_MAX = 14;
/** A folder that is a list: a file for each command. */
const LIST = "cli/command";
const FACE_LINES_MAX = 60;
const OPENING_WORDS_MIN = 4;
/** Modules and names that access files. */
const SYSTEM_FILES: readonly string[] = [
  "level/open_file.ts",
  "pager/native/libc.ts",
  "pager/file/background_reads.ts",
  "pager/file/folder_sync.ts",
  "pager/file/disk_file.ts",
  "pager/file/folder.ts",
  "pager/file/new_file.ts",
  "pager/file/share_files.ts",
];

/** A file may import from its own layer and from those of a lower rank. */
const RANKS: Readonly<Record<string, number>> = {
  pager: 0,
  alloc: 1,
  btree: 2,
  store: 3,
  "mod.ts": 4,
  "inspect.ts": 4,
  kv: 5,
  level: 5,
  sql: 5,
  s3: 5,
  cli: 6,
  bench: 6,
  examples: 6,
  tests: 7,
};
/**
 * The rooms of each layer, lowest first; "" stands for the files of the layer's own folder. A file
 * may import from its own room and from lower ones.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  pager: [
    "format",
    "native",
    "file",
    "cache",
    "batch",
    "journal",
    "flush",
    "transaction",
    "recovery",
    "damage",
    "follow",
    "sidecar",
    "share",
    "copy",
    "",
  ],
  btree: ["node", "value", "walk", "change", "check", "", "compact", "inspect", "compare", "sort"],
  store: [
    "codec",
    "memory",
    "read",
    "watch",
    "maintenance",
    "write",
    "follow",
    "verify",
    "inspect",
    "backup",
    "changes",
    "archive",
    "stream",
    "",
  ],
  kv: ["api", "value", "format", "write", "schedule", "", "connect", "migrate"],
  sql: [
    "value",
    "json",
    "function",
    "parse",
    "schema",
    "rows",
    "vm",
    "expression",
    "plan",
    "loop",
    "query",
    "change",
    "define",
    "",
    "kysely",
  ],
  cli: [
    "io",
    "form",
    "inspect",
    "serving",
    "study",
    "explorer",
    "spec",
    "shell",
    "sql",
    "command",
    "",
  ],
};
/** The modules that the command line may import: the public API, and the layers below it. */
const CLI_MAY_IMPORT =
  /^(mod\.ts|inspect\.ts|(pager|alloc|btree|store|kv|s3|sql)\/mod\.ts|kv\/connect\/mod\.ts)$/;
/** The layers on top of the public API, which import nothing else of the project. */
const ADAPTERS: readonly string[] = ["kv", "level", "s3", "sql"];
/** The layers that users of the library import. */
const LIBRARY = ["pager", "alloc", "btree", "store", "mod.ts", "inspect.ts", ...ADAPTERS];
/** The modules that can be imported by URL; no import map applies to what they reach. */
const URL_ENTRIES = [
  "mod.ts",
  "inspect.ts",
  "pager/mod.ts",
  "alloc/mod.ts",
  "btree/mod.ts",
  "store/mod.ts",
  "kv/mod.ts",
  "kv/connect/mod.ts",
  "level/mod.ts",
  "sql/mod.ts",
  "sql/kysely/mod.ts",
  "s3/mod.ts",
  "cli/cli.ts",
  "cli/mod.ts",
];
/** A package at one version, which the layers outside of the library's core may import. */
const PINNED = /^npm:(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(\/|$)/;
/** The page's sources, which have an import map of their own. */
const PAGE = "cli/explorer/browser/";

/** Words of higher layers that must not occur in a layer's sources, not even in comments. */
const HIGHER_WORDS: Readonly<Record<string, RegExp>> = {
  pager: /\bbtree\b|\balloc\b/i,
  alloc: /\bbtree\b/i,
  btree: /\bstore\/|\bDatabase\b|\bcodecs?\b/,
};

interface Ban {
  /** For the message. */
  readonly what: string;
  readonly pattern: RegExp;
  /** Whether comments count. */
  readonly inComments: boolean;
  /** The files that may contain it. */
  readonly except?: readonly string[];
}

/** What `kv` uses of the namespace, and the files that read the clock. */
const KV_SYSTEM = ["kv/api/deno.ts", "kv/connect/listen.ts"];
const CLOCKS: readonly string[] = ["kv/schedule/clock.ts", "store/archive/commit_clock.ts"];

const BANS: readonly Ban[] = [
  // Split, so that a search for leftovers does not find this line.
  { what: "FIX" + "ME", pattern: new RegExp("\\bFIX" + "ME\\b"), inComments: true },
  { what: "TO" + "DO", pattern: new RegExp("\\bTO" + "DO\\b"), inComments: true },
  { what: "@ts-ignore", pattern: /@ts-ignore\b/, inComments: true },
  { what: "console", pattern: /\bconsole\b/, inComments: false, except: KV_SYSTEM },
  { what: "as any", pattern: /\bas any\b/, inComments: false },
  { what: "Deno", pattern: /\bDeno\b/, inComments: false, except: [...SYSTEM_FILES, ...KV_SYSTEM] },
  // Durations use `performance.now`, which cannot be set back. An expiry is a date, and so is the
  // time of a commit.
  { what: "Date.now", pattern: /\bDate\.now\b/, inComments: false, except: CLOCKS },
  { what: "node:fs", pattern: /["']node:fs\b/, inComments: false, except: SYSTEM_FILES },
];

/** Lower layers import nothing of higher ones, and the library nothing of its tests. */
export function importDirection(tree: SourceTree): string[] {
  return importsWhere(tree, (source, target) => {
    const from = source.layer;
    const to = target.split("/")[0]!;
    if (from === to || from === "tests" || (source.isTest && to === "tests")) return false;
    if (from === "cli") return !CLI_MAY_IMPORT.test(target);
    if (ADAPTERS.includes(from)) return target !== "mod.ts";
    return !(to in RANKS) || RANKS[to]! >= RANKS[from]!;
  }).map(([at, { target }]) => `${at}: imports ${target}, which is not in a lower layer`);
}

/** Inside a layer, rooms import only lower rooms. */
export function roomDirection(tree: SourceTree): string[] {
  return importsWhere(tree, (source, target) => {
    const rooms = ROOMS[source.layer];
    const isInside = target.startsWith(`${source.layer}/`) && !target.endsWith("_test.ts");
    if (rooms === undefined || source.isTest || !isInside) return false;
    if (source.path === `${source.layer}/mod.ts`) return false;
    return rooms.indexOf(roomOf(target)) > rooms.indexOf(roomOf(source.path));
  }).map(([at, { target }]) => `${at}: imports ${target}, which is in a higher room`);
}

/** Every room of a layer that has rooms is in their order. */
export function roomsAreKnown(tree: SourceTree): string[] {
  return [...tree.values()]
    .filter(({ layer, path }) => ROOMS[layer]?.includes(roomOf(path)) === false)
    .map(({ path }) => `${path}:1: is in a room that has no place in the order of rooms`);
}

/** No file imports itself through others; imports of types count. */
export function noImportCircles(tree: SourceTree): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  for (const path of tree.keys()) {
    const circle = circleFrom(tree, path, [], done);
    if (circle !== undefined) found.push(`${circle[0]}:1: imports itself: ${circle.join(" -> ")}`);
  }
  return found;
}

/** The first circle on a walk along imports; completed files are in `done`. */
function circleFrom(
  tree: SourceTree,
  path: string,
  way: readonly string[],
  done: Set<string>,
): readonly string[] | undefined {
  const at = way.indexOf(path);
  if (at >= 0) return [...way.slice(at), path];
  if (done.has(path)) return undefined;
  for (const { target } of tree.get(path)?.imports ?? []) {
    if (target === undefined || !tree.has(target)) continue;
    const circle = circleFrom(tree, target, [...way, path], done);
    if (circle === undefined) continue;
    done.add(path); // so that it is reported once
    return circle;
  }
  done.add(path);
  return undefined;
}

function roomOf(path: string): string {
  const parts = path.split("/");
  return parts.length > 2 ? parts[1]! : "";
}

/** A layer is entered through its `mod.ts`; the server for KV has one of its own. */
export function importsThroughMod(tree: SourceTree): string[] {
  return importsWhere(tree, (source, target) => {
    if (source.isTest || target.startsWith(`${source.layer}/`)) return false;
    return !/^(mod|inspect|[^/]+\/mod|kv\/connect\/mod)\.ts$/.test(target);
  }).map(([at, { target }]) => `${at}: imports ${target}, not its layer's mod.ts`);
}

/**
 * No import map applies to imports by URL, so they need relative paths or `node:`; the command
 * line and the adapters may name packages at one version.
 */
export function noImportMap(tree: SourceTree): string[] {
  const found: string[] = [];
  for (const path of reach(tree, URL_ENTRIES)) {
    for (const { specifier, target, line } of tree.get(path)?.imports ?? []) {
      if (target !== undefined || specifier.startsWith("node:")) continue;
      const layer = path.split("/")[0]!;
      const mayUsePackages = layer === "cli" || ADAPTERS.includes(layer);
      if (mayUsePackages && PINNED.test(specifier)) continue;
      if (path.startsWith(PAGE)) continue;
      found.push(`${path}:${line}: imports ${specifier}, neither relative nor node:`);
    }
  }
  return found;
}

/** A relative import names an existing file. */
export function importsExist(tree: SourceTree): string[] {
  return importsWhere(tree, (_, target) => target.endsWith(".ts") && !tree.has(target))
    .map(([at, { target }]) => `${at}: imports ${target}, which is not there`);
}

/** Layers do not mention the layers above them. */
export function noHigherWords(tree: SourceTree): string[] {
  return [...tree.values()].flatMap((source) => {
    const pattern = HIGHER_WORDS[source.layer];
    if (pattern === undefined || source.isTest) return [];
    return linesWith(source, source.text, pattern, "names a higher layer");
  });
}

/** Words and names that have no place in the library. */
export function noBannedWords(tree: SourceTree): string[] {
  return library(tree).flatMap((source) =>
    BANS.filter((ban) => !ban.except?.includes(source.path)).flatMap((
      { what, pattern, inComments },
    ) => linesWith(source, inComments ? source.text : source.code, pattern, `has ${what}`))
  );
}

/** Lines fit in 100 columns. */
export function shortLines(tree: SourceTree): string[] {
  return everyLine(
    tree,
    (line) =>
      line.length > LINE_COLUMNS_MAX
        ? `has ${line.length} columns, more than ${LINE_COLUMNS_MAX}`
        : undefined,
  );
}

/** Functions fit on a screen; the body of a `describe` is a list, not a function. */
export function shortFunctions(tree: SourceTree): string[] {
  const found: string[] = [];
  for (const source of tree.values()) {
    for (const { name, line, lines, isDescribe } of source.functions) {
      if (lines <= FUNCTION_LINES_MAX || (isDescribe && source.isTest)) continue;
      found.push(
        `${source.path}:${line}: ${name} has ${lines} lines, more than ${FUNCTION_LINES_MAX}`,
      );
    }
  }
  return found;
}

/** The module that users import fits on a screen. */
export function shortFace(tree: SourceTree): string[] {
  const lines = tree.get("mod.ts")?.text.split("\n").length ?? 0;
  return lines > FACE_LINES_MAX
    ? [`mod.ts:1: has ${lines} lines, more than ${FACE_LINES_MAX}`]
    : [];
}

/** A folder has few enough sources to survey; tests do not count. */
export function smallRooms(tree: SourceTree): string[] {
  const counts = new Map<string, number>();
  for (const path of tree.keys()) {
    const room = path.slice(0, path.lastIndexOf("/"));
    if (path.endsWith("_test.ts") || room === LIST) continue;
    counts.set(room, (counts.get(room) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > ROOM_FILES_MAX)
    .map(([room, count]) => `${room}/:1: has ${count} files, more than ${ROOM_FILES_MAX}`);
}

/** Sources are ASCII. */
export function asciiOnly(tree: SourceTree): string[] {
  return everyLine(tree, (line) => {
    const column = line.search(/[^\x20-\x7e]/);
    if (column < 0) return undefined;
    const code = line.codePointAt(column)!.toString(16).padStart(4, "0");
    return `has U+${code} at column ${column + 1}`;
  });
}

/** A file opens with a comment that says what it does. */
export function opensWithComment(tree: SourceTree): string[] {
  return [...tree.values()].flatMap(({ path, text, codeStart }) => {
    const opening = text.replace(/^#!.*\n/, "");
    const words = text.slice(0, codeStart).match(/[A-Za-z]{2,}/g) ?? [];
    const isComment = /^(\/\*\*|\/\/ (?!deno-))/.test(opening);
    if (isComment && words.length >= OPENING_WORDS_MIN) return [];
    return [`${path}:1: does not open with a comment on what it does`];
  });
}

/** A file that is not a test is imported by something, or is an entry point. */
export function noDeadFiles(tree: SourceTree, entries: readonly string[]): string[] {
  const imported = new Set(entries);
  for (const { imports } of tree.values()) {
    for (const { target } of imports) if (target !== undefined) imported.add(target);
  }
  return [...tree.keys()]
    .filter((path) => !/_(test|bench)\.ts$/.test(path) && !imported.has(path))
    .map((path) => `${path}:1: is imported by nothing`);
}

/** No default exports, no enums, and no `export *` without a name from another layer. */
export function plainExports(tree: SourceTree): string[] {
  const found: string[] = [];
  for (const source of tree.values()) {
    visit(source.syntax, (node) => {
      const what = isDefaultExport(node)
        ? "a default export"
        : ts.isEnumDeclaration(node)
        ? "an enum"
        : undefined;
      if (what === undefined) return;
      found.push(`${source.path}:${lineOf(source.syntax, node.getStart())}: has ${what}`);
    });
  }
  const stars = importsWhere(tree, (source, target, { isBareStar }) => {
    return isBareStar && target.split("/")[0] !== source.layer;
  }).map(([at, { target }]) => `${at}: exports * of ${target} without a name`);
  return [...found, ...stars];
}

function library(tree: SourceTree): Source[] {
  return [...tree.values()].filter((source) => LIBRARY.includes(source.layer) && !source.isTest);
}

/** The findings for relative imports that match a condition. */
function importsWhere(
  tree: SourceTree,
  isSo: (source: Source, target: string, found: Import) => boolean,
): [string, Import][] {
  return [...tree.values()].flatMap((source) =>
    source.imports
      .filter((found) => found.target !== undefined && isSo(source, found.target, found))
      .map((found): [string, Import] => [`${source.path}:${found.line}`, found])
  );
}

function reach(tree: SourceTree, entries: readonly string[]): Set<string> {
  const reached = new Set(entries.filter((path) => tree.has(path)));
  // Iteration over a set includes elements added meanwhile.
  for (const path of reached) {
    for (const { target } of tree.get(path)?.imports ?? []) {
      if (target !== undefined) reached.add(target);
    }
  }
  return reached;
}

function everyLine(tree: SourceTree, wrong: (line: string) => string | undefined): string[] {
  return [...tree.values()].flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => {
      const what = wrong(line);
      return what === undefined ? [] : [`${path}:${index + 1}: ${what}`];
    })
  );
}

function linesWith(source: Source, text: string, pattern: RegExp, what: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const match = pattern.exec(line);
    return match === null ? [] : [`${source.path}:${index + 1}: ${what}: ${match[0]}`];
  });
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  if (ts.isExportSpecifier(node)) return node.name.text === "default";
  if (!ts.canHaveModifiers(node)) return false;
  const modifiers = ts.getModifiers(node) ?? [];
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword);
}
