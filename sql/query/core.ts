/**
 * Compiles one SELECT: loops, groups, the columns of the result, DISTINCT, ORDER BY and LIMIT.
 */

import type { Label } from "../expression/builder.ts";
import type { Context, Prepared, Sink } from "../expression/context.ts";
import { type CommonTables, type Grouping, meaningOf, type Scope } from "../expression/scope.ts";
import type { Call, Core, Expr, OrderTerm, Query } from "../parse/ast.ts";
import { conjunctsOf, type Term } from "../plan/loop.ts";
import { planLoops, type Planned } from "../plan/order.ts";
import {
  covers,
  type GroupOrder,
  groupOrder,
  type LoopOrder,
  loopOrder,
} from "../plan/row_order.ts";
import { type DistinctOrder, distinctOrder, groupDistinct, isOneRange } from "../plan/visited.ts";
import { refuse } from "../value/error.ts";
import { FORWARD } from "../vm/key_range.ts";
import { aggregatesIn, isOver, ownAggregates } from "./aggregates_in.ts";
import { aliasesOf, describe, expand, markUsed, type Output } from "./columns.ts";
import { type From, resolveFrom, termsOf } from "./from.ts";
import { type Collected, emitCollect, emitGroups, keptIn, openGroups } from "./grouping.ts";
import { emitLimit, type Limit, passLimit, passOffset } from "./limit.ts";
import { emitLoops } from "./loops.ts";
import {
  checkNumber,
  columnOfTerm,
  numberOf,
  type Ordering,
  orderings,
  sortTerms,
} from "./order_by.ts";
import { type WindowCall, windowCallsIn, WindowEmitter, windowInputs } from "./windows.ts";

/** What a query adds to its SELECT. */
export type Around = Pick<Query, "orderBy" | "limit" | "offset">;

/** Resolves the names of a SELECT. */
export function prepareCore(
  context: Context,
  core: Core,
  around: Around,
  parent: Scope | undefined,
  common: CommonTables,
): Prepared {
  const from = resolveFrom(context, core.from, parent, common);
  const outputs = expand(core.columns, from.scope);
  const columns = describe(context, outputs, from.scope);
  const emit = (sink: Sink) => new CoreEmitter(context, core, around, from, outputs).emit(sink);
  return { columns, emit, columnOf: (term) => columnOfTerm(term, outputs, from.scope) };
}

class CoreEmitter {
  readonly #context: Context;
  readonly #core: Core;
  readonly #around: Around;
  readonly #from: From;
  readonly #outputs: readonly Output[];
  /** The scope of conditions, which see the aliases of the result. */
  readonly #scope: Scope;
  readonly #order: readonly Ordering[];

  constructor(
    context: Context,
    core: Core,
    around: Around,
    from: From,
    outputs: readonly Output[],
  ) {
    this.#context = context;
    this.#core = core;
    this.#around = around;
    this.#from = from;
    this.#outputs = outputs;
    this.#scope = { ...from.scope, aliases: aliasesOf(outputs) };
    this.#order = orderings(around.orderBy as OrderTerm[], outputs, this.#scope);
  }

