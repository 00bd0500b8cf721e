/**
 * A tree of a followed database. A read whose pages another process replaced, or is writing, begins
 * anew at a newer version.
 */

import type { KeyRange, Range } from "./read/range.ts";
import type { PrefetchOptions } from "./read/prefetch.ts";
import { checkIterable } from "./read/read_tree.ts";
import type { TreeFormat } from "./read/tree_format.ts";
import type { FollowingSession } from "./follow/following_session.ts";
import type { SharingSession } from "./follow/sharing_session.ts";
import { Tree } from "./tree.ts";

/** A session whose reads may begin anew. */
type RestartingSession = FollowingSession | SharingSession;

/** A tree whose reads may begin anew; `Database.tree` returns it as a `Tree`. */
export class RestartingTree<K, V, KI, VI, P> extends Tree<K, V, KI, VI, P> {
  readonly #session: RestartingSession;

  /**
   * Created by the registry.
   *
   * @param session The session of the database.
   * @param name Its name.
   * @param format Its codecs.
   */
  constructor(session: RestartingSession, name: string, format: TreeFormat<K, V, KI, VI, P>) {
    super(session, name, format);
    this.#session = session;
  }

  // Each read has its own loop, because a function for it would cost an object for each call.

  override get(key: KI): V | undefined {
    for (let tries = 0;; tries++) {
      try {
        return super.get(key);
      } catch (error) {
        this.#session.restart(error, tries);
      }
    }
  }

  override has(key: KI): boolean {
    for (let tries = 0;; tries++) {
      try {
        return super.has(key);
      } catch (error) {
        this.#session.restart(error, tries);
      }
    }
  }

  override getView(key: KI): Uint8Array | undefined {
    for (let tries = 0;; tries++) {
      try {
        return super.getView(key);
      } catch (error) {
        this.#session.restart(error, tries);
      }
    }
  }

  override getMany(keys: Iterable<KI>): (V | undefined)[] {
    checkIterable("get many", keys);
    const all = [...keys];
    return this.#session.read(() => super.getMany(all));
  }

  override getRange(key: KI, start?: number, end?: number): Uint8Array | undefined {
    return this.#session.read(() => super.getRange(key, start, end));
  }

  override getStream(key: KI): ReadableStream<Uint8Array> | undefined {
    return this.#session.read(() => super.getStream(key));
  }

  override count(range?: KeyRange<KI, P>): number {
    return this.#session.read(() => super.count(range));
  }

  override first(range?: KeyRange<KI, P>): [K, V] | undefined {
    return this.#session.read(() => super.first(range));
  }

  override last(range?: KeyRange<KI, P>): [K, V] | undefined {
    return this.#session.read(() => super.last(range));
  }

  override async prefetch(
    what?: Range<KI, P> | Iterable<KI>,
    options?: PrefetchOptions,
  ): Promise<boolean> {
    for (let tries = 0;; tries++) {
      try {
        return await super.prefetch(what, options);
      } catch (error) {
        this.#session.restart(error, tries);
      }
    }
  }
}

/** A tree of a database that other processes write too. */
export class SharingTree<K, V, KI, VI, P> extends RestartingTree<K, V, KI, VI, P> {
  /** Refused: it would hear of the changes of this process alone. */
  override watch(): never {
    throw new TypeError(`Cannot watch tree ${this.name}: other processes share the database`);
  }
}

/** A tree of a followed database. */
export class FollowedTree<K, V, KI, VI, P> extends RestartingTree<K, V, KI, VI, P> {
  /** Refused: only the process that writes hears of changes. */
  override watch(): never {
    throw new TypeError(`Cannot watch tree ${this.name}: the database was opened to follow it`);
  }
}
