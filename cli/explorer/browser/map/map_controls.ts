/**
 * The controls of the map: the colour mode, the zoom, the legend, and the tiles as a table.
 */

import type { FileInfo } from "../../api_types.ts";
import { kindColour, type Mode, MODES, type Palette, treeColour } from "../base/colours.ts";
import { count } from "../base/figures.ts";
import { html, type Shown } from "../base/html.ts";
import { tileWords } from "./map_words.ts";
import type { TileStore } from "./tile_store.ts";

const LEGEND_TREES = 12;
const TABLE_TILES = 64;

interface ModesProps {
  readonly mode: Mode;
  readonly onMode: (mode: Mode) => void;
}

/** The bar above the map: its title, the colour mode and the zoom. */
export function MapBar({ mode, onMode, ...zoom }: ModesProps & ZoomProps): Shown {
  return html`
    <div class="bar">
      <h2 id="map-title">The file</h2>
      <${Modes} mode=${mode} onMode=${onMode} />
      <${Zoom} ...${zoom} />
    </div>
  `;
}

/** The choice of the colour mode. */
function Modes({ mode, onMode }: ModesProps): Shown {
  return html`<fieldset class="segments"><legend class="hidden">Colour by</legend>${
    MODES.map(([name, words]) =>
      html`<label key=${name} class=${name === mode ? "chosen" : ""}>
      <input type="radio" name="mode" value=${name} checked=${name === mode}
        onChange=${() => onMode(name)} />${words}</label>`
    )
  }</fieldset>`;
}

interface ZoomProps {
  readonly shift: number;
  readonly fit: number;
  readonly onZoom: (closer: boolean) => void;
  readonly onFit: () => void;
}

/** The zoom controls. */
function Zoom({ shift, fit, onZoom, onFit }: ZoomProps): Shown {
  return html`
    <div class="buttons" role="group" aria-label="Zoom">
      <button type="button" aria-label="Zoom out" disabled=${shift >= fit}
        onClick=${() => onZoom(false)}>-</button>
      <button type="button" disabled=${shift === fit} onClick=${onFit}>Whole file</button>
      <button type="button" aria-label="Zoom in" disabled=${shift === 0}
        onClick=${() => onZoom(true)}>+</button>
    </div>
  `;
}

interface LegendProps {
  readonly mode: Mode;
  readonly palette: Palette;
  readonly file: FileInfo;
  readonly versions: readonly [number, number];
}

/** The legend of the colours. */
export function Legend({ mode, palette, file, versions }: LegendProps): Shown {
  const scaleWords = (step: number) => {
    const steps = palette.scale.length;
    if (mode === "fill") return `to ${Math.round(100 * (step + 1) / steps)} %`;
    return step === 0 ? `${versions[0]} and older` : step === steps - 1 ? `${versions[1]}` : "";
  };
  const items = mode === "kind"
    ? file.kinds.map((name, kind): [string, string] => [kindColour(palette, kind), name])
      .concat([[palette.headers, "headers"], [palette.damage, "damaged"]])
    : mode === "tree"
    ? [[palette.headers, "catalog"] as [string, string]].concat(
      file.trees.slice(0, LEGEND_TREES).map(({ id, name }) => [treeColour(palette, id), name]),
    )
    : palette.scale.map((colour, step): [string, string] => [colour, scaleWords(step)]);
  const more = file.trees.length - LEGEND_TREES;
  return html`<ul class="legend" aria-label="Colours">
    ${
    items.map(([colour, name]) =>
      html`<li key=${colour + name}><i style=${{ background: colour }} />${name}</li>`
    )
  }
    ${mode === "tree" && more > 0 && html`<li>${`and ${count(more)} more`}</li>`}
  </ul>`;
}

interface TileTableProps {
  readonly file: FileInfo;
  readonly store: TileStore;
  readonly shift: number;
  readonly from: number;
}

/** The tiles from a given one on, as text. */
export function TileTable({ file, store, shift, from }: TileTableProps): Shown {
  const tiles = Math.ceil(file.pages / 2 ** shift);
  const shown = Math.min(TABLE_TILES, tiles - from);
  return html`
    <details>
      <summary>${`The next ${count(shown)} of ${count(tiles)} tiles, as a list`}</summary>
      <ol class="scroll" start=${from + 1}>${Array.from(
        { length: shown },
        (_, i) =>
          html`<li key=${from + i}>${
            tileWords(store.get(shift, from + i), from + i, shift, file)
          }</li>`,
      )}</ol>
    </details>
  `;
}
