/**
 * Emits the loops of a query in their planned order: how each moves through its rows, the
 * conditions that a row must meet, and the row of NULLs of a left join that finds none.
 */

import type { Label } from "../expression/builder.ts";
import { emitColumn } from "../expression/column.ts";
import { type Context, emitOnce } from "../expression/context.ts";
import { comparisonOf } from "../expression/rules.ts";
import { hasRowid, type Place, ROWID, type Scope } from "../expression/scope.ts";
import { describeLoop } from "../loop/plan_lines.ts";
import { emitRanges, type Search, WHOLE } from "../loop/ranges.ts";
import { emitUnion } from "../loop/union.ts";
import type { HashAccess } from "../plan/access.ts";
import { coveringParts } from "../plan/key_access.ts";
import { isIn, type LoopSet, only, type Term } from "../plan/loop.ts";
import { type Planned, usedTerms } from "../plan/order.ts";
import { callsRandom } from "../schema/deterministic.ts";
import type { Index, Table } from "../schema/types.ts";
import { FORWARD, type Moves } from "../vm/key_range.ts";
import { defaultsOf } from "./defaults.ts";
import type { FromLoop } from "./from.ts";

/** Loops to emit. */
export interface Nest {
  readonly planned: readonly Planned[];
  readonly terms: readonly Term[];
  readonly scope: Scope;
  /** How the first loop moves. */
  readonly moves: Moves;
  /** The index that the first loop scans for its order; undefined = none. */
  readonly orderIndex: Index | undefined;
  /** Whether the rows of tables themselves are needed, as statements that change them do. */
  readonly needsRows: boolean;
  /** What happens to each row that a left join finds, but not to its row of NULLs. */
  readonly found?: { readonly loop: number; emit(): void } | undefined;
}

/** Emits what happens to a row; it may jump to `next` to go on with the next one. */
export type Body = (next: Label) => void;

/** Where a loop begins, where it moves on, and where it ends. */
interface LoopLabels {
  readonly top: Label;
  readonly next: Label;
  readonly end: Label;
}

/** Emits the loops of a query around a body. */
export function emitLoops(context: Context, nest: Nest, body: Body): void {
  new LoopEmitter(context, nest, body).emit();
}

class LoopEmitter {
  readonly #context: Context;
  readonly #nest: Nest;
  readonly #body: Body;
  /** The terms that are checked already. */
  readonly #done = new Set<Term>();
  /** The cursors of the indexes of loops, by position; several in a union. */
  readonly #indexes: (readonly (number | undefined)[])[];

  constructor(context: Context, nest: Nest, body: Body) {
    this.#context = context;
    this.#nest = nest;
    this.#body = body;
    this.#indexes = nest.planned.map(() => []);
  }

  emit(): void {
    const { builder } = this.#context;
    const end = builder.label();
    for (const term of this.#nest.terms) if (this.#isOfNoRow(term)) this.#check(term, end);
    this.#nest.planned.forEach((planned, position) => this.#prepare(planned, position));
    this.#loop(0, end);
    builder.place(end);
  }

  /** Whether a condition is the same for all rows. */
  #isOfNoRow({ expr, loops, onOf }: Term): boolean {
    if (loops !== 0n || onOf >= 0) return false;
    return this.#nest.planned.length === 0 || !callsRandom(expr);
  }

