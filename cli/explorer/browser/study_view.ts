/**
 * The study: what the boundaries of pages cost on this disk, a chapter at a time, as a table with a
 * bar for each row.
 */

import { useState } from "preact/hooks";
import type { StudyChapter, StudyColumn, StudyRow } from "../../study/report_types.ts";
import type { FileInfo, StudyInfo } from "../api_types.ts";
import { addressOf } from "./address.ts";
import { useAnswer } from "./base/ask.ts";
import { bytes, count, rough } from "./base/figures.ts";
import { html, type Shown } from "./base/html.ts";

const FIRST = "one-byte";
const BAR_WIDTH = 160;
const BAR_HEIGHT = 10;
const ABOUT =
  "Measured by reads of this file alone. 'quire study FILE' also measures cold reads, " +
  "mappings and writes, on scratch files of its own.";

/** The study of the disk. */
export function StudyView({ given }: { file: FileInfo; given: URLSearchParams }): Shown {
  const [round, setRound] = useState(0);
  const id = given.get("chapter") ?? FIRST;
  const path = `/api/study?${new URLSearchParams({ chapter: id })}`;
  const { data, error, isAsking } = useAnswer<StudyInfo>(path, 0, round);
  return html`
    <div>
      <nav aria-label="Chapters"><ul class="views">${(data?.chapters ?? []).map((chapter) =>
        html`
          <li key=${chapter.id}><a href=${addressOf("study", { chapter: chapter.id })}
            aria-current=${chapter.id === id ? "page" : undefined}>${chapter.title}</a></li>
        `
      )}</ul></nav>
      ${error !== "" && html`
        <p class="error" role="alert">${error}</p>
      `}
      ${data?.chapter !== undefined && html`
        <${Chapter} chapter=${data.chapter} />
      `}
      <div class="bar">
        <button type="button" disabled=${isAsking}
          onClick=${() => setRound(round + 1)}>Measure again</button>
        <p class="note" aria-live="polite">${isAsking
          ? "Measuring."
          : data !== undefined && data.reason !== ""
          ? `Not measured: ${data.reason}.`
          : ABOUT}</p>
      </div>
    </div>
  `;
}

function Chapter({ chapter }: { chapter: StudyChapter }): Shown {
  const { title, about, columns, rows, bars, notes } = chapter;
  const most = Math.max(...rows.map((row) => numberIn(row, bars)));
  return html`
    <section class="panel" aria-labelledby="study-title">
      <h2 id="study-title">${title}</h2>
      <p>${about}</p>
      <div class="scroll">
        <table class="study">
          <thead>
            <tr>
              ${columns.map((column) =>
                html`
                  <th key=${column.key} class=${classOf(column)}>${column.title}</th>
                `
              )}
              ${bars !== undefined && html`
                <th></th>
              `}
            </tr>
          </thead>
          <tbody>${rows.map((row, i) =>
            html`
              <tr key=${i}>
                ${columns.map((column) =>
                  html`
                    <td key=${column.key} class=${classOf(column)}>${cellOf(row, column)}</td>
                  `
                )}
                ${bars !== undefined && html`
                  <td>
                    <${Bar} share=${numberIn(row, bars) / most} />
                  </td>
                `}
              </tr>
            `
          )}</tbody>
        </table>
      </div>
      ${notes.map((note) =>
        html`
          <p key=${note} class="note">${note}</p>
        `
      )}
    </section>
  `;
}

/** A bar for a share from 0 to 1; its number is in the table. */
function Bar({ share }: { share: number }): Shown {
  const width = share > 0 ? Math.max(1, Math.round(share * BAR_WIDTH)) : 0;
  return html`
    <svg class="share" width=${BAR_WIDTH} height=${BAR_HEIGHT} aria-hidden="true">
      <rect width=${width} height=${BAR_HEIGHT} />
    </svg>
  `;
}

/** The number that a bar pictures; 0 if there is none. */
function numberIn(row: StudyRow, bars: string | undefined): number {
  const value = bars === undefined ? null : row[bars];
  return typeof value === "number" ? value : 0;
}

function classOf({ unit }: StudyColumn): string {
  return unit === "text" ? "" : "number";
}

function cellOf(row: StudyRow, { key, unit }: StudyColumn): string {
  const value = row[key];
  if (value === null || value === undefined) return "-";
  if (typeof value === "string") return value;
  if (unit === "bytes") return bytes(value);
  return unit === "count" ? count(value) : rough(value);
}
