/**
 * The public class of a snapshot: every tree as of one version.
 */

import { Catalog } from "../btree/mod.ts";
import { ClosedError, type PageSnapshot } from "../pager/mod.ts";
import type { Slab } from "./memory/slab.ts";
import type { ViewGuard } from "./memory/view_guard.ts";
import { checkName } from "./read/argument_checks.ts";
import { ReadTree } from "./read/read_tree.ts";
import { codecNamesOf, type Codecs, type TreeFormat } from "./read/tree_format.ts";
import type { FoundTree, TreeSource } from "./read/tree_source.ts";
import type { Tree } from "./tree.ts";
import type { TreeRegistry } from "./tree_registry.ts";
import type { Session } from "./write/session.ts";

/**
 * The pages of a snapshot, or undefined if it is of another session. It is a function rather than a
 * method, so that users of the class cannot call it.
 */
export let pagesIn: (snapshot: Snapshot, session: Session) => PageSnapshot | undefined;

/**
 * A snapshot of all trees. `Database.snapshot` returns one. Close it: it keeps old pages in memory.
 *
 * ```ts
 * import { open } from "../mod.ts";
 *
 * using db = open(":memory:");
 * using snapshot = db.snapshot();
 * await db.tree("a").set("key", new Uint8Array(1));
 * console.assert(snapshot.version === 0 && db.version === 1);
 * ```
 */
export class Snapshot {
  readonly #source: SnapshotSource;
  readonly #registry: TreeRegistry;

  static {
    pagesIn = (snapshot, session) => {
      const source = snapshot.#source;
      return source.session === session ? source.pages : undefined;
    };
  }

  /**
   * Created by `Database.snapshot`.
   *
   * @param session The session of the database.
   * @param registry The trees that the database has handed out.
   */
  constructor(session: Session, registry: TreeRegistry) {
    this.#source = new SnapshotSource(session);
    this.#registry = registry;
  }

  /** The version it shows. */
  get version(): number {
    return this.#source.pages.meta.version;
  }

  /**
   * Returns a tree as of the snapshot.
   *
   * ```ts
   * import { open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.set("one", "um");
   * using snapshot = db.snapshot();
   * await words.clear();
   * console.assert(snapshot.tree(words).get("one") === "um");
   * console.assert(snapshot.tree("words", { key: string, value: string }).count() === 1);
   * ```
   *
   * @param tree One that `Database.tree` returned, or a name of 1 to 1024 bytes of UTF-8.
   * @param codecs With a name: how keys and values become bytes, as for `Database.tree`.
   * @throws {TypeError} The tree belongs to another database, or is given with codecs.
   * @throws {ClosedError} The snapshot or the database is closed.
   */
  tree<
    K = Uint8Array,
    V = Uint8Array,
    KI = K extends Uint8Array ? Uint8Array | string : K,
    VI = V,
    P = KI,
  >(
    tree: Tree<K, V, KI, VI, P> | string,
    codecs: Codecs<K, V, KI, VI, P> = {},
  ): ReadTree<K, V, KI, P> {
    this.#source.checkOpen();
    const name = this.#registry.nameOf(tree);
    const format = this.#registry.formatFor(tree, codecs);
    return new ReadTree(this.#source, name, format as unknown as TreeFormat<K, V, KI, never, P>);
  }

  /**
   * The names of the codecs that a tree of the snapshot was created with, as
   * `Database.codecsOf`; undefined if it has no such tree.
   *
   * ```ts
   * import { json, open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("words", { key: string, value: json }).set("a", 1);
   * using snapshot = db.snapshot();
   * db.dropTree("words");
   * console.assert(snapshot.codecsOf("words")?.value === "json");
   * console.assert(db.codecsOf("words") === undefined);
   * ```
   *
   * @throws {TypeError} The name is not well-formed text.
   * @throws {RangeError} The name is empty or too long.
   * @throws {CorruptionError} The catalog is damaged.
   * @throws {ClosedError} The snapshot or the database is closed.
   */
  codecsOf(name: string): { key: string; value: string } | undefined {
    this.#source.checkOpen();
    checkName(name);
    return codecNamesOf(this.#source.findTree(name));
  }

  /**
   * The names of all trees of the snapshot.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("a").set("key", new Uint8Array(1));
   * using snapshot = db.snapshot();
   * db.dropTree("a");
   * console.assert(snapshot.trees().join() === "a");
   * ```
   */
  trees(): string[] {
    this.#source.checkOpen();
    return this.#source.catalog.names();
  }

  /**
   * Ends the snapshot. Closing again does nothing.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const snapshot = db.snapshot();
   * snapshot.close();
   * console.assert(db.stats().snapshots === 0);
   * ```
   */
  close(): void {
    this.#source.close();
  }

  /** Calls `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** The source of the trees of a snapshot, until it is closed. */
class SnapshotSource implements TreeSource {
  readonly session: Session;
  readonly pages: PageSnapshot;
  readonly catalog: Catalog;
  #closed = false;

  constructor(session: Session) {
    this.session = session;
    this.pages = session.pager.snapshot();
    this.catalog = new Catalog(session.context, this.pages);
  }

  /** Constant until the snapshot or the database is closed. */
  get epoch(): number {
    return this.#closed || this.session.closed ? 1 : 0;
  }

  get slab(): Slab {
    return this.session.slab;
  }

  checkOpen(): void {
    this.session.checkOpen();
    if (this.#closed) throw new ClosedError("Cannot read the snapshot: it is closed");
  }

  get views(): ViewGuard | undefined {
    return this.session.views;
  }

  findTree(name: string): FoundTree | undefined {
    return this.session.directory.findIn(this.catalog, name, this.pages);
  }

  get followsChanges(): boolean {
    return false;
  }

  /** Nothing changes in a snapshot. */
  keepVersion(): undefined {
    return undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.pages.close();
  }
}