  #check(term: Term, otherwise: Label): void {
    this.#context.jump(term.expr, term.scope, otherwise, false, true);
    this.#done.add(term);
  }

  /** Opens the cursors of a loop, and collects rows that it reads more than once. */
  #prepare(planned: Planned, position: number): void {
    const { builder } = this.#context;
    const { source, prepared } = planned.loop as FromLoop;
    const { place } = source;
    describeLoop(builder, planned, this.#scanned(position));
    if (place.kind === "table") {
      const opened = { table: place.table, defaults: defaultsOf(place.table) };
      builder.emit("OpenTable", place.cursor, 0, 0, opened, source.name);
      if (planned.access.kind === "hash") return this.#fillBuckets(planned, planned.access);
      this.#openIndexes(planned, position, place.table);
      return;
    }
    if (prepared === undefined || place.kind !== "rows") return;
    if (planned.access.kind === "hash") return this.#fillBuckets(planned, planned.access);
    if (this.#streams(planned, position)) return;
    this.#once(() => {
      builder.emit("OpenList", place.cursor, 0, 0, undefined, source.name);
      builder.planDepth++;
      prepared.emit((first, count) => builder.emit("AddRow", place.cursor, first, count));
      builder.planDepth--;
    });
  }

  /** Emits code that runs once if it refers to no scope outside of the query. */
  #once(body: () => void): void {
    emitOnce(this.#context, this.#nest.scope.level - 1, body);
  }

  /** Whether a query is the outermost loop, whose rows need not be kept. */
  #streams({ loop }: Planned, position: number): boolean {
    return position === 0 && !loop.isLeft && (loop as FromLoop).prepared !== undefined;
  }

  /** Opens the indexes through which a loop finds its rows. */
  #openIndexes({ loop: { source }, access }: Planned, position: number, table: Table): void {
    if (access.kind === "union") {
      this.#indexes[position] = access.ranges.map(({ index }) => this.#openIndex(index));
      return;
    }
    const index = access.kind === "key" ? access.index : this.#scanned(position);
    const cursor = this.#openIndex(index);
    if (index === undefined || cursor === undefined) return;
    this.#indexes[position] = [cursor];
    const parts = coveringParts(source, index, table);
    if (parts === undefined || this.#nest.needsRows || source.place.kind !== "table") return;
    source.place = { ...source.place, index: { cursor, parts } };
  }

  /** The index that a loop scans instead of its table. */
  #scanned(position: number): Index | undefined {
    return position === 0 ? this.#nest.orderIndex : undefined;
  }

  #openIndex(index: Index | undefined): number | undefined {
    if (index === undefined) return undefined;
    const { builder } = this.#context;
    const cursor = builder.cursor();
    builder.emit("OpenIndex", cursor, 0, 0, index, index.name);
    return cursor;
  }

  /** The cursor of the only index of a loop. */
  #indexOf(position: number): number | undefined {
    return this.#indexes[position]![0];
  }

  /** Keeps the rows of a loop by the values of its keys. */
  #fillBuckets({ loop, index }: Planned, access: HashAccess): void {
    const { builder } = this.#context;
    const { source, prepared } = loop as FromLoop;
    const keepsRowid = hasRowid(source);
    const cursor = builder.cursor();
    const collations = access.keys.map(({ term, expr, other, isLeft }) =>
      comparisonOf(this.#context, isLeft ? expr : other, isLeft ? other : expr, term.scope)
        .collation
    );
    this.#once(() => {
      builder.emit("OpenBuckets", cursor, 0, 0, collations, source.name);
      const { place } = source;
      if (prepared !== undefined) {
        builder.planDepth++;
        prepared.emit((first) => {
          source.place = { kind: "registers", first };
          this.#fillBucket(loop, index, access, cursor);
        });
        builder.planDepth--;
      } else if (place.kind === "table") {
        const [top, end] = [builder.label(), builder.label()];
        builder.emit("Scan", place.cursor, end, 0, WHOLE);
        builder.place(top);
        this.#fillBucket(loop, index, access, cursor);
        builder.emit("Next", place.cursor, top);
        builder.place(end);
      }
    });
    source.place = { kind: "rows", cursor, hasRowid: keepsRowid };
  }

  #fillBucket(
    { source, isLeft }: Planned["loop"],
    index: number,
    access: HashAccess,
    cursor: number,
  ): void {
    const { builder } = this.#context;
    const next = builder.label();
    for (const term of this.#nest.terms) {
      if (term.loops !== only(index) || this.#done.has(term)) continue;
      // WHERE holds for the row of NULLs of a left join too, so it is checked later.
      if (isLeft ? term.onOf === index : term.onOf < 0) this.#check(term, next);
    }
    const keys = this.#keyValues(access, (key) => key.expr);
    const width = source.columns.length + 1;
    const row = builder.registers(width);
    for (const column of source.used) {
      const at = column === ROWID ? width - 1 : column;
      emitColumn(this.#context, { source, column, scope: this.#nest.scope }, row + at);
    }
    builder.emit("AddBucket", cursor, keys, row, width);
    builder.place(next);
  }

  /** The values of one side of the keys of a hash join, in a row of registers. */
  #keyValues({ keys }: HashAccess, side: (key: HashAccess["keys"][number]) => Term["expr"]) {
    const { builder } = this.#context;
    const first = builder.registers(keys.length);
    keys.forEach((key, i) => {
      const { term, expr, other, isLeft } = key;
      this.#context.value(side(key), term.scope, first + i);
      const [left, right] = isLeft ? [expr, other] : [other, expr];
      const { left: affinity } = comparisonOf(this.#context, left, right, term.scope);
      if (affinity !== undefined) builder.emit("Affinity", first + i, 0, 0, affinity);
    });
    return first;
  }

  #loop(position: number, end: Label): void {
    const planned = this.#nest.planned[position];
    if (planned === undefined) return this.#body(end);
    const { source, prepared } = planned.loop as FromLoop;
    if (planned.loop.isLeft) return this.#leftLoop(planned, position);
    if (source.place.kind === "registers") return this.#inside(position, end);
    if (this.#streams(planned, position)) {
      const { builder } = this.#context;
      builder.planDepth++;
      prepared!.emit((first) => {
        builder.planDepth--;
        source.place = { kind: "registers", first };
        const next = builder.label();
        this.#inside(position, next);
        builder.place(next);
        builder.planDepth++;
      });
      builder.planDepth--;
      return;
    }
    this.#iterate(planned, position, (next) => this.#inside(position, next));
  }

  /** The conditions that are known here, and the loops inside. */
  #inside(position: number, next: Label): void {
    this.#checkTerms(position, next, (term) => term.onOf < 0 || term.onOf === this.#at(position));
    this.#loop(position + 1, next);
  }

  #at(position: number): number {
    return this.#nest.planned[position]!.index;
  }

  #checkTerms(position: number, next: Label, isMine: (term: Term) => boolean): void {
    const { planned, terms } = this.#nest;
    const known = planned.slice(0, position + 1)
      .reduce((set: LoopSet, { index }) => set | only(index), 0n);
    const used = usedTerms(planned[position]!.access);
    for (const term of terms) {
      if (this.#done.has(term) || !isIn(term.loops, known) || !isMine(term)) continue;
      if (used.has(term)) this.#done.add(term);
      else this.#check(term, next);
    }
  }

  #leftLoop(planned: Planned, position: number): void {
    const { builder } = this.#context;
    const [none, inner, end] = [builder.label(), builder.label(), builder.label()];
    const matched = builder.registers();
    builder.emit("Value", matched, 0, 0, 0);
    this.#iterate(planned, position, (next) => {
      this.#checkTerms(position, next, (term) => term.onOf === planned.index);
      builder.emit("Value", matched, 0, 0, 1);
      if (this.#nest.found?.loop === planned.index) this.#nest.found.emit();
      builder.place(inner);
      this.#checkTerms(position, next, (term) => term.onOf < 0);
      this.#loop(position + 1, next);
    }, none);
    builder.place(none);
    builder.emit("If", matched, end);
    this.#nullRow(planned, position);
    builder.emit("Value", matched, 0, 0, 1);
    builder.emit("Goto", 0, inner);
    builder.place(end);
  }

  #nullRow({ loop }: Planned, position: number): void {
    const { builder } = this.#context;
    const { place } = loop.source;
    const index = this.#indexOf(position);
    if (index !== undefined) builder.emit("NullRow", index);
    if (place.kind === "table" || place.kind === "rows") builder.emit("NullRow", place.cursor);
  }

  /** Emits the moves through the rows of a loop. */
  #iterate(planned: Planned, position: number, body: Body, none?: Label): void {
    const { builder } = this.#context;
    const { place } = planned.loop.source;
    const { access } = planned;
    const [top, next] = [builder.label(), builder.label()];
    const end = none ?? builder.label();
    if (place.kind === "rows") {
      if (access.kind === "hash") {
        const keys = this.#keyValues(access, (key) => key.other);
        builder.emit("FindBucket", place.cursor, end, keys);
      } else {
        this.#openFunction(planned.loop as FromLoop, place.cursor);
        builder.emit("Rewind", place.cursor, end);
      }
      builder.place(top);
      body(next);
      builder.place(next);
      builder.emit("NextRow", place.cursor, top);
    } else if (place.kind === "table") {
      this.#iterateTable(planned, position, body, { top, next, end });
    }
    if (none === undefined) builder.place(end);
  }

  /** Opens the rows of a table-valued function for its arguments, if the loop is over one. */
  #openFunction({ called, args = [], source }: FromLoop, cursor: number): void {
    if (called === undefined) return;
    const { builder } = this.#context;
    const first = builder.registers(args.length);
    args.forEach(({ expr, scope }, i) => this.#context.value(expr, scope, first + i));
    builder.emit("OpenFunction", cursor, first, args.length, called, source.name);
  }

  #iterateTable(planned: Planned, position: number, body: Body, labels: LoopLabels): void {
    const { access, loop: { source: { place } } } = planned;
    if (place.kind !== "table") return;
    const moves = position === 0 ? this.#nest.moves : FORWARD;
    if (access.kind === "union") {
      const indexes = this.#indexes[position]!;
      const cursors = { table: place.cursor, hasRowid: place.table.hasRowid, indexes };
      return emitUnion(this.#context, access, cursors, labels.end, body);
    }
    if (access.kind !== "key") {
      const search = { kind: "range", range: { ...WHOLE, ...moves } } as const;
      return this.#iterateRange(place, position, search, body, labels);
    }
    emitRanges(this.#context, access, moves, labels.end, (search, end) => {
      this.#iterateRange(place, position, search, body, { ...labels, end });
    });
  }

  #iterateRange(
    { cursor, index }: Place & { kind: "table" },
    position: number,
    search: Search,
    body: Body,
    { top, next, end }: LoopLabels,
  ): void {
    const { builder } = this.#context;
    if (search.kind === "rowid") {
      builder.emit("SeekRowid", cursor, end, search.register);
      body(next);
      builder.place(next);
      return;
    }
    const own = this.#indexOf(position);
    builder.emit("Scan", own ?? cursor, end, 0, search.range);
    builder.place(top);
    if (own !== undefined && index === undefined) builder.emit("SeekEntry", own, cursor);
    body(next);
    builder.place(next);
    builder.emit("Next", own ?? cursor, top);
  }
}
