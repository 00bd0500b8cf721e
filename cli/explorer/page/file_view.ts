/**
 * The file as a map, from the whole file to one page, and the selected chunk. The selected page is
 * in the address; the zoom is local to this view.
 */

import { useEffect, useMemo, useState } from "preact/hooks";
import type { FileInfo } from "../api_types.ts";
import { ChunkPanel } from "./chunk_panel.ts";
import { type Mode, usePalette } from "./colours.ts";
import { fittingShift, largerShift, smallerShift } from "./geometry.ts";
import { html, type Shown } from "./html.ts";
import { Legend, Modes, TileTable, Zoom } from "./map_controls.ts";
import { sizeWords, tileWords } from "./map_words.ts";
import { addressOf, numberIn, pageAddress } from "./place.ts";
import { TileMap } from "./tile_map.ts";
import { TileStore } from "./tile_store.ts";

const VERSIONS_SHOWN = 64;
const NO_ROOM: Room = { columns: 0, tiles: 0 };

/** The number of tiles that fit: per row, and in total. */
interface Room {
  readonly columns: number;
  readonly tiles: number;
}

/** The zoom and the position of the map. */
interface Look {
  /** Pages of a tile, as a power of two; -1 = fits the whole file. */
  readonly shift: number;
  /** The first tile. */
  readonly first: number;
}

interface FileViewProps {
  readonly file: FileInfo;
  readonly given: URLSearchParams;
}

/** The file. */
export function FileView({ file, given }: FileViewProps): Shown {
  const [mode, setMode] = useState<Mode>("kind");
  const [epoch, setEpoch] = useState(0);
  const palette = usePalette();
  const store = useMemo(() => new TileStore(() => setEpoch((epoch) => epoch + 1)), []);
  useEffect(() => store.invalidate(), [file.version, file.pages]);
  const page = Math.min(file.pages - 1, numberIn(given, "page", 0));
  const look = useLook(file, page);
  const { shift, fit, selected } = look;
  const chunk = Math.floor(page / file.chunkPages);
  const versions = [Math.max(1, file.version - VERSIONS_SHOWN + 1), file.version];
  const colours = { mode, palette, versions };
  return html`
    <div>
      <section class="panel" aria-labelledby="map-title">
        <div class="bar">
          <h2 id="map-title">The file</h2>
          <${Modes} mode=${mode} onMode=${setMode} />
          <${Zoom} shift=${shift} fit=${fit} onZoom=${look.zoom} onFit=${look.showAll} />
        </div>
        <${TileMap} ...${colours} pages=${file.pages} window=${{ shift, first: look.first }}
          selected=${selected} store=${store} epoch=${epoch} onSelect=${look.select}
          onOpen=${look.open} onZoom=${look.zoom} onRoom=${look.setRoom} />
        <p id="map-status" class="status" aria-live="polite">
            ${tileWords(store.get(shift, selected), selected, shift, file)}
            ${store.isSampled(shift, selected) && " From a sample of its chunks."}
          </p>
        <p class="note">${`A tile is ${sizeWords(shift, file)}. `}
            <span id="map-keys">Arrow keys move, + and - zoom, Enter opens.</span></p>
        <${Legend} ...${colours} file=${file} />
        <${TileTable} file=${file} store=${store} shift=${shift} from=${selected} />
      </section>
      <${ChunkPanel} ...${colours} key=${chunk} file=${file} chunk=${chunk}
        epoch=${file.version} />
    </div>
  `;
}

/** The zoom and the position of the map, with functions that change them. */
function useLook(file: FileInfo, page: number) {
  const [{ shift: wanted, first: wish }, setLook] = useState<Look>({ shift: -1, first: 0 });
  const [room, setRoom] = useState(NO_ROOM);
  const fit = fittingShift(file.pages, Math.max(1, room.tiles));
  const shift = wanted < 0 ? fit : Math.min(fit, wanted);
  const selected = Math.floor(page / 2 ** shift);
  const first = firstFor(selected, wish, room);
  const zoomTo = (next: number, tile: number) => {
    const to = tile === selected ? page : tile * 2 ** shift;
    setLook({
      shift: next,
      first: next === fit ? 0 : firstFor(Math.floor(to / 2 ** next), -1, room),
    });
    goTo(to, file);
  };
  const zoom = (closer: boolean, tile = selected) => {
    zoomTo(closer ? smallerShift(shift) : Math.min(fit, largerShift(shift)), tile);
  };
  const select = (tile: number) => {
    setLook({ shift: wanted, first });
    goTo(tile * 2 ** shift, file);
  };
  const open = (tile: number) => {
    if (shift === 0) location.hash = pageAddress(tile);
    else zoom(true, tile);
  };
  return {
    shift,
    fit,
    first,
    selected,
    zoom,
    select,
    open,
    showAll: () => zoomTo(fit, selected),
    setRoom: (columns: number, tiles: number) => setRoom({ columns, tiles }),
  };
}

/** Puts the selected page into the address, without an entry in the browser's history. */
function goTo(page: number, file: FileInfo): void {
  const address = addressOf("file", { page: Math.min(file.pages - 1, page) });
  history.replaceState(null, "", address);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The first tile to show so that `tile` is visible. `first` is the current one; -1 = none. */
function firstFor(tile: number, first: number, room: Room): number {
  const { columns, tiles } = room;
  if (columns === 0) return 0;
  if (first >= 0 && tile >= first && tile < first + tiles) return first;
  const row = Math.floor(tile / columns) * columns;
  if (first < 0) return Math.max(0, row - Math.floor(tiles / columns / 2) * columns);
  return tile < first ? row : Math.max(0, row - tiles + columns);
}
