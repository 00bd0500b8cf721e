/**
 * A chunk, page by page: a grid of buttons with a row of eight for each extent and arrow-key
 * navigation, and the same as a table.
 */

import { useRef, useState } from "preact/hooks";
import type { ChunkInfo, FileInfo, PageLine } from "../../api_types.ts";
import { pageAddress } from "../address.ts";
import { useAnswer } from "../base/ask.ts";
import { kindColour, type Mode, type Palette } from "../base/colours.ts";
import { bytes, count, percent } from "../base/figures.ts";
import { html, type Shown } from "../base/html.ts";
import { tileColour } from "./tile_map.ts";

const ROWS = 8;

/** The chunk to show, and the selection. */
export interface ChunkPanelProps {
  readonly file: FileInfo;
  readonly chunk: number;
  readonly mode: Mode;
  readonly palette: Palette;
  readonly versions: readonly [oldest: number, newest: number];
  readonly epoch: number;
}

/** A chunk. */
export function ChunkPanel(props: ChunkPanelProps): Shown {
  const { file, chunk, epoch } = props;
  const { data, error } = useAnswer<ChunkInfo>(`/api/chunk?chunk=${chunk}`, 0, epoch);
  const first = chunk * file.chunkPages;
  return html`<section class="panel" aria-labelledby="chunk-title">
    <h2 id="chunk-title">Chunk ${count(chunk)}</h2>
    <p class="note">
      ${`Pages ${count(first)} to ${count(first + (data?.pages.length ?? file.chunkPages) - 1)}, `}
      ${`${bytes(file.chunkPages * file.pageBytes)} from byte ${count(first * file.pageBytes)}. `}
      A column is an extent; the first page holds the headers of all.
    </p>
    ${error !== "" && html`<p class="error" role="alert">${error}</p>`}
    ${data !== undefined && html`<${Grid} ...${props} pages=${data.pages} />`}
    ${data !== undefined && html`<${Table} file=${file} pages=${data.pages} />`}
  </section>`;
}

/** The pages as a grid, with one tab stop. */
function Grid(props: ChunkPanelProps & { pages: readonly PageLine[] }): Shown {
  const { pages, mode, palette, versions, file } = props;
  const [current, setCurrent] = useState(0);
  const grid = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowUp: -1,
      ArrowDown: 1,
      ArrowLeft: -ROWS,
      ArrowRight: ROWS,
      Home: -pages.length,
      End: pages.length,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(pages.length - 1, current + step));
    setCurrent(next);
    grid.current!.querySelectorAll<HTMLElement>("a")[next]!.focus();
  };
  return html`
    <div class="chunk-grid" ref=${grid} onKeyDown=${move} role="group"
      aria-label="Pages of the chunk; arrow keys move">
        ${pages.map((line, slot) =>
          html`
            <a key=${line.page} href=${pageAddress(line.page)} data-page=${line.page}
              tabindex=${slot === current ? 0 : -1} onFocus=${() => setCurrent(slot)}
              title=${wordsOf(line, file)} aria-label=${wordsOf(line, file)}
              style=${{ background: colourOf(line, mode, palette, versions, file) }} />
          `
        )}
      </div>
  `;
}

function colourOf(
  line: PageLine,
  mode: Mode,
  palette: Palette,
  versions: readonly [number, number],
  file: FileInfo,
): string {
  if (line.kindName === "headers") return palette.headers;
  if (line.kind === 0) return kindColour(palette, 0);
  const fill = 100 * Math.min(1, line.usedBytes / file.pageBytes);
  const tile = { kind: line.kind, fill, inUse: 100, tree: line.tree, version: line.version };
  return tileColour(tile, mode, palette, versions);
}

function wordsOf(line: PageLine, file: FileInfo): string {
  const parts = [`Page ${count(line.page)}: ${line.kindName}`];
  if (line.kind > 0 && line.kind < 7) parts.push(`tree ${treeName(line.tree, file)}`);
  if (line.kind > 0 && line.kind < 5) {
    parts.push(`${count(line.entries)} entries, ${percent(line.usedBytes, file.pageBytes)} full`);
  }
  if (line.version > 0) parts.push(`version ${count(line.version)}`);
  return parts.join(", ");
}

/** The name of a tree by its number. */
export function treeName(tree: number, file: FileInfo): string {
  if (tree === 0) return "catalog";
  return file.trees.find(({ id }) => id === tree)?.name ?? `number ${tree}`;
}

/** The pages in use as a table. */
function Table({ file, pages }: { file: FileInfo; pages: readonly PageLine[] }): Shown {
  const used = pages.filter(({ kind, kindName }) => kind !== 0 || kindName === "headers");
  return html`
    <details>
      <summary>${`${used.length} of ${pages.length} pages in use, as a table`}</summary>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Page</th>
              <th>Kind</th>
              <th>Tree</th>
              <th class="number">Entries</th>
              <th class="number">Used</th>
              <th class="number">Version</th>
            </tr>
          </thead>
          <tbody>${used.map((line) =>
            html`
              <tr key=${line.page}>
                <td><a href=${pageAddress(line.page)}>${count(line.page)}</a></td>
                <td>${line.kindName}</td>
                <td>${line.kind > 0 && line.kind < 7 ? treeName(line.tree, file) : ""}</td>
                <td class="number">${line.kind > 0 && line.kind < 5 ? count(line.entries) : ""}</td>
                <td class="number">${line.usedBytes > 0 ? bytes(line.usedBytes) : ""}</td>
                <td class="number">${line.version > 0 ? count(line.version) : ""}</td>
              </tr>
            `
          )}</tbody>
        </table>
      </div>
    </details>
  `;
}
