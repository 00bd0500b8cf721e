/**
 * A snapshot as users meet it: every tree as it was when the snapshot was taken.
 */

import { Catalog } from "../btree/mod.ts";
import { ClosedError, type PageSnapshot } from "../pager/mod.ts";
import { type FoundTree, ReadTree, type TreeSource } from "./read_tree.ts";
import type { Session } from "./session.ts";
import type { Slab } from "./slab.ts";
import type { Tree } from "./tree.ts";
import { type Codecs, TreeFormat } from "./tree_format.ts";
import type { ViewGuard } from "./view_guard.ts";

/** Every tree as it was. Get one by `Database.snapshot`, and close it: it keeps old pages. */
export class Snapshot {
  readonly #source: SnapshotSource;

  /**
   * Made by `Database.snapshot`.
   *
   * @param session What the trees of the database share.
   */
  constructor(session: Session) {
    this.#source = new SnapshotSource(session);
  }

  /** The version it shows. */
  get version(): number {
    return this.#source.pages.meta.version;
  }

  /**
   * A tree as it was.
   *
   * @param tree One that `Database.tree` returned, or a name of 1 to 1024 bytes of UTF-8.
   * @param codecs With a name: how keys and values become bytes, as for `Database.tree`.
   * @throws {TypeError} The tree is of another database.
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
    const { session } = this.#source;
    const name = session.nameOf(tree);
    const format = typeof tree === "string" ? new TreeFormat(codecs) : session.formatOf(tree);
    return new ReadTree(this.#source, name, format as unknown as TreeFormat<K, V, KI, never, P>);
  }

  /** The names of all trees there were. */
  trees(): string[] {
    this.#source.checkOpen();
    return this.#source.catalog.names();
  }

  /** Ends the snapshot. Closing again does nothing. */
  close(): void {
    this.#source.close();
  }

  /** As `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Where the trees of a snapshot are, until it is closed. */
class SnapshotSource implements TreeSource {
  readonly session: Session;
  readonly pages: PageSnapshot;
  readonly catalog: Catalog;
  #closed = false;

  constructor(session: Session) {
    this.session = session;
    this.pages = session.pager.snapshot();
    this.catalog = new Catalog(session.space, this.pages);
  }

  /** Does not change before the snapshot, or the database, is closed. */
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
    return this.session.treeIn(this.catalog, name, this.pages);
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
