/**
 * The registry of the `Tree` objects of a database. It returns the same object for the same name
 * and codecs, refuses other codecs, and detects trees of another database.
 *
 * It keeps the first trees that are opened. Of all others it keeps nothing: when the program lets
 * go of such a `Tree`, its name becomes free, and its memory is given back. It does not know which
 * trees exist in the file.
 */

import { bytes, keyBytes } from "./codec/mod.ts";
import { SharingSession } from "./follow/sharing_session.ts";
import { checkName } from "./read/argument_checks.ts";
import { checkCodecs, type Codecs, TreeFormat } from "./read/tree_format.ts";
import { RestartingTree, SharingTree } from "./restarting_tree.ts";
import { formatIn, Tree } from "./tree.ts";
import type { Session } from "./write/session.ts";

/**
 * The number of trees held by strong references. A weak reference keeps its target, and with it the
 * database, until the turn of the event loop ends. So a program that opens many databases in one
 * turn, each with few trees, creates none.
 */
const KEPT_MAX = 256;

/** A reference to a tree, strong or weak. */
interface TreeReference {
  /** The tree; undefined once it was collected. */
  deref(): object | undefined;
}

/** A tree that the program may hold, and its codecs. */
interface Handle {
  readonly tree: TreeReference;
  readonly key: unknown;
  readonly value: unknown;
}

/** The registry of the `Tree` objects of a database. */
export class TreeRegistry {
  readonly #session: Session;
  readonly #handles = new Map<string, Handle>();
  readonly #unheld = new FinalizationRegistry<string>((name) => this.#forgetUnheld(name));

  /**
   * Creates the registry of a database.
   *
   * @param session Its session.
   */
  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * The tree of a name, for `Database.tree`.
   *
   * @throws {TypeError} It is open, or was created, with other codecs.
   */
  open<K, V, KI, VI, P>(
    name: string,
    codecs: Codecs<K, V, KI, VI, P>,
  ): Tree<K, V, KI, VI, P> {
    checkName(name);
    checkCodecs(codecs);
    const { key = keyBytes, value = bytes } = codecs;
    const handle = this.#handles.get(name);
    const known = handle?.tree.deref();
    if (handle !== undefined && known !== undefined) {
      if (handle.key === key && handle.value === value) return known as Tree<K, V, KI, VI, P>;
      throw new TypeError(`Cannot open tree ${name}: it is open with other codecs`);
    }
    const format = new TreeFormat(codecs);
    const found = this.#session.findTree(name);
    if (found !== undefined) format.check(name, found.attributes, found.catalogRoot);
    const tree = this.#session instanceof SharingSession
      ? new SharingTree(this.#session, name, format)
      : new (this.#session.pager.follower !== undefined ? RestartingTree : Tree)(
        this.#session,
        name,
        format,
      );
    this.#handles.set(name, { tree: this.#refer(tree), key, value });
    return tree;
  }

  #refer(tree: Tree<unknown, unknown>): TreeReference {
    if (this.#handles.size < KEPT_MAX) return { deref: () => tree };
    this.#unheld.register(tree, tree.name);
    return new WeakRef(tree);
  }

  /** Forgets the tree of a name, so that its next opening creates another object. */
  forget(name: string): void {
    this.#handles.delete(name);
  }

  /** Forgets the tree of a name, unless the name has been opened again. */
  #forgetUnheld(name: string): void {
    if (this.#handles.get(name)?.tree.deref() === undefined) this.#handles.delete(name);
  }

  /**
   * The name of a tree of this database.
   *
   * @throws {TypeError} The tree belongs to another database, or the name is malformed.
   */
  nameOf(tree: { readonly name: string } | string): string {
    if (tree instanceof Tree) {
      if (formatIn(tree, this.#session) !== undefined) return tree.name;
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
      return formatIn(tree, this.#session) as TreeFormat<K, V, KI, VI, P>;
    }
    throw new TypeError(`Cannot use tree ${tree.name}: it has codecs, and others are given`);
  }
}
