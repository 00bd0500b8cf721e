/**
 * Joins whose rows are computed by themselves, for a single loop of the query around: right and
 * full joins, and outer joins of joins in parentheses.
 *
 * The rows of the last item that were found are noted by their keys, so a second pass can add those
 * that were not, with NULLs for all items before.
 */

import type { Label } from "../expression/builder.ts";
import { emitColumn } from "../expression/column.ts";
import {
  type Context,
  emitShared,
  type JoinedSource,
  type MergedPlaces,
  type PreparedJoin,
  type Sink,
} from "../expression/context.ts";
import {
  type CommonTables,
  ROWID,
  type Scope,
  type Source,
  type SourceColumn,
} from "../expression/scope.ts";
import type { FromItem } from "../parse/ast.ts";
import { planLoops } from "../plan/order.ts";
import { keyOfName } from "../schema/types.ts";
import { FORWARD } from "../vm/key_range.ts";
import { markColumn } from "./columns.ts";
import { type From, resolveFrom, sharedNames, termsOf } from "./from.ts";
import { emitLoops } from "./loops.ts";

/** A column of a source. */
type Column = { readonly source: Source; readonly column: number };

const ROWID_COLUMN: SourceColumn = {
  name: "rowid",
  affinity: "INTEGER",
  collation: "BINARY",
  type: "INTEGER",
};

/** Resolves the names of a join. */
export function prepareJoin(
  context: Context,
  items: readonly FromItem[],
  parent: Scope | undefined,
  common: CommonTables,
): PreparedJoin {
  return new JoinEmitter(context, items, parent, common);
}

class JoinEmitter implements PreparedJoin {
  readonly columns: SourceColumn[] = [];
  readonly sources: JoinedSource[] = [];
  readonly merged = new Map<string, MergedPlaces>();
  readonly #context: Context;
  readonly #side: FromItem["join"];
  /** All items, joined so that nested loops find their rows. */
  readonly #from: From;
  /** The last item alone. */
  readonly #right: From;
  /** The columns of all sources, as the rows of the join have them. */
  readonly #all: Column[] = [];

  constructor(
    context: Context,
    items: readonly FromItem[],
    parent: Scope | undefined,
    common: CommonTables,
  ) {
    this.#context = context;
    const last = items.at(-1)!;
    this.#side = last.join;
    const join = last.join === "full" ? "left" : last.join === "right" ? "inner" : last.join;
    const joined = [...items.slice(0, -1), { ...last, join }];
    const hasSides = items.some(({ join }) => join === "right" || join === "full");
    this.#from = resolveFrom(context, joined, parent, common, hasSides);
    const alone = { ...last, join: "inner", on: undefined, using: undefined, isNatural: false };
    this.#right = resolveFrom(context, [alone as FromItem], parent, common);
    for (const source of this.#from.scope.sources) this.#addSource(source);
    for (const [name, { columns, before }] of this.#from.scope.merged ?? []) {
      const places = columns.map((column) => this.#placeOf(column));
      this.merged.set(name, { places, before: before.size });
    }
    if (this.#isOneSided) this.#merge(last);
  }

  /** Whether the result has rows of the last item that match none before it. */
  get #isOneSided(): boolean {
    return this.#side === "right" || this.#side === "full";
  }

  #addSource(source: Source): void {
    const { name, columns, hidden, place } = source;
    const first = this.#all.length;
    columns.forEach((column, i) => {
      this.columns.push(column);
      this.#all.push({ source, column: i });
    });
    const hasRowid = place.kind === "table"
      ? place.table.hasRowid
      : place.kind === "inline" && place.rowid !== undefined;
    const rowid = hasRowid ? this.#all.length : -1;
    if (hasRowid) {
      this.columns.push(ROWID_COLUMN);
      this.#all.push({ source, column: ROWID });
    }
    this.sources.push({ name, columns, hidden, first, rowid });
  }

  #placeOf({ source, column }: Column): number {
    return this.#all.findIndex((each) => each.source === source && each.column === column);
  }

