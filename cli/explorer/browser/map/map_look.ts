/**
 * The zoom and the position of a map, so that the selected page is visible.
 */

import { useState } from "preact/hooks";
import type { FileInfo } from "../../api_types.ts";
import { pageAddress } from "../address.ts";
import { fittingShift, largerShift, smallerShift } from "../base/geometry.ts";

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

/**
 * The zoom and the position of the map, with functions that change them.
 *
 * @param page The selected page.
 * @param goTo Selects a page.
 */
export function useLook(file: FileInfo, page: number, goTo: (page: number) => void) {
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
    goTo(Math.min(file.pages - 1, to));
  };
  const zoom = (closer: boolean, tile = selected) => {
    zoomTo(closer ? smallerShift(shift) : Math.min(fit, largerShift(shift)), tile);
  };
  const select = (tile: number) => {
    setLook({ shift: wanted, first });
    goTo(Math.min(file.pages - 1, tile * 2 ** shift));
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

/** The first tile to show so that `tile` is visible. `first` is the current one; -1 = none. */
function firstFor(tile: number, first: number, room: Room): number {
  const { columns, tiles } = room;
  if (columns === 0) return 0;
  if (first >= 0 && tile >= first && tile < first + tiles) return first;
  const row = Math.floor(tile / columns) * columns;
  if (first < 0) return Math.max(0, row - Math.floor(tiles / columns / 2) * columns);
  return tile < first ? row : Math.max(0, row - tiles + columns);
}
