/**
 * A page to scale: 8192 bytes as 32 lines of 256, with coloured regions, separated entries, and a
 * frame around the selected entry. The table of entries beside it has the same content as text.
 */

import { useEffect, useRef } from "preact/hooks";
import type { CellInfo, PageInfo } from "../api_types.ts";
import { html, type Shown } from "./base/html.ts";

const LINE_BYTES = 256;
const BYTE_WIDTH = 3;
const LINE_HEIGHT = 10;
const LINE_GAP = 1;

/** A page and its selected entry. */
export interface PageLayoutProps {
  readonly info: PageInfo;
  readonly selected: number;
  readonly onSelect: (index: number) => void;
  /** Changes with the colours. */
  readonly scheme: boolean;
}

/** A page to scale. */
export function PageLayout({ info, selected, onSelect, scheme }: PageLayoutProps): Shown {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => draw(canvas.current!, info, selected), [info, selected, scheme]);
  const pick = (event: MouseEvent) => {
    const { left, top, width, height } = canvas.current!.getBoundingClientRect();
    const lines = info.hex.length / 2 / LINE_BYTES;
    const line = Math.floor((event.clientY - top) / height * lines);
    const byte = line * LINE_BYTES + Math.floor((event.clientX - left) / width * LINE_BYTES);
    const found = info.cells.find((cell) => byte >= cell.offset && byte < cell.offset + cell.bytes);
    if (found !== undefined) onSelect(found.index);
  };
  return html`
    <figure class="layout">
      <canvas ref=${canvas} onClick=${pick} role="img"
        aria-label=${`The page to scale: ${
          info.regions.map(({ name, bytes }) => `${name} ${bytes} bytes`).join(", ")
        }`} />
      <ul class="legend">${info.regions.map(({ name, bytes }, i) =>
        html`<li key=${i}><i class=${`region-${name}`} />${name} <b>${bytes}</b></li>`
      )}</ul>
    </figure>
  `;
}

function draw(canvas: HTMLCanvasElement, info: PageInfo, selected: number): void {
  const lines = info.hex.length / 2 / LINE_BYTES;
  const scale = devicePixelRatio;
  canvas.width = LINE_BYTES * BYTE_WIDTH * scale;
  canvas.height = lines * LINE_HEIGHT * scale;
  const context = canvas.getContext("2d")!;
  context.scale(scale, scale);
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  for (const { name, offset, bytes } of info.regions) {
    context.fillStyle = colour(`region-${name}`);
    fillBytes(context, offset, bytes);
  }
  context.fillStyle = colour("region-cells-odd");
  for (const { index, offset, bytes } of info.cells) {
    if (index % 2 === 1) fillBytes(context, offset, bytes);
  }
  const chosen: CellInfo | undefined = info.cells[selected];
  if (chosen === undefined) return;
  context.fillStyle = colour("accent");
  fillBytes(context, chosen.offset, chosen.bytes);
}

/** Fills a range of bytes, line by line. */
function fillBytes(context: CanvasRenderingContext2D, offset: number, bytes: number): void {
  for (let at = offset; at < offset + bytes;) {
    const within = at % LINE_BYTES;
    const some = Math.min(LINE_BYTES - within, offset + bytes - at);
    const y = Math.floor(at / LINE_BYTES) * LINE_HEIGHT;
    context.fillRect(within * BYTE_WIDTH, y, some * BYTE_WIDTH, LINE_HEIGHT - LINE_GAP);
    at += some;
  }
}
