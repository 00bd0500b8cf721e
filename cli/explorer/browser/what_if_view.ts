/**
 * The what-if panel: the computed cost of reading one row with other page sizes, and the measured
 * time of reads of these sizes on this disk.
 */

import { useState } from "preact/hooks";
import { type Outcome, outcomeOf, PAGE_SIZES, type Question } from "../../study/page_arithmetic.ts";
import type { FileInfo, Measured } from "../api_types.ts";
import { useAnswer } from "./base/ask.ts";
import { bytes, count, rough } from "./base/figures.ts";
import { html, type Shown } from "./base/html.ts";

const START: Question = {
  rows: 1_000_000,
  rowBytes: 200,
  keyBytes: 20,
  fill: 0.7,
  blockBytes: 4096,
};
const FIELDS = [
  ["rows", "Rows", 1, 1e15, 1],
  ["rowBytes", "Bytes of a row", 1, 2 ** 31, 1],
  ["keyBytes", "Bytes of a key", 1, 2048, 1],
  ["fill", "Fill of pages", 0.1, 1, 0.05],
] as const;
const ABOUT = "A page that is not in memory is read whole, and its header from the header page " +
  "of its chunk; a disk moves whole blocks. Small pages make the tree higher, large ones move " +
  "more for the same row.";
const BLOCKS = [512, 4096, 16_384];

/** The what-if panel. */
export function WhatIfView({ file }: { file: FileInfo }): Shown {
  const [question, setQuestion] = useState(START);
  const [round, setRound] = useState(0);
  const { data, error, isAsking } = useAnswer<Measured>("/api/measure", 0, round);
  const change = (name: string, text: string, least: number, most: number) => {
    const value = Number(text);
    if (text !== "" && value >= least && value <= most) setQuestion({ ...question, [name]: value });
  };
  return html`
    <div>
      <form class="bar" onSubmit=${(event: SubmitEvent) => event.preventDefault()}>${FIELDS.map((
        [name, words, min, max, step],
      ) =>
        html`
          <label
            key=${name}>${words} <input type="number" name=${name} min=${min} max=${max}
                  step=${step} value=${question[name]} onInput=${(event: InputEvent) =>
                    change(
                      name,
                      (event.currentTarget as HTMLInputElement).value,
                      min,
                      max,
                    )} /></label>
        `
      )}
          <label>Block of the disk <select name="blockBytes" onChange=${(event: Event) =>
            change(
              "blockBytes",
              (event.currentTarget as HTMLSelectElement).value,
              1,
              2 ** 20,
            )}>${BLOCKS.map((block) =>
              html`
                <option key=${block} value=${block}
                  selected=${block === question.blockBytes}>${bytes(block)}</option>
              `
            )}</select></label>
        </form>
      <${Table} question=${question} file=${file} measured=${data} />
      <div class="bar">
        <button type="button" disabled=${isAsking}
          onClick=${() => setRound(round + 1)}>Measure again</button>
        <p class="note" aria-live="polite">${error !== ""
          ? error
          : data === undefined
          ? "Measuring."
          : data.reason !== ""
          ? `Not measured: ${data.reason}.`
          : "Measured: 200 reads at random places of this file, through the system's cache."}</p>
      </div>
      <p class="note">${ABOUT}</p>
    </div>
  `;
}

interface TableProps {
  readonly question: Question;
  readonly file: FileInfo;
  readonly measured: Measured | undefined;
}

function Table({ question, file, measured }: TableProps): Shown {
  const outcomes = PAGE_SIZES.map((pageBytes) => outcomeOf(question, pageBytes));
  return html`
    <section class="panel" aria-labelledby="what-if-title">
      <h2 id="what-if-title">To read one row</h2>
      <div class="scroll">
        <table class="what-if">
          <thead>
            <tr>
              <th rowspan="2">Pages of</th>
              <th rowspan="2" class="number">Rows a leaf</th>
              <th rowspan="2" class="number">Children</th>
              <th rowspan="2" class="number">Levels</th>
              <th colspan="2" class="group">Nothing in memory</th>
              <th colspan="3" class="group">Branches in memory</th>
              <th colspan="2" class="group">One read on this disk</th>
            </tr>
            <tr>
              <th class="number">Blocks</th>
              <th class="number">Moved</th>
              <th class="number">Blocks</th>
              <th class="number">Moved</th>
              <th class="number">A row's bytes</th>
              <th class="number">Median</th>
              <th class="number">Slowest tenth</th>
            </tr>
          </thead>
          <tbody>${outcomes.map((outcome) =>
            html`
              <${Row} key=${outcome.pageBytes} outcome=${outcome} measured=${measured}
                rowBytes=${question.rowBytes} isOurs=${outcome.pageBytes === file.pageBytes} />
            `
          )}</tbody>
        </table>
      </div>
    </section>
  `;
}

interface RowProps {
  readonly outcome: Outcome;
  readonly measured: Measured | undefined;
  readonly rowBytes: number;
  readonly isOurs: boolean;
}

function Row({ outcome, measured, rowBytes, isOurs }: RowProps): Shown {
  const { pageBytes, leafRows, fanOut, levels, cold, warm } = outcome;
  const read = measured?.reads.find((read) => read.bytes === pageBytes);
  const time = (of: number | undefined) => of === undefined ? "-" : `${rough(of)} us`;
  return html`
    <tr class=${isOurs ? "ours" : ""}>
      <th scope="row">${bytes(pageBytes)}${isOurs && html`
        <small>this file</small>
      `}</th>
      <td class="number">${count(leafRows)}</td>
      <td class="number">${count(fanOut)}</td>
      <td class="number">${levels}</td>
      <td class="number">${count(cold.blocks)}</td>
      <td class="number">${bytes(cold.bytesMoved)}</td>
      <td class="number">${count(warm.blocks)}</td>
      <td class="number">${bytes(warm.bytesMoved)}</td>
      <td class="number">x ${rough(warm.bytesMoved / rowBytes)}</td>
      <td class="number">${time(read?.median)}</td>
      <td class="number">${time(read?.slowest)}</td>
    </tr>
  `;
}
