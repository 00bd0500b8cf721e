/**
 * The loaded tiles. They are requested in bands of adjacent tiles, each once, and only while they
 * are visible.
 */

import type { TileStrip } from "../../api_types.ts";
import { ask } from "../base/ask.ts";

/** The number of tiles in a band. */
export const BAND_TILES = 256;
const BANDS_MAX = 256;
const ASKED_MAX = 4;

/** The figures of one tile. */
export interface Tile {
  readonly kind: number;
  readonly fill: number;
  readonly inUse: number;
  readonly tree: number;
  readonly version: number;
}

/** The loaded tiles. */
export class TileStore {
  readonly #bands = new Map<string, TileStrip>();
  /** Bands that must be requested again. */
  readonly #stale = new Set<string>();
  readonly #asked = new Set<string>();
  readonly #onChange: () => void;

  /** Creates an empty store; `onChange` is called when tiles arrive. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Marks all tiles as stale. They stay visible until they are loaded again. */
  invalidate(): void {
    for (const key of this.#bands.keys()) this.#stale.add(key);
    this.#onChange();
  }

  /** A tile of a size, by its index; undefined until it is loaded. */
  get(shift: number, index: number): Tile | undefined {
    const strip = this.#bands.get(`${shift}/${Math.floor(index / BAND_TILES)}`);
    const at = index % BAND_TILES;
    if (strip === undefined || at >= strip.kinds.length) return undefined;
    return {
      kind: strip.kinds[at]!,
      fill: strip.fills[at]!,
      inUse: strip.inUse[at]!,
      tree: strip.trees[at]!,
      version: strip.versions[at]!,
    };
  }

  /** Whether a tile is computed from a sample of its chunks. */
  isSampled(shift: number, index: number): boolean {
    return this.#bands.get(`${shift}/${Math.floor(index / BAND_TILES)}`)?.sampled ?? false;
  }

  /** Requests the tiles of a size from `from` to below `to` that are not loaded. */
  want(shift: number, from: number, to: number): void {
    for (let band = Math.floor(from / BAND_TILES); band * BAND_TILES < to; band++) {
      const key = `${shift}/${band}`;
      const isKnown = this.#bands.has(key) && !this.#stale.has(key);
      if (isKnown || this.#asked.has(key) || this.#asked.size >= ASKED_MAX) continue;
      this.#ask(key, shift, band);
    }
  }

  async #ask(key: string, shift: number, band: number): Promise<void> {
    this.#asked.add(key);
    const from = band * BAND_TILES * 2 ** shift;
    try {
      const strip = await ask<TileStrip>(
        `/api/tiles?from=${from}&shift=${shift}&count=${BAND_TILES}`,
      );
      if (this.#bands.size >= BANDS_MAX) this.#bands.delete(this.#bands.keys().next().value!);
      this.#bands.set(key, strip);
      this.#stale.delete(key);
      this.#onChange();
    } catch {
      // The header of the page shows that the server does not respond. Keep the loaded tiles.
    } finally {
      this.#asked.delete(key);
    }
  }
}
