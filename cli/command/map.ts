/**
 * `map`: a picture of a file for the terminal, from its page headers alone. It also works on a
 * file that another process has locked.
 *
 * A cell is one page, or several in a longer file; memory depends only on the number of cells. A
 * cell by kind shows only one of its pages: the one whose kind is the rarest in the file, so that
 * the few header pages and branches are visible among the leaves.
 */

import type { ChunkCensus } from "../../inspect.ts";
import { format } from "../../pager/mod.ts";
import { HEADER_PAGES, PART_OF_KIND, PARTS } from "../inspect/kinds.ts";
import type { Inspection } from "../inspect/mod.ts";
import { Refusal } from "../io/exit.ts";
import { countOf, oneLine, type Span } from "../io/text.ts";
import {
  type CommandSpec,
  type Context,
  type OptionValues,
  textOf,
  wholeNumber,
} from "../spec/command_spec.ts";

const ROWS_MAX = 24;
const ROW_CELLS = 64;
const BLOCK = "\u2588";
const SHADE = "\u2591";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** A scale from low to high, in the terminal's 256 colours. */
const SCALE = [52, 88, 124, 160, 166, 172, 178, 142, 106, 70].map((colour) => `38;5;${colour}`);
const TREE_COLOURS = ["32", "33", "34", "35", "36", "31", "92", "93", "94", "95", "96", "91"];
const WAYS = ["kind", "fill", "age", "tree"];
const NOTHING = ".";

/** The part of the file that a map shows. */
interface Area {
  readonly firstChunk: number;
  readonly chunks: number;
  /** Pages of each cell. */
  readonly cellPages: number;
  /** Chunks of each row; 0 = less than one. */
  readonly rowChunks: number;
}

/** The figures of one cell. */
class Cell {
  /** Pages of each part. */
  readonly parts = new Uint32Array(PARTS.length);
  /** Pages of each tree. */
  readonly trees = new Map<number, number>();
  /** Pages that have a fill. */
  filled = 0;
  usedBytes = 0;
  /** The newest version of its pages. */
  version = 0;
}

/** The letter and colour of a cell. */
interface Look {
  readonly letter: string;
  readonly colour: string;
}

/** Draws a file. */
export const map: CommandSpec = {
  name: "map",
  summary: "draw the file: its chunks and pages by kind, fill, age or tree",
  details:
    "Page headers alone are read, 1/256 of the file. A file that another process has open is " +
    "followed.",
  file: "inspect",
  args: [],
  options: [
    { flags: "--by <what>", what: "the property that the cells show; default kind", choices: WAYS },
    { flags: "--from <chunk>", what: "the first chunk; default 0" },
    { flags: "--chunks <count>", what: "the number of chunks; default all" },
  ],
  examples: [
    ["map cities.quire", "the whole file, by kind of page"],
    ["map cities.quire --by age --from 10 --chunks 4", "what was written last, in a part"],
  ],
  inShell: true,
  run(context, _args, options) {
    const inspection = context.inspect();
    const area = areaOf(inspection, options);
    const cells = cellsOf(inspection, area);
    const by = textOf(options["by"]) ?? "kind";
    if (context.json) return printJson(context, area, cells);
    const looks = { kind: kindLooks, fill: fillLooks, age: ageLooks }[by];
    const [drawn, legend] = looks?.(cells) ?? treeLooks(cells, inspection);
    draw(context, area, drawn);
    printLegend(context, area, legend, by);
  },
};

function areaOf(inspection: Inspection, options: OptionValues): Area {
  const all = inspection.file().chunks;
  const firstChunk = wholeNumber("--from", textOf(options["from"]) ?? "0");
  if (firstChunk >= all) {
    throw new Refusal(`Cannot use --from ${firstChunk}: the file has ${countOf(all, "chunk")}`);
  }
  const wanted = wholeNumber("--chunks", textOf(options["chunks"]) ?? String(all), 1);
  const chunks = Math.min(wanted, all - firstChunk);
  const { pages } = inspection.headers(firstChunk);
  if (chunks === 1 && pages <= ROW_CELLS) return { firstChunk, chunks, cellPages: 1, rowChunks: 0 };
  const rowChunks = Math.ceil(chunks / ROWS_MAX);
  return { firstChunk, chunks, cellPages: format.CHUNK_PAGES * rowChunks / ROW_CELLS, rowChunks };
}

function cellsOf(inspection: Inspection, { firstChunk, chunks, cellPages }: Area): Cell[] {
  const cells: Cell[] = [];
  for (let i = 0; i < chunks; i++) {
    const census = inspection.headers(firstChunk + i);
    for (let slot = 0; slot < census.pages; slot++) {
      const at = Math.floor((i * format.CHUNK_PAGES + slot) / cellPages);
      addPage(cells[at] ??= new Cell(), census, slot);
    }
  }
  return cells;
}

function addPage(cell: Cell, census: ChunkCensus, slot: number): void {
  const kind = census.kinds[slot]!;
  const part = slot === 0 ? HEADER_PAGES : PART_OF_KIND[kind]!;
  cell.parts[part]!++;
  if (kind === format.KIND_FREE) return;
  cell.version = Math.max(cell.version, census.versions[slot]!);
  if (!PARTS[part]!.hasFill) return;
  cell.filled++;
  cell.usedBytes += census.usedBytes[slot]!;
  const tree = census.trees[slot]!;
  cell.trees.set(tree, (cell.trees.get(tree) ?? 0) + 1);
}

type Looks = readonly [cells: readonly Look[], legend: readonly (readonly [Look, string])[]];

