/**
 * Tiles that were asked for: by bands of tiles side by side, so that only those that can be seen
 * are asked for, once each.
 */

import type { TileStrip } from "../api_types.ts";
import { ask } from "./ask.ts";

/** Tiles of a band. */
export const BAND_TILES = 256;
const BANDS_MAX = 256;
const ASKED_MAX = 4;

/** What is known of one tile. */
export interface Tile {
  readonly kind: number;
  readonly fill: number;
  readonly inUse: number;
  readonly tree: number;
  readonly version: number;
}

/** Tiles that were asked for. */
export class TileStore {
  readonly #bands = new Map<string, TileStrip>();
  /** Bands that have to be asked for again. */
  readonly #stale = new Set<string>();
  readonly #asked = new Set<string>();
  readonly #onChange: () => void;

  /** Tiles; `onChange` hears when there are more. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** What is known may have changed: it is shown until it was asked for again. */
  invalidate(): void {
    for (const key of this.#bands.keys()) this.#stale.add(key);
    this.#onChange();
  }

  /** A tile of a size, by its index; undefined until it is known. */
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

  /** Whether the tiles of a size are told by some of their chunks. */
  isSampled(shift: number, index: number): boolean {
    return this.#bands.get(`${shift}/${Math.floor(index / BAND_TILES)}`)?.sampled ?? false;
  }

  /** Asks for the tiles of a size from one on and below another, as far as they are not known. */
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
      // The header of the page says that nobody answers; what is known stays.
    } finally {
      this.#asked.delete(key);
    }
  }
}
