/**
 * Parses the project's TypeScript sources for the tests of style: the imports of each file, its
 * functions and their lengths, and its text without comments.
 *
 * A tree can also be made of snippets, so that every rule can be shown to fail.
 */

import { dirname, join, normalize } from "@std/path";
import ts from "typescript";

/** The folders that hold sources, besides `mod.ts` at the top. */
const FOLDERS: readonly string[] = [
  "pager",
  "alloc",
  "btree",
  "store",
  "kv",
  "level",
  "sql",
  "s3",
  "cli",
  "bench",
  "examples",
  "tests",
];

/** One import, re-export, dynamic import, or `new URL("...", import.meta.url)`. */
export interface Import {
  /** The specifier in the source. */
  readonly specifier: string;
  /** The imported file in the project, or undefined if it is not relative. */
  readonly target: string | undefined;
  /** Whether it is `export * from` without a name. */
  readonly isBareStar: boolean;
  /** The line where it begins, from 1. */
  readonly line: number;
}

/** A function, method, accessor, constructor or arrow. */
export interface FunctionSpan {
  /** Its name, or the function that receives it, or `(anonymous)`. */
  readonly name: string;
  /** The line where it begins, from 1. */
  readonly line: number;
  /** Its number of lines. */
  readonly lines: number;
  /** Whether it is the body of a `describe`. */
  readonly isDescribe: boolean;
}

/** One TypeScript file. */
export class Source {
  /** Its path from the top of the project, with `/`. */
  readonly path: string;
  /** Its whole text. */
  readonly text: string;
  #syntax: ts.SourceFile | undefined;
  #code: string | undefined;
  #imports: Import[] | undefined;

  /** A file with this path and text. */
  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
  }

  /** `pager`, `alloc`, ... or `mod.ts`. */
  get layer(): string {
    return this.path.split("/")[0]!;
  }

  /** Whether it is a test, or lies below `tests/`. */
  get isTest(): boolean {
    return this.layer === "tests" || this.path.endsWith("_test.ts");
  }

  /** The lines of its text. */
  get lines(): string[] {
    return this.text.replace(/\n$/, "").split("\n");
  }

  /** The text with every comment replaced by blanks, so that lines and columns are unchanged. */
  get code(): string {
    return this.#code ??= blankComments(this.syntax);
  }

  /** Its syntax tree. */
  get syntax(): ts.SourceFile {
    return this.#syntax ??= ts.createSourceFile(this.path, this.text, ts.ScriptTarget.Latest, true);
  }

  /** Where its first token begins; the length of the text if it has none. */
  get codeStart(): number {
    return (this.syntax.statements[0] ?? this.syntax.endOfFileToken).getStart(this.syntax);
  }

  /** What it imports, in order. */
  get imports(): readonly Import[] {
    return this.#imports ??= this.#findImports();
  }

  #findImports(): Import[] {
    const found: Import[] = [];
    visit(this.syntax, (node) => {
      const name = specifierOf(node);
      if (name === undefined) return;
      const specifier = name.text;
      const target = /^\.\.?\//.test(specifier)
        ? normalize(join(dirname(this.path), specifier)).replaceAll("\\", "/")
        : undefined;
      const isBareStar = ts.isExportDeclaration(node) && node.exportClause === undefined;
      found.push({ specifier, target, isBareStar, line: lineOf(this.syntax, node.getStart()) });
    });
    return found;
  }

  /** Its functions that have a body. */
  get functions(): FunctionSpan[] {
    const found: FunctionSpan[] = [];
    visit(this.syntax, (node) => {
      if (!ts.isFunctionLike(node) || ts.isJSDocSignature(node)) return;
      if (!("body" in node) || node.body === undefined) return;
      const line = lineOf(this.syntax, node.getStart());
      const lines = lineOf(this.syntax, node.getEnd()) - line + 1;
      found.push({ name: nameOf(node), line, lines, isDescribe: isDescribeBody(node) });
    });
    return found;
  }
}

/** All sources of a project, by path. */
export type SourceTree = ReadonlyMap<string, Source>;

/** A tree made of texts by path. */
export function treeOf(texts: Readonly<Record<string, string>>): SourceTree {
  const paths = Object.keys(texts).sort();
  return new Map(paths.map((path) => [path, new Source(path, texts[path]!)]));
}

/** Reads the tree of the project at `top`. */
export function readTree(top: string): SourceTree {
  const texts: Record<string, string> = {};
  for (
    const path of [
      "mod.ts",
      "inspect.ts",
      ...FOLDERS.flatMap((folder) => listFiles(top, folder)),
    ]
  ) {
    if (path.endsWith(".ts") && exists(join(top, path))) {
      texts[path] = Deno.readTextFileSync(join(top, path));
    }
  }
  return treeOf(texts);
}

/** The files that are started or imported from outside: exports and tasks of a `deno.json`. */
export function entryPoints(denoJson: string): string[] {
  const { exports = {}, tasks = {} } = JSON.parse(denoJson);
  const named = JSON.stringify([exports, tasks]).match(/[\w./-]+\.ts\b/g) ?? [];
  return [...new Set(named.map((path) => path.replace(/^\.\//, "")))];
}

function listFiles(top: string, folder: string): string[] {
  if (!exists(join(top, folder))) return [];
  const paths: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(join(top, folder))) {
    if (name === "node_modules" || name.startsWith(".")) continue;
    const path = `${folder}/${name}`;
    if (isDirectory) paths.push(...listFiles(top, path));
    else paths.push(path);
  }
  return paths;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Calls `see` with every node. */
export function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}

/** The line of a position, from 1. */
export function lineOf(syntax: ts.SourceFile, position: number): number {
  return syntax.getLineAndCharacterOfPosition(position).line + 1;
}

/** The module specifier of a node, if it has one. */
function specifierOf(node: ts.Node): ts.StringLiteralLike | undefined {
  let name: ts.Node | undefined;
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) name = node.moduleSpecifier;
  else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    name = node.argument.literal;
  } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    name = node.arguments[0];
  } else if (ts.isNewExpression(node) && node.arguments?.[1]?.getText() === "import.meta.url") {
    name = node.arguments[0];
  }
  return name !== undefined && ts.isStringLiteralLike(name) ? name : undefined;
}

function nameOf(node: ts.SignatureDeclarationBase): string {
  if (ts.isConstructorDeclaration(node)) return "constructor";
  const { parent } = node;
  if (node.name !== undefined) return node.name.getText();
  if (ts.isCallExpression(parent)) return `${parent.expression.getText()}(...)`;
  return ts.isVariableDeclaration(parent) ? parent.name.getText() : "(anonymous)";
}

function isDescribeBody(node: ts.Node): boolean {
  const { parent } = node;
  return ts.isCallExpression(parent) && /^describe\b/.test(parent.expression.getText());
}

/** Keeps the tokens in place, and blanks everything between them. */
function blankComments(syntax: ts.SourceFile): string {
  const blank = (text: string) => text.replace(/[^\n]/g, " ");
  const parts: string[] = [];
  let end = 0;
  const keepTokens = (node: ts.Node): void => {
    if (ts.isJSDoc(node)) return;
    const children = node.getChildren(syntax);
    if (children.length > 0) return children.forEach(keepTokens);
    const start = node.getStart(syntax);
    parts.push(blank(syntax.text.slice(end, start)), syntax.text.slice(start, node.getEnd()));
    end = node.getEnd();
  };
  keepTokens(syntax);
  return parts.join("") + blank(syntax.text.slice(end));
}