function kindLooks(cells: readonly Cell[]): Looks {
  const total = PARTS.map((_, part) => cells.reduce((sum, cell) => sum + cell.parts[part]!, 0));
  const rarest = (cell: Cell) => {
    const present = PARTS.filter((_, part) => cell.parts[part]! > 0);
    return present.reduce((a, b) => total[PARTS.indexOf(b)]! < total[PARTS.indexOf(a)]! ? b : a);
  };
  const legend = PARTS.filter((_, part) => total[part]! > 0).map((part) =>
    [part, part.name] as const
  );
  return [cells.map(rarest), legend];
}

function fillLooks(cells: readonly Cell[]): Looks {
  const looks = cells.map(({ filled, usedBytes }) =>
    filled === 0 ? EMPTY : scaleLook(usedBytes / (filled * format.PAGE_BYTES))
  );
  return [looks, [[scaleLook(0), "empty"], [scaleLook(1), "full"], [EMPTY, "no entries"]]];
}

function ageLooks(cells: readonly Cell[]): Looks {
  const versions = cells.map(({ version }) => version).filter((version) => version > 0);
  const [oldest, newest] = versions.reduce(
    ([low, high], version) => [Math.min(low, version), Math.max(high, version)],
    [Infinity, 0],
  );
  const share = (version: number) => (version - oldest) / Math.max(newest - oldest, 1);
  const looks = cells.map(({ version }) => version === 0 ? EMPTY : scaleLook(share(version)));
  const legend = versions.length === 0 ? [] : [
    [scaleLook(0), `version ${oldest}`] as const,
    [scaleLook(newest > oldest ? 1 : 0), `version ${newest}`] as const,
  ];
  return [looks, [...legend, [EMPTY, "free"]]];
}

function treeLooks(cells: readonly Cell[], inspection: Inspection): Looks {
  const names = new Map(inspection.trees().map(({ id, name }) => [id, oneLine(name)]));
  const ids = [...new Set(cells.flatMap(({ trees }) => [...trees.keys()]))].sort((a, b) => a - b);
  const looks = new Map(ids.map((id, i): [number, Look] => [id, {
    letter: LETTERS[i % LETTERS.length]!,
    colour: TREE_COLOURS[i % TREE_COLOURS.length]!,
  }]));
  const most = ({ trees }: Cell) => {
    const [first] = [...trees].sort(([, a], [, b]) => b - a);
    return first === undefined ? EMPTY : looks.get(first[0])!;
  };
  const legend = ids.map((id) =>
    [looks.get(id)!, names.get(id) ?? (id === 0 ? "catalog" : `tree ${id}`)] as const
  );
  return [cells.map(most), [...legend, [EMPTY, "no tree"]]];
}

const EMPTY: Look = { letter: NOTHING, colour: "90" };

/** A share from 0 to 1 as a digit and a colour. */
function scaleLook(share: number): Look {
  const step = Math.max(0, Math.min(9, Math.floor(share * 10)));
  return { letter: String(step), colour: SCALE[step]! };
}

function draw({ out, colours }: Context, area: Area, looks: readonly Look[]): void {
  const width = String(area.firstChunk + area.chunks - 1).length;
  for (let at = 0; at < looks.length; at += ROW_CELLS) {
    const chunk = area.firstChunk + at / ROW_CELLS * area.rowChunks;
    const row = looks.slice(at, at + ROW_CELLS);
    out.spans([{ text: `${String(chunk).padStart(width)} ` }, ...rowOf(row, colours)]);
  }
}

/** Cells as letters, or in colours. */
function rowOf(looks: readonly Look[], inColours: boolean): Span[] {
  if (!inColours) return [{ text: looks.map(({ letter }) => letter).join("") }];
  const spans: Span[] = [];
  for (let at = 0; at < looks.length;) {
    const { colour } = looks[at]!;
    let text = "";
    for (; at < looks.length && looks[at]!.colour === colour; at++) {
      text += looks[at]!.letter === NOTHING ? SHADE : BLOCK;
    }
    spans.push({ text, colour });
  }
  return spans;
}

function printLegend(context: Context, area: Area, legend: Looks[1], by: string): void {
  const { out, colours } = context;
  const { cellPages, rowChunks } = area;
  out.line();
  out.spans(legend.flatMap(([look, name], i) => {
    const end = i < legend.length - 1 ? "  " : "";
    return [...rowOf([look], colours), { text: ` ${name}${end}` }];
  }));
  const shown = cellPages > 1 && by === "kind" ? "; it shows its rarest kind" : "";
  const row = rowChunks === 0 ? "" : `a row is ${countOf(rowChunks, "chunk")}, `;
  out.line(`${row}a cell ${countOf(cellPages, "page")}${shown}`);
  if (context.inspect().file().unsynchronised) out.line(UNSYNCHRONISED);
}

/** The label of a view of a file that another process has locked. */
export const UNSYNCHRONISED =
  "unsynchronised: another process has the file open, and this may be of different moments";

function printJson({ out, inspect }: Context, area: Area, cells: readonly Cell[]): void {
  const { unsynchronised } = inspect().file();
  out.json({
    unsynchronised,
    firstPage: area.firstChunk * format.CHUNK_PAGES,
    cellPages: area.cellPages,
    cells: cells.map(({ parts, filled, usedBytes, version, trees }) => ({
      pages: Object.fromEntries(
        PARTS.flatMap(({ name }, part) => parts[part] === 0 ? [] : [[name, parts[part]]]),
      ),
      fill: filled === 0 ? null : usedBytes / (filled * format.PAGE_BYTES),
      version,
      trees: [...trees.keys()],
    })),
  });
}
