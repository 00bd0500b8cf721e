/**
 * Emits the union of several ranges: the keys of their rows are collected, each once, and sorted;
 * so the rows come in the order of the table's key.
 */

import type { Label } from "../expression/builder.ts";
import type { Context } from "../expression/context.ts";
import type { UnionAccess } from "../plan/union.ts";
import { FORWARD } from "../vm/key_range.ts";
import { emitRanges } from "./ranges.ts";

/** The cursors of a union. */
export interface UnionCursors {
  /** The cursor of the table. */
  readonly table: number;
  /** Whether rows are found by their rowids, rather than by their keys as bytes. */
  readonly hasRowid: boolean;
  /** The cursors of the indexes, by range; undefined for a range of the table's own key. */
  readonly indexes: readonly (number | undefined)[];
}

/** Emits the loop over the rows of a union, which ends at `end`. */
export function emitUnion(
  context: Context,
  access: UnionAccess,
  cursors: UnionCursors,
  end: Label,
  body: (next: Label) => void,
): void {
  const { builder } = context;
  const keys = emitKeys(context, access, cursors);
  const [top, next] = [builder.label(), builder.label()];
  const key = builder.registers();
  builder.emit("Sort", keys);
  builder.emit("Rewind", keys, end);
  builder.place(top);
  builder.emit("RowColumn", keys, 0, key);
  builder.emit("SeekListed", cursors.table, 0, key);
  body(next);
  builder.place(next);
  builder.emit("NextRow", keys, top);
}

/** Emits the set of the keys of all rows in the ranges. */
function emitKeys(
  context: Context,
  { ranges }: UnionAccess,
  { table, hasRowid, indexes }: UnionCursors,
): number {
  const { builder } = context;
  const keys = builder.cursor();
  const key = builder.registers();
  builder.emit("OpenSet", keys, 0, 0, ["BINARY"], "OR");
  const add = (cursor: number) => {
    const known = builder.label();
    builder.emit(hasRowid ? "Rowid" : "KeyOf", cursor, key);
    builder.emit("AddUnique", keys, known, key);
    builder.place(known);
  };
  ranges.forEach((access, i) => {
    const cursor = indexes[i] ?? table;
    const end = builder.label();
    emitRanges(context, access, FORWARD, end, (search, after) => {
      if (search.kind === "rowid") {
        builder.emit("SeekRowid", table, after, search.register);
        return add(table);
      }
      const top = builder.label();
      builder.emit("Scan", cursor, after, 0, search.range);
      builder.place(top);
      add(cursor);
      builder.emit("Next", cursor, top);
    });
    builder.place(end);
  });
  return keys;
}
