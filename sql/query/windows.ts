/**
 * Window functions of a SELECT: finds them and the rows that they need, and emits the code that
 * collects these rows, computes the functions, and visits the rows again.
 *
 * ```text
 * row   keys, aggregates and kept columns of the group, or kept columns of the row
 *       the results of the window functions
 *       their arguments, filters, partitions and orders
 * ```
 */

import type { Label } from "../expression/builder.ts";
import { emitColumn } from "../expression/column.ts";
import type { Context } from "../expression/context.ts";
import { argumentKind } from "../expression/json_argument.ts";
import { collationIn, collationOfFirst } from "../expression/rules.ts";
import { type Grouping, meaningOf, type Scope } from "../expression/scope.ts";
import { AGGREGATES, SCALARS } from "../function/functions.ts";
import { WINDOW_FUNCTIONS } from "../function/windows.ts";
import type { Call, Expr, Frame, FrameBound, Window } from "../parse/ast.ts";
import { walk } from "../parse/walk.ts";
import type { KnownFrame, OrderColumn } from "../rows/window_frame.ts";
import type { WindowColumn, WindowSpec } from "../rows/window_rows.ts";
import { refuse } from "../value/error.ts";
import type { ComputedWindow, FrameRegisters } from "../vm/ops_rows.ts";

/** A window function with its window, whose base is resolved. */
export interface WindowCall {
  readonly call: Call;
  readonly window: Window;
}

type Named = ReadonlyMap<string, Window>;

/** The window functions in some expressions. */
export function windowCallsIn(exprs: readonly Expr[], named: Named, scope: Scope): WindowCall[] {
  const found: WindowCall[] = [];
  const look = (expr: Expr, around: Scope) =>
    walk(expr, (part, isInQuery) => {
      if (isInQuery) return false;
      if (part.kind === "name") {
        const meaning = meaningOf(part, around);
        if (meaning.kind === "alias") look(meaning.expr, meaning.scope);
        return false;
      }
      if (part.kind !== "call" || part.over === undefined) return true;
      if (found.some(({ call }) => call === part)) return false;
      checkCall(part);
      const window = resolved(part.over, named);
      checkFrame(window);
      found.push({ call: part, window });
      return false;
    });
  for (const expr of exprs) look(expr, scope);
  return found;
}

/** The expressions that are evaluated before the window functions. */
export function windowInputs(calls: readonly WindowCall[]): Expr[] {
  return calls.flatMap(({ call, window }) => [
    ...call.args,
    ...(call.filter === undefined ? [] : [call.filter]),
    ...window.partitionBy,
    ...window.orderBy.map(({ expr }) => expr),
  ]);
}

function checkCall({ name, args, isStar, isDistinct, filter, orderBy, at }: Call): void {
  const definition = WINDOW_FUNCTIONS.get(name) ?? AGGREGATES.get(name);
  if (definition === undefined) {
    if (!SCALARS.has(name)) refuse(`no such function: ${name}`, at);
    return refuse(`${name}() may not be used as a window function`, at);
  }
  const isCount = name === "count" && isStar;
  if (!isCount && (isStar || args.length < definition.least || args.length > definition.most)) {
    refuse(`wrong number of arguments to function ${name}()`, at);
  }
  if (isDistinct) refuse("DISTINCT is not supported for window functions", at);
  if (orderBy.length > 0) refuse("ORDER BY is not supported for window functions", at);
  if (filter !== undefined && !AGGREGATES.has(name)) {
    refuse("FILTER clause may only be used with aggregate window functions", at);
  }
}

/** A window with what it takes from its base. */
function resolved(window: Window, named: Named, depth = 0): Window {
  const { base, at } = window;
  if (base === undefined) return window;
  const found = named.get(base.toLowerCase());
  if (found === undefined || depth > named.size) return refuse(`no such window: ${base}`, at);
  const under = resolved(found, named, depth + 1);
  if (window.isBase) return under;
  const override = (what: string) => refuse(`cannot override ${what} of window: ${base}`, at);
  if (window.partitionBy.length > 0) override("PARTITION clause");
  if (window.orderBy.length > 0 && under.orderBy.length > 0) override("ORDER BY clause");
  if (under.frame !== undefined) override("frame specification");
  const orderBy = under.orderBy.length > 0 ? under.orderBy : window.orderBy;
  return { ...window, base: undefined, partitionBy: under.partitionBy, orderBy };
}

function checkFrame({ frame, orderBy, at }: Window): void {
  if (frame?.unit !== "range" || orderBy.length === 1) return;
  if (frame.start.kind !== "offset" && frame.end.kind !== "offset") return;
  refuse("RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY expression", at);
}

const DEFAULT_FRAME: Frame = {
  unit: "range",
  start: { kind: "unbounded", isFollowing: false, offset: undefined },
  end: { kind: "current", isFollowing: false, offset: undefined },
  exclude: "no others",
};

