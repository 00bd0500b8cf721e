/**
 * The cache in use: its size, its hit rate, its frames by extent, the most recently used pages, and
 * the next to be evicted.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import type { CacheInfo, FileInfo, FrameInfo, RecentPage } from "../api_types.ts";
import { pageAddress } from "./address.ts";
import { useAnswer } from "./base/ask.ts";
import { type Palette, scaleColour, usePalette } from "./base/colours.ts";
import { bytes, count, percent, some } from "./base/figures.ts";
import { html, type Shown } from "./base/html.ts";

const EVERY_MS = 1000;
const CELL = 13;
const PITCH = CELL + 2;
const LABEL = 120;

/** The cache. */
export function CacheView({ file }: { file: FileInfo }): Shown {
  const [isPaused, setPaused] = useState(false);
  const path = file.hasDatabase ? "/api/cache" : undefined;
  const { data, error } = useAnswer<CacheInfo>(path, isPaused ? 0 : EVERY_MS);
  const palette = usePalette();
  if (!file.hasDatabase) {
    return html`<p class="panel">The cache cannot be shown: it is in the memory of the process that
      has the file locked. That process can show itself: <code>explore(db)</code>.</p>`;
  }
  return html`<div>
    <div class="bar">
      <button type="button" aria-pressed=${isPaused}
        onClick=${() => setPaused(!isPaused)}>${isPaused ? "Resume" : "Pause"}</button>
      <p class="note">${
    file.live
      ? "The cache of the program that shows itself, as it is used."
      : "The cache of this explorer: look-ups under Descent fill it."
  } Hits are counted while this is open.</p>
    </div>
    ${error !== "" && html`<p class="error" role="alert">${error}</p>`}
    ${data !== undefined && html`<${Figures} data=${data} />`}
    ${data !== undefined && html`<${Frames} data=${data} file=${file} palette=${palette} />`}
    ${
    data !== undefined && html`
      <div class="columns">
        <${Recent} title="Used last" pages=${data.newest} />
        <${Recent} title="Evicted next" pages=${data.oldest} />
      </div>
    `
  }
  </div>`;
}

function Figures({ data }: { data: CacheInfo }): Shown {
  return html`
    <dl class="figures">
      <div>
        <dt>Frames</dt>
        <dd>${bytes(data.bytes)}</dd>
      </div>
      <div>
        <dt>Bound</dt>
        <dd>${bytes(data.bytesLimit)}</dd>
      </div>
      <div>
        <dt>Pages in use</dt>
        <dd>${count(data.pages)}</dd>
      </div>
      <div>
        <dt>Dirty pages</dt>
        <dd>${count(data.dirtyPages)}</dd>
      </div>
      <div>
        <dt>Hits</dt>
        <dd>${count(data.hits)}</dd>
      </div>
      <div>
        <dt>Misses</dt>
        <dd>${count(data.misses)}</dd>
      </div>
      <div>
        <dt>Hit rate</dt>
        <dd>${percent(data.hits, data.hits + data.misses)}</dd>
      </div>
      <div>
        <dt>Evictions</dt>
        <dd>${count(data.evictions)}</dd>
      </div>
    </dl>
  `;
}

interface FramesProps {
  readonly data: CacheInfo;
  readonly file: FileInfo;
  readonly palette: Palette;
}

function nameOf({ index, chunk }: FrameInfo): string {
  return `${index}: ${chunk < 0 ? "single pages" : `chunk ${count(chunk)}`}`;
}

/** The frames, one per line, with a tile for each extent. */
function Frames({ data, file, palette }: FramesProps): Shown {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => draw(canvas.current!, data.frames, file, palette), [data, palette]);
  const sum = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);
  return html`<section class="panel" aria-labelledby="frames-title">
    <h2 id="frames-title">Frames</h2>
    <p class="note">${
    `A line is a frame of ${bytes(file.chunkPages * file.pageBytes)}, ` +
    `a tile ${some(file.extentPages, "page")}: the darker, the more of them are in use. ` +
    "A framed line has pages that are newer than the file."
  }</p>
    <div class="scroll"><canvas ref=${canvas} role="img"
      aria-label=${`${some(data.frames.length, "frame")}; the table below says the same`} /></div>
    ${data.moreFrames > 0 && html`<p class="note">and ${count(data.moreFrames)} more</p>`}
    <details><summary>As a table</summary><div class="scroll"><table>
      <thead><tr><th>Frame</th><th class="number">Pages in use</th><th class="number">Extents</th>
        <th class="number">Dirty</th><th class="number">Held</th>
        <th class="number">Misses since its last use</th></tr></thead>
      <tbody>${
    data.frames.map((frame) =>
      html`
        <tr key=${frame.index}>
          <td>${nameOf(frame)}</td>
          <td class="number">${count(sum(frame.verified))}</td>
          <td class="number">${frame.verified.filter((pages) => pages > 0).length}</td>
          <td class="number">${count(frame.dirty)}</td>
          <td class="number">${count(frame.pinned)}</td>
          <td class="number">${frame.idle < 0 ? "never" : count(frame.idle)}</td>
        </tr>
      `
    )
  }</tbody></table></div></details>
  </section>`;
}

function draw(
  canvas: HTMLCanvasElement,
  frames: readonly FrameInfo[],
  file: FileInfo,
  palette: Palette,
): void {
  const scale = devicePixelRatio;
  const columns = file.chunkPages / file.extentPages;
  const [width, height] = [LABEL + columns * PITCH, Math.max(1, frames.length) * PITCH];
  [canvas.width, canvas.height] = [width * scale, height * scale];
  [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
  const context = canvas.getContext("2d")!;
  context.scale(scale, scale);
  context.font = "12px ui-monospace, monospace";
  context.textBaseline = "middle";
  frames.forEach((frame, row) => {
    const y = row * PITCH;
    context.fillStyle = palette.ink;
    context.fillText(nameOf(frame), 0, y + CELL / 2);
    frame.verified.forEach((pages, column) => {
      context.fillStyle = pages === 0
        ? palette.empty
        : scaleColour(palette, (pages - 1) / file.extentPages);
      context.fillRect(LABEL + column * PITCH, y, CELL, CELL);
    });
    if (frame.dirty === 0) return;
    context.strokeStyle = palette.kinds[2]!;
    context.strokeRect(LABEL - 1.5, y + 0.5, columns * PITCH, CELL);
  });
}

function Recent({ title, pages }: { title: string; pages: readonly RecentPage[] }): Shown {
  return html`
    <section class="panel grow">
      <h3>${title}</h3>
      <table>
        <thead>
          <tr>
            <th>Page</th>
            <th>Kind</th>
            <th class="number">Misses since</th>
            <th>State</th>
          </tr>
        </thead>
        <tbody>${pages.map(({ page, kindName, idle, dirty }) =>
          html`
            <tr key=${page}>
              <td><a href=${pageAddress(page)}>${count(page)}</a></td>
              <td>${kindName}</td>
              <td class="number">${count(idle)}</td>
              <td>${dirty ? "dirty" : "clean"}</td>
            </tr>
          `
        )}</tbody>
      </table>
    </section>
  `;
}
