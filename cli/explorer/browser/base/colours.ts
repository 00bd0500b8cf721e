/**
 * Colours of kinds, fill, trees and versions. They are read from the style sheet, which has them
 * for light and dark pages.
 */

import { useEffect, useState } from "preact/hooks";

/** The properties that tiles can be coloured by. */
export const MODES = [
  ["kind", "Kind"],
  ["fill", "Fill"],
  ["tree", "Tree"],
  ["version", "Version"],
] as const;

/** The property that tiles are coloured by. */
export type Mode = typeof MODES[number][0];

/** The colours of one scheme. */
export interface Palette {
  /** By kind. */
  readonly kinds: readonly string[];
  /** Header pages. */
  readonly headers: string;
  /** Damage. */
  readonly damage: string;
  /** Tiles that are not loaded yet. */
  readonly empty: string;
  /** The frame of the selection. */
  readonly ink: string;
  /** The frame of lit tiles. */
  readonly lit: string;
  /** From low to high. */
  readonly scale: readonly string[];
  /** Whether it is for a dark page. */
  readonly isDark: boolean;
}

const KINDS = 9;
const STEPS = 6;
const GOLDEN_ANGLE = 137.508;

/** Reads the current colours. */
export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    kinds: Array.from({ length: KINDS }, (_, kind) => colour(`kind-${kind}`)),
    headers: colour("kind-headers"),
    damage: colour("damage"),
    empty: colour("empty"),
    ink: colour("ink"),
    lit: colour("lit"),
    scale: Array.from({ length: STEPS }, (_, step) => colour(`scale-${step}`)),
    isDark: matchMedia("(prefers-color-scheme: dark)").matches,
  };
}

/** The current colours; updates when the scheme changes. */
export function usePalette(): Palette {
  const [palette, setPalette] = useState(readPalette);
  useEffect(() => {
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const turn = () => setPalette(readPalette());
    scheme.addEventListener("change", turn);
    return () => scheme.removeEventListener("change", turn);
  }, []);
  return palette;
}

/** The colour of a kind; that of damage if the kind has none. */
export function kindColour(palette: Palette, kind: number): string {
  return palette.kinds[kind] ?? palette.damage;
}

/** The colour on the scale for a fraction from 0 to 1. */
export function scaleColour(palette: Palette, part: number): string {
  const step = Math.floor(part * palette.scale.length);
  return palette.scale[Math.max(0, Math.min(palette.scale.length - 1, step))]!;
}

/** A colour for a tree: adjacent tree ids are far apart in hue. */
export function treeColour(palette: Palette, tree: number): string {
  if (tree < 0) return palette.empty;
  if (tree === 0) return palette.headers;
  const hue = (tree * GOLDEN_ANGLE + 190) % 360;
  return `oklch(${palette.isDark ? 0.7 : 0.62} 0.11 ${hue.toFixed(0)})`;
}
