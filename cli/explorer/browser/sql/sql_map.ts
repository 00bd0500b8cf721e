/**
 * The map of the file during a query: the pages that a step touches are lit, those of the steps
 * before it less so, and the rest is dim.
 */

import { useEffect, useMemo, useState } from "preact/hooks";
import type { FileInfo, SqlStepInfo } from "../../api_types.ts";
import { type Mode, usePalette } from "../base/colours.ts";
import { html, type Shown } from "../base/html.ts";
import { Legend, MapBar } from "../map/map_controls.ts";
import { useLook } from "../map/map_look.ts";
import { sizeWords, tileWords } from "../map/map_words.ts";
import { TileMap } from "../map/tile_map.ts";
import { TileStore } from "../map/tile_store.ts";
import type { StepProps } from "./sql_panes.ts";

const VERSIONS_SHOWN = 64;

/** The map of a step. */
export function SqlMap({ file, info, step }: StepProps & { readonly file: FileInfo }): Shown {
  const [mode, setMode] = useState<Mode>("kind");
  const [epoch, setEpoch] = useState(0);
  const [page, setPage] = useState(0);
  const palette = usePalette();
  const store = useMemo(() => new TileStore(() => setEpoch((epoch) => epoch + 1)), []);
  useEffect(() => store.invalidate(), [file.version, file.pages]);
  useEffect(() => {
    const last = info.steps[step]?.pages.at(-1);
    if (last !== undefined) setPage(last[0] + last[1] - 1);
  }, [info, step]);
  const look = useLook(file, Math.min(file.pages - 1, page), setPage);
  const { shift, fit, selected } = look;
  const now = useMemo(() => tilesOf(info.steps.slice(step, step + 1), shift), [info, step, shift]);
  const before = useMemo(() => tilesOf(info.steps.slice(0, step), shift), [info, step, shift]);
  const versions = [Math.max(1, file.version - VERSIONS_SHOWN + 1), file.version];
  const colours = { mode, palette, versions };
  return html`
    <section class="panel" aria-labelledby="map-title">
      <${MapBar} mode=${mode} onMode=${setMode} shift=${shift} fit=${fit}
        onZoom=${look.zoom} onFit=${look.showAll} />
      <${TileMap} ...${colours} pages=${file.pages} window=${{ shift, first: look.first }}
        selected=${selected} store=${store} epoch=${epoch} lit=${{ now, before }}
        onSelect=${look.select} onOpen=${look.open} onZoom=${look.zoom} onRoom=${look.setRoom} />
      <p id="map-status" class="status">${tileWords(
        store.get(shift, selected),
        selected,
        shift,
        file,
      )}</p>
      <p class="note">${`A tile is ${sizeWords(shift, file)}. `}
          <span id="map-keys">Framed tiles have pages of this step, and dim ones of
            no step so far. Arrow keys move, + and - zoom, Enter opens.</span></p>
      <${Legend} ...${colours} file=${file} />
    </section>
  `;
}

/** The tiles that have pages of some steps. */
function tilesOf(steps: readonly SqlStepInfo[], shift: number): ReadonlySet<number> {
  const tiles = new Set<number>();
  for (const { pages } of steps) {
    for (const [first, count] of pages) {
      const end = Math.floor((first + count - 1) / 2 ** shift);
      for (let tile = Math.floor(first / 2 ** shift); tile <= end; tile++) tiles.add(tile);
    }
  }
  return tiles;
}