  /** The sources of the last item. */
  get #rightSources(): readonly Source[] {
    return this.#from.scope.sources.slice(-this.#right.scope.sources.length);
  }

  /** The columns of USING are those of the right side, or of both where each may be missing. */
  #merge({ isNatural, using = [] }: FromItem): void {
    const right = this.#rightSources;
    const left = this.#from.scope.sources.slice(0, -right.length);
    for (const name of isNatural ? sharedNames(left, right) : using) {
      const key = keyOfName(name);
      const placeIn = (sources: readonly Source[]) =>
        this.#all.findIndex(({ source, column }) =>
          sources.includes(source) && column !== ROWID &&
          keyOfName(source.columns[column]!.name) === key
        );
      const before = this.merged.get(key)?.places ?? [placeIn(left)];
      const own = placeIn(right);
      const places = this.#side === "full" ? [...before, own] : [own];
      this.merged.set(key, { places, before: left.length });
    }
  }

  emit(used: ReadonlySet<number>, sink: Sink): void {
    const { builder } = this.#context;
    const row = builder.registers(this.#all.length);
    if (!this.#isOneSided) {
      return this.#emitJoined(used, row, undefined, () => sink(row, this.#all.length));
    }
    const found = builder.cursor();
    const key = keyOf(this.#rightSources);
    builder.emit("OpenSet", found, 0, 0, key.map(() => "BINARY"), "rows that are joined");
    emitShared(this.#context, (call) => {
      this.#emitJoined(used, row, found, call);
      this.#emitOthers(used, row, found, call);
    }, () => sink(row, this.#all.length));
  }

  /** Emits the rows that the loops find. */
  #emitJoined(
    used: ReadonlySet<number>,
    row: number,
    found: number | undefined,
    body: () => void,
  ): void {
    const { scope, loops } = this.#from;
    const key = found === undefined ? [] : keyOf(this.#rightSources);
    for (const column of [...key, ...[...used].map((place) => this.#all[place]!)]) {
      markColumn(column);
    }
    const note = () => {
      if (found !== undefined) this.#note(found, key, scope);
    };
    const isFull = this.#side === "full";
    const last = { loop: loops.length - 1, emit: note };
    emitFrom(this.#context, this.#from, isFull ? last : undefined, () => {
      if (!isFull) note();
      for (const place of used) {
        emitColumn(this.#context, { ...this.#all[place]!, scope }, row + place);
      }
      body();
    });
  }

  /** Emits the rows of the last item that were not found. */
  #emitOthers(used: ReadonlySet<number>, row: number, found: number, body: () => void): void {
    const { builder } = this.#context;
    const { scope } = this.#right;
    const { sources } = scope;
    const right = this.#rightSources;
    const own = [...used].flatMap((place) => {
      const { source, column } = this.#all[place]!;
      const index = right.indexOf(source);
      return index < 0 ? [] : [{ place, column: { source: sources[index]!, column } }];
    });
    const key = keyOf(sources);
    for (const column of [...key, ...own.map(({ column }) => column)]) markColumn(column);
    emitFrom(this.#context, this.#right, undefined, (next) => {
      const first = this.#emitKey(key, scope);
      const isNew = builder.label();
      builder.emit("UnlessIn", found, isNew, first);
      builder.emit("Goto", 0, next);
      builder.place(isNew);
      builder.emit("Null", row, this.#all.length);
      for (const { place, column } of own) {
        emitColumn(this.#context, { ...column, scope }, row + place);
      }
      body();
    });
  }

  #note(found: number, key: readonly Column[], scope: Scope): void {
    const { builder } = this.#context;
    const known = builder.label();
    builder.emit("AddUnique", found, known, this.#emitKey(key, scope));
    builder.place(known);
  }

  #emitKey(key: readonly Column[], scope: Scope): number {
    const first = this.#context.builder.registers(key.length);
    key.forEach((column, i) => emitColumn(this.#context, { ...column, scope }, first + i));
    return first;
  }
}

/** The columns that distinguish rows of some sources; or all, as equal rows are joined alike. */
function keyOf(sources: readonly Source[]): Column[] {
  return sources.flatMap((source) => {
    const { place, columns } = source;
    if (place.kind === "inline" && place.rowid !== undefined) return [{ source, column: ROWID }];
    if (place.kind !== "table") return columns.map((_, column) => ({ source, column }));
    const { hasRowid, primaryKey } = place.table;
    return (hasRowid ? [ROWID] : primaryKey).map((column) => ({ source, column }));
  });
}

/** Emits the loops of a FROM. */
function emitFrom(
  context: Context,
  { scope, loops, conditions }: From,
  found: { readonly loop: number; emit(): void } | undefined,
  body: (next: Label) => void,
): void {
  const terms = termsOf(context, conditions, loops);
  const planned = planLoops(context, loops, terms);
  const plain = { moves: FORWARD, orderIndex: undefined, needsRows: false };
  emitLoops(context, { planned, terms, scope, ...plain, found }, body);
}
