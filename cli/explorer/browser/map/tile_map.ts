/**
 * The map of the file: tiles of one or more pages on a canvas, from the whole file to one page.
 * Arrow keys move, plus and minus zoom, Enter opens. The selection is also described in text.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { kindColour, type Mode, type Palette, scaleColour, treeColour } from "../base/colours.ts";
import { html, type Shown } from "../base/html.ts";
import type { Tile, TileStore } from "./tile_store.ts";

const CELL = 13;
const GAP = 2;
const PITCH = CELL + GAP;
const ROWS = 20;
const FREE_SHOWN = 0.5;
/** The colours that are left of a tile: lit before, and never lit. */
const BEFORE_SHOWN = 0.65;
const DIM_SHOWN = 0.22;

/** The visible part of the file. */
export interface Window {
  /** Pages of a tile, as a power of two. */
  readonly shift: number;
  /** The index of the first tile. */
  readonly first: number;
}

/** Tiles that are lit; the other ones are dimmed. */
export interface Lit {
  /** Framed. */
  readonly now: ReadonlySet<number>;
  /** Lit before. */
  readonly before: ReadonlySet<number>;
}

/** The content of a map, and its event handlers. */
export interface TileMapProps {
  readonly pages: number;
  readonly window: Window;
  readonly selected: number;
  readonly mode: Mode;
  readonly versions: readonly [oldest: number, newest: number];
  readonly palette: Palette;
  readonly store: TileStore;
  /** The lit tiles, by index; undefined = none is lit or dimmed. */
  readonly lit?: Lit;
  /** Changes when the content of the store changes. */
  readonly epoch: number;
  readonly onSelect: (tile: number) => void;
  readonly onOpen: (tile: number) => void;
  readonly onZoom: (closer: boolean) => void;
  /** Receives the number of tiles that fit: per row, and in total. */
  readonly onRoom: (columns: number, tiles: number) => void;
}

/** The colour of a tile. */
export function tileColour(
  tile: Tile | undefined,
  mode: Mode,
  palette: Palette,
  [oldest, newest]: readonly [number, number],
): string {
  if (tile === undefined) return palette.empty;
  if (tile.kind < 0) return palette.damage;
  if (tile.inUse === 0) return kindColour(palette, 0);
  if (mode === "fill") return tile.tree < 0 ? palette.empty : scaleColour(palette, tile.fill / 100);
  if (mode === "tree") return treeColour(palette, tile.tree);
  if (mode === "version") {
    if (tile.version === 0) return palette.empty;
    return scaleColour(palette, (tile.version - oldest + 1) / (newest - oldest + 2));
  }
  return tile.kind === 0 ? palette.headers : kindColour(palette, tile.kind);
}

/** The map. */
export function TileMap(props: TileMapProps): Shown {
  const { window, selected, pages, store, onSelect, onOpen } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [columns, setColumns] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { contentRect } = entry!;
      const fitting = Math.max(8, Math.floor((contentRect.width + GAP) / PITCH));
      setColumns(fitting);
      props.onRoom(fitting, fitting * ROWS);
    });
    observer.observe(canvas.current!.parentElement!);
    return () => observer.disconnect();
  }, []);
  const tiles = Math.ceil(pages / 2 ** window.shift);
  useEffect(() => {
    if (columns === 0) return;
    store.want(window.shift, window.first, Math.min(tiles, window.first + columns * ROWS));
    draw(canvas.current!, columns, tiles, props);
  });
  const tileAt = (event: MouseEvent) => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    const column = Math.floor((event.clientX - left) / PITCH);
    const tile = window.first + Math.floor((event.clientY - top) / PITCH) * columns + column;
    return column < columns && tile < tiles ? tile : -1;
  };
  const pick = (event: MouseEvent, use: (tile: number) => void) => {
    const tile = tileAt(event);
    if (tile >= 0) use(tile);
  };
  return html`
    <canvas
      ref=${canvas}
      class="map"
      tabindex="0"
      role="application"
      aria-label="Map of the file"
      aria-describedby="map-status map-keys"
      data-selected=${selected}
      data-columns=${columns}
      data-first=${window.first}
      data-shift=${window.shift}
      data-lit=${props.lit?.now.size}
      onClick=${(event: MouseEvent) => pick(event, onSelect)}
      onDblClick=${(event: MouseEvent) => pick(event, onOpen)}
      onKeyDown=${(event: KeyboardEvent) => press(event, columns, tiles, props)}
    />
  `;
}

/** Handles a key: moves, zooms or opens. */
function press(event: KeyboardEvent, columns: number, tiles: number, props: TileMapProps): void {
  const { selected, onSelect, onOpen, onZoom } = props;
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -columns * ROWS,
    PageDown: columns * ROWS,
    Home: -tiles,
    End: tiles,
  };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in steps) {
    onSelect(Math.max(0, Math.min(tiles - 1, selected + steps[event.key]!)));
  } else if (event.key === "Enter") onOpen(selected);
  else if (event.key === "+" || event.key === "=") onZoom(true);
  else if (event.key === "-") onZoom(false);
  else return;
  event.preventDefault();
}

function draw(
  canvas: HTMLCanvasElement,
  columns: number,
  tiles: number,
  props: TileMapProps,
): void {
  const { window, selected, mode, palette, store, versions, lit } = props;
  const shown = Math.min(columns * ROWS, Math.max(0, tiles - window.first));
  const rows = Math.max(1, Math.ceil(shown / columns));
  const scale = devicePixelRatio;
  canvas.width = columns * PITCH * scale;
  canvas.height = rows * PITCH * scale;
  canvas.style.width = `${columns * PITCH}px`;
  canvas.style.height = `${rows * PITCH}px`;
  const context = canvas.getContext("2d")!;
  context.scale(scale, scale);
  for (let i = 0; i < shown; i++) {
    const index = window.first + i;
    const tile = store.get(window.shift, index);
    const [x, y] = [i % columns * PITCH, Math.floor(i / columns) * PITCH];
    // A partly free tile is partly in the colour of free pages.
    const used = tile === undefined || tile.inUse === 0 || window.shift === 0
      ? 1
      : FREE_SHOWN + (1 - FREE_SHOWN) * tile.inUse / 100;
    context.fillStyle = palette.empty;
    context.fillRect(x, y, CELL, CELL);
    context.globalAlpha = used * shownOf(lit, index);
    context.fillStyle = tileColour(tile, mode, palette, versions);
    context.fillRect(x, y, CELL, CELL);
    context.globalAlpha = 1;
    const isLit = lit?.now.has(index) === true;
    if (!isLit && index !== selected) continue;
    context.strokeStyle = isLit ? palette.lit : palette.ink;
    context.lineWidth = isLit ? 4 : 2;
    context.strokeRect(x, y, CELL, CELL);
  }
}

/** The part of a tile's colour that is shown. */
function shownOf(lit: Lit | undefined, tile: number): number {
  if (lit === undefined || lit.now.has(tile)) return 1;
  return lit.before.has(tile) ? BEFORE_SHOWN : DIM_SHOWN;
}
