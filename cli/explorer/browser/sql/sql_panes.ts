/**
 * The panes of a query: what a step did, the program, and the rows so far.
 */

import { useEffect, useRef } from "preact/hooks";
import type { InstructionInfo, PageRun, SqlInfo } from "../../api_types.ts";
import { pageAddress } from "../address.ts";
import { count } from "../base/figures.ts";
import { html, type Shown } from "../base/html.ts";

const LINKS_MAX = 40;

/** A query, and the step that is shown. */
export interface StepProps {
  readonly info: SqlInfo;
  readonly step: number;
}

/** What a step did: its instruction, the pages, and the registers. */
export function StepWords({ info, step }: StepProps): Shown {
  const { address, pages, registers, row } = info.steps[step]!;
  const { opcode } = info.instructions[address]!;
  const touched = pages.length === 0 ? "It touched no pages." : "It touched the pages below.";
  const made = row < 0 ? "" : ` It made row ${count(row + 1)}.`;
  return html`
    <div>
      <p id="sql-step" class="status" aria-live="polite">${`Step ${count(step + 1)} of ${
        count(info.steps.length)
      }: ${opcode} at ${address}. `}${touched}${made}</p>
      <p class="touched" id="sql-pages">${pages.slice(0, LINKS_MAX).map(
        linkTo,
      )}${pages.length > LINKS_MAX &&
        html`<span>${`and ${count(pages.length - LINKS_MAX)} more`}</span>`}</p>
      <p class="touched" id="sql-registers">${registers.map(([register, value]) =>
        html`<code key=${register}>${`r${register} = ${value}`}</code>`
      )}</p>
    </div>
  `;
}

function linkTo([first, pages]: PageRun): Shown {
  const words = pages === 1
    ? `Page ${count(first)}`
    : `Pages ${count(first)} to ${count(first + pages - 1)}`;
  return html`
    <a key=${first} href=${pageAddress(first)} data-page=${first}
      data-pages=${pages}>${words}</a>
  `;
}

/** The program, with the instruction of the step. */
export function Program({ info, step }: StepProps): Shown {
  const current = info.steps[step]?.address ?? -1;
  const pane = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const { scrollTop, clientHeight } = pane.current!;
    const row = pane.current!.querySelector<HTMLElement>("tr[aria-current]");
    if (row === null) return;
    const isSeen = row.offsetTop > scrollTop + row.offsetHeight &&
      row.offsetTop + row.offsetHeight < scrollTop + clientHeight;
    if (!isSeen) pane.current!.scrollTop = row.offsetTop - clientHeight / 2;
  }, [info, current]);
  return html`
    <section class="panel" aria-labelledby="program-title">
      <h2 id="program-title">Program</h2>
      <div class="scroll" ref=${pane} tabindex="0" role="region" aria-labelledby="program-title">
        <table id="program">
          <thead>
            <tr>${["Address", "Opcode", "p1", "p2", "p3", "p4", "For"].map((name) =>
              html`<th key=${name} scope="col">${name}</th>`
            )}</tr>
          </thead>
          <tbody>${info.instructions.map((instruction, address) =>
            html`
              <${Line} key=${address} instruction=${instruction} address=${address}
                isCurrent=${address === current} />
            `
          )}${info.registers.map(([register, value]) =>
            html`
              <tr key=${`r${register}`}>
                <td></td>
                <td>Constant</td>
                <td>${register}</td>
                <td></td>
                <td></td>
                <td>${value}</td>
                <td></td>
              </tr>
            `
          )}</tbody>
        </table>
      </div>
    </section>
  `;
}

interface LineProps {
  readonly instruction: InstructionInfo;
  readonly address: number;
  readonly isCurrent: boolean;
}

function Line({ instruction, address, isCurrent }: LineProps): Shown {
  const { opcode, numbers, p4, comment } = instruction;
  return html`<tr data-address=${address} aria-current=${isCurrent ? "step" : undefined}>
    <td>${address}</td><td>${opcode}</td>${numbers.map((p, i) => html`<td key=${i}>${p}</td>`)}
    <td>${p4}</td><td>${comment}</td></tr>`;
}

/** The rows that the steps so far have made. */
export function Rows({ info, step }: StepProps): Shown {
  const pane = useRef<HTMLDivElement>(null);
  const made = info.steps.findLast(({ row }, i) => i <= step && row >= 0)?.row ?? -1;
  useEffect(() => void (pane.current!.scrollTop = pane.current!.scrollHeight), [info, made]);
  const isNew = (row: number) => row === info.steps[step]?.row;
  return html`
    <section class="panel" aria-labelledby="rows-title">
      <h2 id="rows-title">Rows so far</h2>
      <div class="scroll" ref=${pane} tabindex="0" role="region" aria-labelledby="rows-title">
        <table id="rows">
          <thead>
            <tr>${info.columns.map((name, i) => html`<th key=${i} scope="col">${name}</th>`)}</tr>
          </thead>
          <tbody>${info.rows.slice(0, made + 1).map((values, row) =>
            html`<tr key=${row} aria-current=${isNew(row) ? "true" : undefined}>${
              values.map((value, i) => html`<td key=${i}>${value}</td>`)
            }</tr>`
          )}</tbody>
        </table>
      </div>
    </section>
  `;
}