  emit(sink: Sink): void {
    const { builder } = this.#context;
    const keys = this.#core.groupBy.map((expr, term) => this.#groupKey(expr, term));
    const having = this.#core.having;
    const results = [...this.#outputs.map(({ expr }) => expr), ...this.#order.map((o) => o.expr)];
    const windows = windowCallsIn(results, this.#core.windows, this.#scope);
    const inputs = windowInputs(windows);
    const late = having === undefined ? results : [...results, having];
    const aggregates = ownAggregates(this.#context, [...late, ...inputs], this.#scope);
    const isGrouped = keys.length > 0 || aggregates.length > 0 || having !== undefined;
    this.#checkConditions(isGrouped);
    if (keys.length === 0) this.#checkUngrouped(aggregates);
    for (const expr of [...late, ...keys, ...inputs]) markUsed(expr, this.#scope);
    const end = builder.label();
    const limit = emitLimit(this.#context, this.#around, this.#from.scope, end);
    if (isGrouped) {
      const kept = keptIn([...late, ...inputs], keys, this.#scope);
      const collected = { keys, aggregates, kept, scope: this.#scope };
      this.#emitGrouped(collected, windows, limit, end, sink);
    } else if (windows.length > 0) this.#emitWindows(results, windows, limit, end, sink);
    else this.#emitPlain(limit, end, sink);
    builder.place(end);
  }

  /** A key of GROUP BY: by number, by alias, or an expression. */
  #groupKey(expr: Expr, term: number): Expr {
    if (expr.kind === "collate") return { ...expr, operand: this.#groupKey(expr.operand, term) };
    if (expr.kind === "name") {
      const meaning = meaningOf(expr, this.#scope);
      return meaning.kind === "alias" ? meaning.expr : expr;
    }
    const number = numberOf(expr);
    if (number === undefined) return expr;
    checkNumber("GROUP BY", number, term, this.#outputs.length, expr.at);
    return this.#outputs[number - 1]!.expr;
  }

  /** Refuses aggregates in conditions, except over the rows of a query around a grouped one. */
  #checkConditions(isGrouped: boolean): void {
    const { where, groupBy } = this.#core;
    const early = [...groupBy, ...(where === undefined ? [] : [where])];
    const found = aggregatesIn(early, this.#scope);
    const [misused] = found.filter((call) => !isGrouped || isOver(call, this.#scope, this.#scope));
    if (misused === undefined) return;
    refuse(`misuse of aggregate: ${misused.name.toUpperCase()}()`, misused.at);
  }

  /** Refuses HAVING, and aggregates that are only in ORDER BY, where nothing makes groups. */
  #checkUngrouped(aggregates: readonly Call[]): void {
    const { having } = this.#core;
    const [first] = aggregates;
    if (having === undefined && first === undefined) return;
    const results = this.#outputs.map(({ expr }) => expr);
    if (ownAggregates(this.#context, results, this.#scope).length > 0) return;
    if (having !== undefined) refuse("HAVING clause on a non-aggregate query", having.at);
    refuse(`misuse of aggregate: ${first!.name.toUpperCase()}()`, first!.at);
  }

  #terms(): Term[] {
    const { loops, conditions } = this.#from;
    const where = this.#core.where === undefined ? [] : conjunctsOf(this.#core.where);
    const scope = this.#scope;
    return termsOf(this.#context, [
      ...conditions,
      ...where.map((expr) => ({ expr, scope, onOf: -1 })),
    ], loops);
  }

  #emitPlain(limit: Limit, end: Label, sink: Sink): void {
    const terms = this.#terms();
    const planned = planLoops(this.#context, this.#from.loops, terms);
    const isSorted = this.#order.length > 0;
    const order = isSorted ? this.#orderOf(planned) : undefined;
    const sorts = isSorted && order === undefined;
    const { isDistinct } = this.#core;
    const distinct = isDistinct ? this.#distinctOf(planned, terms, order, sorts) : undefined;
    const skips = !sorts && !isDistinct && isOneRange(planned, terms);
    const passed = skips ? { ...limit, offset: undefined } : limit;
    const output = new RowOutput(this.#context, this.#outputs, this.#order, passed, end, sink);
    output.open(isDistinct && distinct === undefined, this.#scope, sorts);
    const moves = {
      ...FORWARD,
      isReverse: order?.isReverse ?? false,
      distinct: distinct?.distinct ?? 0,
      skip: skips ? limit.offset : undefined,
    };
    const orderIndex = (distinct ?? order)?.index;
    const { scope } = this.#from;
    const nest = { planned, terms, scope, moves, orderIndex, needsRows: false };
    emitLoops(this.#context, nest, (next) => output.row(this.#resultScope(), next));
    output.close();
  }

  /** How the first loop moves in the order of ORDER BY, if that costs less than a sort. */
  #orderOf(planned: readonly Planned[]): LoopOrder | undefined {
    const order = loopOrder(planned, this.#order, this.#scope, true);
    const isCheap = order?.index === undefined || this.#around.limit !== undefined ||
      covers(planned[0]!, order.index);
    return isCheap ? order : loopOrder(planned, this.#order, this.#scope, false);
  }

  /** How the only loop visits one row of each result of DISTINCT. */
  #distinctOf(
    planned: readonly Planned[],
    terms: readonly Term[],
    order: LoopOrder | undefined,
    sorts: boolean,
  ): DistinctOrder | undefined {
    // Which of several rows is sorted would matter to a term that is no result.
    const isOpen = sorts && this.#order.some(({ output }) => output < 0);
    if (isOpen || !isOneRange(planned, terms)) return undefined;
    const exprs = this.#outputs.map(({ expr }) => expr);
    return distinctOrder(planned[0]!, exprs, this.#from.scope, order);
  }

  /** Emits window functions over rows that are not grouped. */
  #emitWindows(
    results: readonly Expr[],
    windows: readonly WindowCall[],
    limit: Limit,
    end: Label,
    sink: Sink,
  ): void {
    const terms = this.#terms();
    const planned = planLoops(this.#context, this.#from.loops, terms);
    const output = new RowOutput(this.#context, this.#outputs, this.#order, limit, end, sink);
    output.open(this.#core.isDistinct, this.#scope, this.#order.length > 0);
    const before = { keys: [], aggregates: [], kept: keptIn(results, [], this.#scope) };
    const emitter = new WindowEmitter(this.#context, windows, before, this.#scope);
    const { scope } = this.#from;
    const plain = { moves: FORWARD, orderIndex: undefined, needsRows: false };
    emitLoops(
      this.#context,
      { planned, terms, scope, ...plain },
      () => emitter.collect(this.#scope, undefined),
    );
    emitter.finish((next) =>
      output.row({ ...this.#resultScope(), grouping: emitter.grouping }, next)
    );
    output.close();
  }

  #emitGrouped(
    collected: Collected,
    windows: readonly WindowCall[],
    limit: Limit,
    end: Label,
    sink: Sink,
  ): void {
    const terms = this.#terms();
    const planned = planLoops(this.#context, this.#from.loops, terms);
    const output = new RowOutput(this.#context, this.#outputs, this.#order, limit, end, sink);
    output.open(this.#core.isDistinct, this.#scope, this.#order.length > 0);
    const order = groupOrder(planned, collected, terms);
    const single = windows.length > 0 ? undefined : this.#emitCount(collected, planned, terms) ??
      this.#emitExtreme(collected, planned, terms, order);
    if (single !== undefined) {
      const next = this.#context.builder.label();
      this.#emitGroup(output, single, next);
      this.#context.builder.place(next);
    } else {
      const grouping = openGroups(this.#context, collected, order.isGrouped);
      const { scope } = this.#from;
      const distinct = groupDistinct(planned, collected, terms, order);
      const { isReverse, index: orderIndex } = distinct ?? order;
      const moves = { ...FORWARD, isReverse, distinct: distinct?.distinct ?? 0 };
      const nest = { planned, terms, scope, moves, orderIndex, needsRows: false };
      emitLoops(this.#context, nest, () => emitCollect(this.#context, collected, grouping));
      this.#emitGroups(output, grouping, windows);
    }
    output.close();
  }

  #emitGroups(output: RowOutput, grouping: Grouping, windows: readonly WindowCall[]): void {
    if (windows.length === 0) {
      emitGroups(this.#context, grouping, (next) => this.#emitGroup(output, grouping, next));
      return;
    }
    const emitter = new WindowEmitter(this.#context, windows, grouping, this.#scope);
    emitGroups(this.#context, grouping, (next) => {
      const scope = { ...this.#scope, grouping };
      const { having } = this.#core;
      if (having !== undefined) this.#context.jump(having, scope, next, false, true);
      emitter.collect(scope, grouping.cursor);
    });
    emitter.finish((next) =>
      output.row({ ...this.#resultScope(), grouping: emitter.grouping }, next)
    );
  }

  #emitGroup(output: RowOutput, grouping: Grouping, next: Label): void {
    const scope = { ...this.#scope, grouping };
    const { having } = this.#core;
    if (having !== undefined) this.#context.jump(having, scope, next, false, true);
    output.row({ ...this.#resultScope(), grouping }, next);
  }

  /** Emits the number of rows of a table, if nothing else is asked for. */
  #emitCount(
    { keys, aggregates, kept }: Collected,
    planned: readonly Planned[],
    terms: readonly Term[],
  ): Grouping | undefined {
    const [only, ...others] = planned;
    const { builder } = this.#context;
    const isPlain = keys.length === 0 && kept.length === 0 && terms.length === 0 &&
      others.length === 0 && aggregates.length > 0 &&
      aggregates.every(({ name, isStar, filter }) =>
        name === "count" && isStar && filter === undefined
      );
    if (!isPlain || only?.loop.source.place.kind !== "table") return undefined;
    const count = builder.registers();
    const { table } = only.loop.source.place;
    builder.emit("Count", count, 0, 0, table.tree, table.name);
    builder.planLine(`COUNT ${table.name}`);
    return { cursor: -1, keys, aggregates, kept, single: count, windows: undefined };
  }

  /** Emits the search for the row with the only MIN or MAX, if its order finds it first. */
  #emitExtreme(
    { keys, aggregates, kept }: Collected,
    planned: readonly Planned[],
    terms: readonly Term[],
    { first, isReverse, index: orderIndex }: GroupOrder,
  ): Grouping | undefined {
    if (first === undefined) return undefined;
    const { builder } = this.#context;
    const { scope } = this.#from;
    const result = builder.registers();
    const enough = builder.label();
    const moves = { ...FORWARD, isReverse };
    builder.emit("Null", result, 1);
    emitLoops(
      this.#context,
      { planned, terms, scope, moves, orderIndex, needsRows: false },
      () => {
        this.#context.value(first, this.#scope, result);
        builder.emit("NotNull", result, enough);
      },
    );
    builder.place(enough);
    return { cursor: -1, keys, aggregates, kept, single: result, windows: undefined };
  }

  /** The scope of the result, which does not see its own aliases. */
  #resultScope(): Scope {
    return this.#from.scope;
  }
}

/** Emits what happens to the rows of a result: DISTINCT, sorting, LIMIT, the sink. */
class RowOutput {
  readonly #context: Context;
  readonly #outputs: readonly Output[];
  readonly #order: readonly Ordering[];
  readonly #limit: Limit;
  readonly #end: Label;
  readonly #sink: Sink;
  #set: number | undefined;
  #sorter: number | undefined;

  constructor(
    context: Context,
    outputs: readonly Output[],
    order: readonly Ordering[],
    limit: Limit,
    end: Label,
    sink: Sink,
  ) {
    this.#context = context;
    this.#outputs = outputs;
    this.#order = order;
    this.#limit = limit;
    this.#end = end;
    this.#sink = sink;
  }

  open(isDistinct: boolean, scope: Scope, sorts: boolean): void {
    const { builder } = this.#context;
    if (isDistinct) {
      this.#set = builder.cursor();
      const collations = describe(this.#context, this.#outputs, scope)
        .map(({ collation }) => collation);
      builder.emit("OpenSet", this.#set, 0, 0, collations, "DISTINCT");
    }
    if (!sorts) return;
    this.#sorter = builder.cursor();
    const terms = sortTerms(this.#order, scope);
    const { limit, offset } = this.#limit;
    builder.emit("OpenSorter", this.#sorter, 0, 0, { terms, limit, offset }, "ORDER BY");
    builder.planLine("USE SORTER FOR ORDER BY");
  }

  /** Emits the code of a row. */
  row(scope: Scope, next: Label): void {
    const { builder } = this.#context;
    const keys = this.#sorter === undefined ? 0 : this.#order.length;
    const first = builder.registers(keys + this.#outputs.length);
    if (this.#sorter !== undefined && this.#set === undefined) {
      return this.#sortedRow(this.#sorter, first, scope, next);
    }
    const isPlain = this.#sorter === undefined && this.#set === undefined;
    // The result of a row that OFFSET skips is not computed.
    const { limit, offset } = this.#limit;
    if (isPlain) passOffset(builder, offset, next);
    this.#outputs.forEach(({ expr }, i) => this.#context.value(expr, scope, first + keys + i));
    if (this.#set !== undefined) builder.emit("AddUnique", this.#set, next, first + keys);
    if (this.#sorter === undefined) {
      return passLimit(
        this.#context,
        { limit, offset: isPlain ? undefined : offset },
        next,
        this.#end,
        () => this.#sink(first, this.#outputs.length),
      );
    }
    this.#order.forEach(({ output, expr }, i) => {
      const isOutput = output >= 0 && expr === this.#outputs[output]!.expr;
      if (isOutput) builder.emit("Copy", first + keys + output, first + i);
      else this.#context.value(expr, this.#orderScope(scope), first + i);
    });
    builder.emit("AddSorted", this.#sorter, first, keys + this.#outputs.length);
  }

  /** Emits a row for a sorter. With a limit, results of rows that sort past it are not computed. */
  #sortedRow(sorter: number, first: number, scope: Scope, next: Label): void {
    const { builder } = this.#context;
    const keys = this.#order.length;
    const isOutput = ({ output, expr }: Ordering) => this.#outputs[output]?.expr === expr;
    this.#order.forEach((term, i) => {
      const around = isOutput(term) ? scope : this.#orderScope(scope);
      this.#context.value(term.expr, around, first + i);
    });
    const isKnown = this.#limit.limit !== undefined;
    if (isKnown) builder.emit("UnlessSorted", sorter, next, first);
    this.#outputs.forEach(({ expr }, i) => {
      const key = this.#order.findIndex((term) => term.output === i && isOutput(term));
      if (key >= 0) builder.emit("Copy", first + key, first + keys + i);
      else this.#context.value(expr, scope, first + keys + i);
    });
    builder.emit("AddSorted", sorter, first, keys + this.#outputs.length, isKnown);
  }

  /** The terms of ORDER BY see the aliases of the result. */
  #orderScope(scope: Scope): Scope {
    return { ...scope, aliases: aliasesOf(this.#outputs) };
  }

  /** Emits the sorted rows, if there is a sorter. */
  close(): void {
    if (this.#sorter === undefined) return;
    const { builder } = this.#context;
    const count = this.#outputs.length;
    const [top, next, end] = [builder.label(), builder.label(), builder.label()];
    builder.emit("Sort", this.#sorter);
    builder.emit("Rewind", this.#sorter, end);
    builder.place(top);
    const first = builder.registers(count);
    for (let i = 0; i < count; i++) {
      builder.emit("RowColumn", this.#sorter, this.#order.length + i, first + i);
    }
    passLimit(this.#context, this.#limit, next, this.#end, () => this.#sink(first, count));
    builder.place(next);
    builder.emit("NextRow", this.#sorter, top);
    builder.place(end);
  }
}
