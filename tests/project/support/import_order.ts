/**
 * The order of a file's imports: the runtime's modules, packages, then the project's files, from
 * the farthest folder to the file's own, each by name. A module is imported once.
 */

import ts from "typescript";
import type { SourceTree } from "./source_tree.ts";

/** Static imports are in order, and name each module once. */
export function importOrder(tree: SourceTree): string[] {
  return [...tree.values()].flatMap(({ path, syntax }) => {
    const imports = syntax.statements.filter(ts.isImportDeclaration);
    return imports.slice(1).flatMap((next, index) => {
      const order = compareImports(imports[index]!, next);
      if (order < 0) return [];
      const line = syntax.getLineAndCharacterOfPosition(next.getStart()).line + 1;
      const what = order === 0 ? "is imported twice" : "is imported out of order";
      return [`${path}:${line}: ${moduleOf(next)} ${what}`];
    });
  });
}

/** Below 0 if the first import comes before the second, 0 if they could be one. */
function compareImports(a: ts.ImportDeclaration, b: ts.ImportDeclaration): number {
  const [left, right] = [moduleOf(a), moduleOf(b)];
  if (left === right) return Number(isNamespace(b)) - Number(isNamespace(a));
  const [near, far] = [distanceOf(left), distanceOf(right)];
  if (near !== far) return far - near;
  return left < right ? -1 : 1;
}

function moduleOf({ moduleSpecifier }: ts.ImportDeclaration): string {
  return (moduleSpecifier as ts.StringLiteral).text;
}

/** `import * as name`, which cannot be one with named imports. */
function isNamespace({ importClause }: ts.ImportDeclaration): boolean {
  const { namedBindings } = importClause ?? {};
  return namedBindings !== undefined && ts.isNamespaceImport(namedBindings);
}

/** How far away a module is: the runtime's, then packages, then the number of folders up. */
function distanceOf(module: string): number {
  if (module.startsWith("node:")) return Infinity;
  if (!module.startsWith(".")) return Number.MAX_SAFE_INTEGER;
  return module.split("/").filter((part) => part === "..").length;
}
