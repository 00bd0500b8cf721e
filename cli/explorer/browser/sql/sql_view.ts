/**
 * A query, step by step: its text, its program and its rows, and the pages that each step touches
 * on the map of the file. The text is in no address, so no link runs a query.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import type { FileInfo, SqlInfo } from "../../api_types.ts";
import { ask } from "../base/ask.ts";
import { some } from "../base/figures.ts";
import { html, type Shown } from "../base/html.ts";
import { SqlMap } from "./sql_map.ts";
import { Program, Rows, StepWords } from "./sql_panes.ts";

const PLAY_MS = 140;
/** The server takes no longer addresses. */
const ADDRESS_MAX = 8000;
const TABLE = "sql/table/";

const LIMITS = {
  "": "",
  steps: "Only its first steps are recorded.",
  rows: "Only its first rows are read.",
  ms: "It was ended, as it took too long.",
  size: "It was ended, as it has too many values and pages.",
};

/** What is shown; it outlasts the view, so that the way back from a page leads to the step. */
let kept: { text: string; info: SqlInfo | undefined; step: number } | undefined;

/** The query that was run last. */
export function SqlView({ file }: { file: FileInfo }): Shown {
  const [text, setText] = useState(() => kept?.text ?? textFor(file));
  const [{ info, step }, setShown] = useState({ info: kept?.info, step: kept?.step ?? 0 });
  const [error, setError] = useState("");
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => void (kept = { text, info, step }), [text, info, step]);
  const run = async () => {
    try {
      setShown({ info: await answerTo(text), step: 0 });
      setError("");
    } catch (error) {
      const { message } = error as Error;
      setShown({ info: undefined, step: 0 });
      setError(message);
      showPlace(area.current, message);
    }
  };
  if (!file.hasDatabase) {
    return html`<p class="panel">No query can run: another process has the file locked, and its
      trees may change from one page to the next.</p>`;
  }
  return html`<div>
    <form class="query" onSubmit=${(event: SubmitEvent) => {
    event.preventDefault();
    run();
  }}>
      <label>Query <textarea id="sql-text" ref=${area} rows="2" spellcheck=${false}
        autocomplete="off"
        value=${text} onKeyDown=${(event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    run();
  }} onInput=${(event: InputEvent) =>
    setText((event.target as HTMLTextAreaElement).value)} /></label>
      <div class="bar"><button type="submit">Run</button>
        <span class="note">SELECT, VALUES or WITH; it reads a snapshot. Ctrl-Enter runs it.</span>
      </div>
    </form>
    ${error !== "" && html`<p class="error" role="alert">${error}</p>`}
    ${
    info !== undefined && html`
      <${Trace} file=${file} info=${info} step=${step}
        onStep=${(step: number) => setShown({ info, step })} />
    `
  }
  </div>`;
}

/** A query for a start. */
function textFor(file: FileInfo): string {
  const table = file.trees.find(({ name }) => name.startsWith(TABLE))?.name.slice(TABLE.length);
  return table === undefined
    ? "VALUES (1, 'this file has no tables of SQL')"
    : `SELECT * FROM "${table.replaceAll('"', '""')}" LIMIT 10`;
}

function answerTo(text: string): Promise<SqlInfo> {
  const query = new URLSearchParams({ text }).toString();
  if (query.length > ADDRESS_MAX) throw new Error("Cannot run the query: its text is too long.");
  return ask<SqlInfo>(`/api/sql?${query}`);
}

/** Selects the rest of the line at the place that a message names. */
function showPlace(area: HTMLTextAreaElement | null, message: string): void {
  const [, line, column] = /at line (\d+), column (\d+)$/.exec(message) ?? [];
  if (area === null || line === undefined) return;
  const lines = area.value.split("\n");
  const before = lines.slice(0, Number(line) - 1).reduce((sum, line) => sum + line.length + 1, 0);
  area.focus();
  area.setSelectionRange(
    before + Number(column) - 1,
    before + (lines[Number(line) - 1]?.length ?? 0),
  );
}

interface TraceProps {
  readonly file: FileInfo;
  readonly info: SqlInfo;
  readonly step: number;
  readonly onStep: (step: number) => void;
}

/** The steps of a query. */
function Trace({ file, info, step, onStep }: TraceProps): Shown {
  const { steps, limit } = info;
  return html`
    <div>
      <section class="panel" aria-label="Steps">
          <${Controls} info=${info} step=${step} onStep=${onStep} />
          ${steps.length > 0 && html`<${StepWords} info=${info} step=${step} />`}
          <p class="note" id="sql-sum">${`${some(steps.length, "step")}, ${
            some(info.rows.length, "row")
          }. ${LIMITS[limit]}`}</p>
        </section>
      <div class="panes">
        <${Program} info=${info} step=${step} />
        <${Rows} info=${info} step=${step} />
        <${SqlMap} file=${file} info=${info} step=${step} />
      </div>
    </div>
  `;
}

/** The buttons that move through the steps. */
function Controls({ info, step, onStep }: Omit<TraceProps, "file">): Shown {
  const [isPlaying, setPlaying] = useState(false);
  const last = Math.max(0, info.steps.length - 1);
  const touching = info.steps.findIndex(({ pages }, i) => i > step && pages.length > 0);
  useEffect(() => {
    if (!isPlaying) return;
    if (step >= last) return setPlaying(false);
    const timer = setTimeout(() => onStep(step + 1), PLAY_MS);
    return () => clearTimeout(timer);
  }, [isPlaying, step, info]);
  const button = (words: string, to: number, isOff: boolean) =>
    html`<button type="button" disabled=${isOff} onClick=${() => onStep(to)}>${words}</button>`;
  return html`
    <div class="bar">
      <div class="buttons" role="group" aria-label="Move">
          ${button("To the start", 0, step === 0)}
          ${button("Back", step - 1, step === 0)}
          ${button("Step", step + 1, step === last)}
          ${button("Next pages", touching, touching < 0)}
          <button type="button" disabled=${step === last}
            onClick=${() => setPlaying(!isPlaying)}>${isPlaying ? "Pause" : "Play"}</button>
          ${button("To the end", last, step === last)}
        </div>
      <input type="range" aria-label="Step" min="0" max=${last} value=${step}
        onInput=${(event: InputEvent) =>
          onStep(Number((event.target as HTMLInputElement).value))} />
    </div>
  `;
}
