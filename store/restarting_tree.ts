/**
 * The trees of followed and of shared databases. A read whose pages another process replaced, or is
 * writing, begins anew at a newer version. A change may have to wait for its turn.
 */

import type { FollowingSession } from "./follow/following_session.ts";
import type { SharingSession } from "./follow/sharing_session.ts";
import { copyOf } from "./memory/copy.ts";
import { checkIterable, pairOf, type Sync } from "./read/argument_checks.ts";
import type { PrefetchOptions } from "./read/prefetch.ts";
import type { KeyRange, Range } from "./read/range.ts";
import type { TreeFormat } from "./read/tree_format.ts";
import { Tree } from "./tree.ts";
import type { Watcher, WatchOptions } from "./watch/watcher.ts";
import type { DeleteRangeOptions } from "./write/range_delete_slices.ts";

/** A session whose reads may begin anew. */
type RestartingSession = FollowingSession | SharingSession;

/**
 * A tree whose reads may begin anew, and whose watchers hear of the commits of other processes;
 * `Database.tree` returns it as a `Tree`.
 */
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

  override watch(
    range?: KeyRange<KI, P>,
    options?: WatchOptions,
  ): Watcher<K, V, KeyRange<KI, unknown>> {
    const watcher = super.watch(range, options);
    this.#session.watches();
    return watcher;
  }

  override async prefetch(
    what?: Range<KI, P> | Iterable<KI>,
    options?: PrefetchOptions,
  ): Promise<boolean> {
    // A generator can be read only once.
    const again = isIterable(what) ? [...what] : what;
    for (let tries = 0;; tries++) {
      try {
        return await super.prefetch(again, options);
      } catch (error) {
        this.#session.restart(error, tries);
      }
    }
  }
}

/**
 * A tree of a database that other processes write too. A change that has to wait for its turn keeps
 * copies of its arguments: the caller may reuse them once the call returns, as in any tree. Only
 * `load` keeps none, since its entries may be more than memory holds.
 */
export class SharingTree<K, V, KI, VI, P> extends RestartingTree<K, V, KI, VI, P> {
  readonly #session: SharingSession;
  readonly #format: TreeFormat<K, V, KI, VI, P>;

  /**
   * Created by the registry.
   *
   * @param session The session of the database.
   * @param name Its name.
   * @param format Its codecs.
   */
  constructor(session: SharingSession, name: string, format: TreeFormat<K, V, KI, VI, P>) {
    super(session, name, format);
    this.#session = session;
    this.#format = format;
  }

  override set(key: KI, value: VI): Promise<void> {
    if (this.#runsAtOnce()) return super.set(key, value);
    return super.set(this.#ownKey(key), this.#ownValue(value));
  }

  override setMany(entries: Iterable<readonly [KI, VI]>): Promise<number> {
    if (this.#runsAtOnce()) return super.setMany(entries);
    try {
      checkIterable("set many", entries);
      const own = Array.from(entries, (entry, index): [KI, VI] => {
        const [key, value] = pairOf("set many", entry, index);
        return [this.#ownKey(key), this.#ownValue(value)];
      });
      return super.setMany(own);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  override update<R extends VI | undefined>(
    key: KI,
    change: (value: V | undefined) => Sync<R>,
  ): Promise<R> {
    return super.update(this.#runsAtOnce() ? key : this.#ownKey(key), change);
  }

  override setIfAbsent(key: KI, value: VI): Promise<boolean> {
    if (this.#runsAtOnce()) return super.setIfAbsent(key, value);
    return super.setIfAbsent(this.#ownKey(key), this.#ownValue(value));
  }

  override compareAndSet(
    key: KI,
    expected: VI | undefined,
    value: VI | undefined,
  ): Promise<boolean> {
    if (this.#runsAtOnce()) return super.compareAndSet(key, expected, value);
    const own = (given: VI | undefined) => given === undefined ? given : this.#ownValue(given);
    return super.compareAndSet(this.#ownKey(key), own(expected), own(value));
  }

  override delete(key: KI): Promise<boolean> {
    return super.delete(this.#runsAtOnce() ? key : this.#ownKey(key));
  }

  override deleteRange(
    range: KeyRange<KI, P> = {},
    options: DeleteRangeOptions = {},
  ): Promise<number> {
    try {
      return super.deleteRange(this.#runsAtOnce() ? range : this.#ownRange(range), options);
    } finally {
      // Options that are refused begin no transaction.
      this.#session.endUnusedHold();
    }
  }

  /** Whether a change runs at once; if the system refuses that, the change throws it. */
  #runsAtOnce(): boolean {
    try {
      return this.#session.runsAtOnce();
    } catch {
      return true;
    }
  }

  /** A key that only this change has. What the codec refuses is refused by the change. */
  #ownKey(key: KI): KI {
    if (!isObject(key)) return key;
    return ownOr(key, () => this.#format.key.decode(this.#format.keyOf(key)) as unknown as KI);
  }

  #ownValue(value: VI): VI {
    if (!isObject(value)) return value;
    const format = this.#format;
    return ownOr(value, () => {
      return format.value.decode(copyOf(format.encodeValue(value))) as unknown as VI;
    });
  }

  #ownRange(range: KeyRange<KI, P>): KeyRange<KI, P> {
    return ownOr(range, () => {
      const own: Record<string, unknown> = { ...range };
      for (const bound of BOUNDS) {
        if (own[bound] !== undefined) own[bound] = this.#ownKey(own[bound] as KI);
      }
      if (isObject(own["prefix"])) own["prefix"] = structuredClone(own["prefix"]);
      return own as KeyRange<KI, P>;
    });
  }
}

function isIterable(given: unknown): given is Iterable<unknown> {
  return isObject(given) && Symbol.iterator in (given as object);
}

const BOUNDS = ["gt", "gte", "lt", "lte"];

/** Whether its owner may change it. */
function isObject(given: unknown): boolean {
  return typeof given === "object" && given !== null;
}

function ownOr<T>(given: T, own: () => T): T {
  try {
    return own();
  } catch {
    return given;
  }
}
