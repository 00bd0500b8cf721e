/**
 * The registry of the `Tree` objects of a database and their codecs. It detects trees of another
 * database.
 */

import { checkName } from "./read/argument_checks.ts";
import { checkCodecs, type Codecs, TreeFormat } from "./read/tree_format.ts";
import { Tree } from "./tree.ts";
import type { Session } from "./write/session.ts";

/** The registry of the `Tree` objects of a database. */
export class TreeRegistry {
  readonly #session: Session;
  readonly #formats = new WeakMap<object, unknown>();

  /**
   * Creates the registry of a database.
   *
   * @param session Its session.
   */
  constructor(session: Session) {
    this.#session = session;
  }

  /** Creates the tree of a name, for `Database.tree`. */
  make<K, V, KI, VI, P>(
    name: string,
    format: TreeFormat<K, V, KI, VI, P>,
  ): Tree<K, V, KI, VI, P> {
    const tree = new Tree(this.#session, name, format);
    this.#formats.set(tree, format);
    return tree;
  }

  /**
   * The name of a tree of this database.
   *
   * @throws {TypeError} The tree belongs to another database, or the name is malformed.
   */
  nameOf(tree: { readonly name: string } | string): string {
    if (tree instanceof Tree) {
      if (this.#formats.has(tree)) return tree.name;
      throw new TypeError(`Cannot use tree ${tree.name}: it is of another database`);
    }
    checkName(tree);
    return tree;
  }

  /**
   * The codecs of a tree of this database, or of a name.
   *
   * @throws {TypeError} Codecs are given with a tree, which has its own.
   */
  formatFor<K, V, KI, VI, P>(
    tree: Tree<K, V, KI, VI, P> | string,
    codecs: Codecs<K, V, KI, VI, P>,
  ): TreeFormat<K, V, KI, VI, P> {
    if (typeof tree === "string") return new TreeFormat(codecs);
    checkCodecs(codecs);
    if (codecs.key === undefined && codecs.value === undefined) {
      return this.#formats.get(tree) as TreeFormat<K, V, KI, VI, P>;
    }
    throw new TypeError(`Cannot use tree ${tree.name}: it has codecs, and others are given`);
  }
}
