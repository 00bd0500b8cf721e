/**
 * A page: its path from the root, its header, its layout to scale, its entries, its bytes, and its
 * position in the file.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import type { CellInfo, FileInfo, PageInfo } from "../api_types.ts";
import { addressOf, numberIn, pageAddress } from "./address.ts";
import { useAnswer } from "./base/ask.ts";
import { usePalette } from "./base/colours.ts";
import { bytes, count, percent, printable } from "./base/figures.ts";
import { sumsOf } from "./base/geometry.ts";
import { html, type Shown } from "./base/html.ts";
import { PageLayout } from "./page_layout.ts";

const CELLS_SHOWN = 200;
const HEX_LINE = 16;

/** A page, by its number in the address. */
export function PageView({ file, given }: { file: FileInfo; given: URLSearchParams }): Shown {
  const page = numberIn(given, "page", Math.max(file.catalogRoot, 0));
  const { data, error } = useAnswer<PageInfo>(`/api/page?page=${page}`, 0, file.version);
  return html`<div>
    <${PageForm} file=${file} page=${page} />
    ${error !== "" && html`<p class="error" role="alert">${error}</p>`}
    ${data !== undefined && html`<${PageContents} key=${page} info=${data} file=${file} />`}
    <${Arithmetic} file=${file} page=${page} />
  </div>`;
}

/** Goes to a page by its number. */
function PageForm({ file, page }: { file: FileInfo; page: number }): Shown {
  const go = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    location.hash = pageAddress(Number(form.get("page")));
  };
  const link = (to: number, words: string) =>
    to >= 0 && to < file.pages
      ? html`<a class="button" href=${pageAddress(to)}>${words}</a>`
      : html`<span class="button disabled">${words}</span>`;
  // A `value` would replace what is typed at each answer about the file.
  return html`<form class="bar" onSubmit=${go} key=${page}>
    <label>Page <input name="page" type="number" min="0" max="4294967295" required
      defaultValue=${page} /></label>
    <button type="submit">Go</button>
    ${link(page - 1, "Previous")} ${link(page + 1, "Next")}
    <a class="button" href=${addressOf("file", { page })}>Show in the file</a>
  </form>`;
}

