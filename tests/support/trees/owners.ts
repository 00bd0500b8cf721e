/**
 * The pages of a database by owner: each page of each tree, also of a dropped tree whose pages are
 * not all released yet, and of each unfinished value.
 *
 * Walks and checks every tree. A page with two owners is an error.
 */

import { BTree, readCatalogEntry } from "../../../btree/mod.ts";
import { isUnfinishedKey } from "../../../btree/unfinished_values.ts";
import type { Session } from "../../../store/write/session.ts";
import { checkTree } from "./tree_check.ts";

const CATALOG_TREE = 0;

/** The number of the tree of every page that has an owner. */
export function ownersOf(session: Session): Map<number, number> {
  const owners = new Map<number, number>();
  const add = (page: number, tree: number) => {
    const other = owners.get(page);
    if (other !== undefined) throw new Error(`page ${page} is in tree ${other} and in ${tree}`);
    owners.set(page, tree);
  };
  for (const tree of treesOf(session)) {
    const { pages, entries } = checkTree(tree);
    const count = tree.count();
    if (count !== entries) throw new Error(`tree ${tree.id} counts ${count} of ${entries} entries`);
    for (const page of pages) add(page, tree.id);
  }
  for (const [page, tree] of session.unfinished.pages()) add(page, tree);
  return owners;
}

/** The catalog's tree, and every tree in it. */
function* treesOf({ pager, context }: Session): Generator<BTree, void, undefined> {
  const { catalogRoot, nextTreeId } = pager.meta;
  if (catalogRoot === 0) return;
  const catalog = new BTree(context, CATALOG_TREE, catalogRoot);
  yield catalog;
  const cursor = catalog.cursor();
  for (let found = cursor.first(); found; found = cursor.next()) {
    const key = cursor.key();
    if (isUnfinishedKey(key)) continue;
    const { id, root } = readCatalogEntry(key, cursor.value()!, catalogRoot, nextTreeId);
    yield new BTree(context, id, root);
  }
}