/** Emits the window functions of a SELECT. */
export class WindowEmitter {
  readonly #context: Context;
  readonly #calls: readonly WindowCall[];
  /** The rows before, as groups or as rows with some columns. */
  readonly #before: Omit<Grouping, "cursor" | "single" | "windows">;
  readonly #cursor: number;
  /** The expressions of the columns after the results, each with its scope's collation. */
  readonly #inputs: Expr[] = [];
  readonly #windows: readonly ComputedWindow[];
  readonly #scope: Scope;

  /** Opens the rows. */
  constructor(
    context: Context,
    calls: readonly WindowCall[],
    before: Omit<Grouping, "cursor" | "single" | "windows">,
    scope: Scope,
  ) {
    this.#context = context;
    this.#calls = calls;
    this.#before = before;
    this.#scope = scope;
    this.#cursor = context.builder.cursor();
    context.builder.emit("OpenWindows", this.#cursor, 0, 0, undefined, "OVER");
    context.builder.planLine("USE ROWS FOR WINDOW FUNCTIONS");
    this.#windows = this.#computed();
  }

  /** What names and window functions mean in the rows. */
  get grouping(): Grouping {
    const windows = this.#calls.map(({ call }) => call);
    return { ...this.#before, cursor: this.#cursor, single: undefined, windows };
  }

  /** The first column after those of the groups or rows before. */
  get #results(): number {
    const { keys, aggregates, kept } = this.#before;
    return keys.length + aggregates.length + kept.length;
  }

  /** Emits the addition of a scope's current row; `groups` is the cursor of its group, if any. */
  collect(scope: Scope, groups: number | undefined): void {
    const { builder } = this.#context;
    const { keys, aggregates, kept } = this.#before;
    const width = this.#results + this.#calls.length + this.#inputs.length;
    const row = builder.registers(width);
    let at = row;
    for (let i = 0; i < keys.length; i++) builder.emit("GroupKey", groups!, i, at++);
    for (let i = 0; i < aggregates.length; i++) builder.emit("Aggregate", groups!, i, at++);
    kept.forEach(({ source, column }, i) => {
      if (groups !== undefined) builder.emit("GroupKept", groups, i, at++);
      else emitColumn(this.#context, { source, column, scope: this.#scope }, at++);
    });
    at += this.#calls.length;
    for (const expr of this.#inputs) this.#context.value(expr, scope, at++);
    builder.emit("AddRow", this.#cursor, row, width);
  }

  /** Emits the computation, and a loop over the rows. */
  finish(body: (next: Label) => void): void {
    const { builder } = this.#context;
    for (const window of this.#windows) builder.emit("Window", this.#cursor, 0, 0, window);
    const [top, next, end] = [builder.label(), builder.label(), builder.label()];
    builder.emit("Rewind", this.#cursor, end);
    builder.place(top);
    body(next);
    builder.place(next);
    builder.emit("NextRow", this.#cursor, top);
    builder.place(end);
  }

  /** The windows, each with its functions. */
  #computed(): ComputedWindow[] {
    const windows = [...new Set(this.#calls.map(({ window }) => window))];
    return windows.map((window) => {
      const columns = this.#calls.flatMap((call, i) =>
        call.window === window ? [this.#column(call.call, this.#results + i)] : []
      );
      const spec: WindowSpec = {
        partition: window.partitionBy.map((expr) => this.#order(expr, false, false)),
        order: window.orderBy.map(({ expr, isDescending, nulls }) => {
          const nullsLast = nulls === undefined ? isDescending : nulls === "last";
          return this.#order(expr, isDescending, nullsLast);
        }),
        columns,
      };
      return { spec, frame: this.#frame(window.frame ?? DEFAULT_FRAME) };
    });
  }

  /** Adds expressions as columns in a row, and returns the first. */
  #add(exprs: readonly Expr[]): number {
    const first = this.#results + this.#calls.length + this.#inputs.length;
    this.#inputs.push(...exprs);
    return first;
  }

  #order(expr: Expr, isDescending: boolean, nullsLast: boolean): OrderColumn {
    const collation = collationIn(expr, this.#scope);
    return { column: this.#add([expr]), term: { collation, isDescending, nullsLast } };
  }

  #column({ name, args, filter }: Call, target: number): WindowColumn {
    const collation = collationOfFirst(args, this.#scope);
    const isJson = args.map((arg) => argumentKind(arg, this.#scope));
    const own = WINDOW_FUNCTIONS.get(name);
    const of = own ?? (() => AGGREGATES.get(name)!.make(collation, isJson));
    const first = this.#add(args);
    return {
      target,
      first,
      count: args.length,
      filter: filter === undefined ? -1 : this.#add([filter]),
      of,
    };
  }

  /** A frame, whose offsets see only what is around the query. */
  #frame({ unit, start, end, exclude }: Frame): FrameRegisters {
    const outside: Scope = { ...this.#scope, sources: [], aliases: new Map(), grouping: undefined };
    const bound = ({ kind, isFollowing, offset }: FrameBound) => ({
      kind,
      isFollowing,
      register: offset === undefined ? -1 : this.#context.value(offset, outside),
    });
    return { unit: unit as KnownFrame["unit"], start: bound(start), end: bound(end), exclude };
  }
}