function PageContents({ info, file }: { info: PageInfo; file: FileInfo }): Shown {
  const [selected, setSelected] = useState(-1);
  const palette = usePalette();
  return html`<article aria-labelledby="page-title">
    <${Crumbs} info=${info} />
    <h2 id="page-title" tabindex="-1">
      ${`Page ${count(info.page)} `}<small>${info.kindName}${
    info.treeName === "" ? "" : ` of ${info.treeName}`
  }</small>
    </h2>
    ${info.damage !== null && html`<p class="error" role="alert">Damaged: ${info.damage}</p>`}
    <div class="columns">
      <section class="panel">
        <h3>Header</h3>
        <dl>${
    info.fields.map(([name, value]) =>
      html`
        <div key=${name}>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>
      </section>
      <section class="panel grow">
        <h3>To scale</h3>
        ${
    info.regions.length > 0
      ? html`
        <p class="note">${`${bytes(info.usedBytes)} used, ` +
          `${percent(Math.min(info.usedBytes, file.pageBytes), file.pageBytes)} of the page. ` +
          "A line is 256 bytes."}</p>
        <${PageLayout} info=${info} selected=${selected} onSelect=${setSelected}
          scheme=${palette.isDark} />
      `
      : html`<p class="note">It holds no entries: see its bytes.</p>`
  }
      </section>
    </div>
    ${
    info.cells.length > 0 &&
    html`<${Cells} info=${info} selected=${selected} onSelect=${setSelected} />`
  }
    <${Hex} info=${info} cell=${info.cells[selected]} />
  </article>`;
}

/** The path from the root. */
function Crumbs({ info }: { info: PageInfo }): Shown {
  if (info.crumbs.length === 0) return null;
  return html`
    <nav aria-label="The path from the root">
      <ol class="crumbs">${info.crumbs.map(({ page, label }) =>
        html`<li key=${page}>${
          page === info.page
            ? html`<span aria-current="page">${label}</span>`
            : html`<a href=${pageAddress(page)}>${label}</a>`
        }</li>`
      )}</ol>
    </nav>
  `;
}

interface CellsProps {
  readonly info: PageInfo;
  readonly selected: number;
  readonly onSelect: (index: number) => void;
}

/** The entries, a limited number at a time. */
function Cells({ info, selected, onSelect }: CellsProps): Shown {
  const [start, setStart] = useState(0);
  useEffect(() => {
    if (selected >= 0) setStart(Math.floor(selected / CELLS_SHOWN) * CELLS_SHOWN);
  }, [selected]);
  const isBranch = info.cells[0]!.valueBytes < 0;
  const shown = info.cells.slice(start, start + CELLS_SHOWN);
  const isPaged = info.cells.length > CELLS_SHOWN;
  const end = Math.min(info.cells.length, start + CELLS_SHOWN);
  return html`
    <section class="panel" aria-labelledby="cells-title">
      <div class="bar">
          <h3 id="cells-title">${isBranch ? "Separators and children" : "Entries"}</h3>
          ${info.prefixText !== "" && html`<p class="note">All keys begin with
        <code>${info.prefixText}</code></p>`}
          ${isPaged && html`
            <div class="buttons" role="group" aria-label="Entries shown">
              <button type="button" disabled=${start === 0}
                onClick=${() => setStart(start - CELLS_SHOWN)}>Earlier</button>
              <button type="button" disabled=${end === info.cells.length}
                onClick=${() => setStart(end)}>Later</button>
              <span class="note">${`${start} to ${end - 1} of ${info.cells.length}`}</span>
            </div>
          `}
        </div>
      <div class="scroll">
        <table class="cells">
          <thead>
            <tr>
              <th class="number">Entry</th>
              <th>Key</th>
              <th>${isBranch ? "Child" : "Value"}</th>
              <th class="number">At byte</th>
              <th class="number">Cell</th>
            </tr>
          </thead>
          <tbody>${shown.map((cell) =>
            html`
              <${CellRow} key=${cell.index} cell=${cell} isSelected=${cell.index === selected}
                onSelect=${onSelect} />
            `
          )}</tbody>
        </table>
      </div>
    </section>
  `;
}

interface CellRowProps {
  readonly cell: CellInfo;
  readonly isSelected: boolean;
  readonly onSelect: (index: number) => void;
}

function CellRow({ cell, isSelected, onSelect }: CellRowProps): Shown {
  const row = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (isSelected) row.current!.scrollIntoView({ block: "nearest" });
  }, [isSelected]);
  const { index, keyText, valueBytes, valueText, target, note, offset } = cell;
  const key = index === 0 && valueBytes < 0 ? html`<em>below all</em>` : keyText;
  const value = note !== "" ? note : target > 0 ? "" : valueText;
  return html`
    <tr ref=${row} class=${isSelected ? "chosen" : ""} data-cell=${index}>
      <td class="number"><button type="button" class="plain" aria-pressed=${isSelected}
          onClick=${() => onSelect(index)}>${index}</button></td>
      <td class="text">${key}</td>
      <td class="text">
          ${target > 0 && html`
            <a href=${pageAddress(target)} data-target=${target}>page ${count(target)}</a>
          `}${value}${valueBytes >= 0 && html`
            <small>${bytes(valueBytes)}</small>
          `}
        </td>
      <td class="number">${offset}</td>
      <td class="number">${bytes(cell.bytes)}</td>
    </tr>
  `;
}

/** The bytes, sixteen per line, with those of the selected entry marked. */
function Hex({ info, cell }: { info: PageInfo; cell: CellInfo | undefined }): Shown {
  const box = useRef<HTMLDivElement>(null);
  const [from, to] = cell === undefined ? [0, 0] : [cell.offset, cell.offset + cell.bytes];
  useEffect(() => {
    const marked = box.current?.querySelector<HTMLElement>("mark");
    if (!marked || !box.current) return;
    box.current.scrollTop = marked.offsetTop - box.current.offsetTop - 40;
  }, [from, to]);
  const lines = info.hex.length / 2 / HEX_LINE;
  return html`
    <section class="panel" aria-labelledby="hex-title">
      <h3 id="hex-title">Bytes</h3>
      <div class="hex" ref=${box} tabindex="0" role="region" aria-labelledby="hex-title">
        <pre>${Array.from(
          { length: lines },
          (_, line) => hexLine(info.hex, line * HEX_LINE, from, to),
        )}</pre>
      </div>
    </section>
  `;
}

function hexLine(hex: string, at: number, from: number, to: number): unknown {
  const codes = Array.from(
    { length: HEX_LINE },
    (_, i) => parseInt(hex.slice(2 * (at + i), 2 * (at + i) + 2), 16),
  );
  const digits = (start: number, end: number) =>
    codes.slice(start, end).map((code) => code.toString(16).padStart(2, "0")).join(" ");
  const start = Math.max(0, Math.min(HEX_LINE, from - at));
  const end = Math.max(start, Math.min(HEX_LINE, to - at));
  const address = `${at.toString(16).padStart(4, "0")}  `;
  const text = `  ${printable(codes)}\n`;
  if (start === end) return address + digits(0, HEX_LINE) + text;
  const before = digits(0, start);
  const after = digits(end, HEX_LINE);
  return html`${address}${before}${before === "" ? "" : " "}<mark>${digits(start, end)}</mark>${
    after === "" ? "" : " "
  }${after}${text}`;
}

/** The position of a page, and its computation. */
function Arithmetic({ file, page }: { file: FileInfo; page: number }): Shown {
  return html`
    <section class="panel" aria-labelledby="sums-title">
      <h3 id="sums-title">Where it is</h3>
      <table class="narrow">
        <thead>
          <tr>
            <th>What</th>
            <th>How</th>
            <th class="number">Result</th>
          </tr>
        </thead>
        <tbody>${sumsOf(page, file).map(({ name, formula, result }) =>
          html`
            <tr key=${name}>
              <td>${name}</td>
              <td><code>${formula}</code></td>
              <td class="number">${count(result)}</td>
            </tr>
          `
        )}</tbody>
      </table>
    </section>
  `;
}
