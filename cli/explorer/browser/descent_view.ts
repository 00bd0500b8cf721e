/**
 * The descent of a key: each page on the path, the comparisons of its binary search, and the reads
 * that brought it into memory.
 */

import { useState } from "preact/hooks";
import type { DescentInfo, FileInfo, ProbeInfo, StepInfo } from "../api_types.ts";
import { addressOf, pageAddress } from "./address.ts";
import { useAnswer } from "./base/ask.ts";
import { bytes, count, headText, some } from "./base/figures.ts";
import { sumsOf } from "./base/geometry.ts";
import { html, type Shown } from "./base/html.ts";

const FORMS = [["codec", "As the codec takes it"], ["text", "Text"], ["hex", "Hexadecimal"]];

/** The descent of the key in the address. */
export function DescentView({ file, given }: { file: FileInfo; given: URLSearchParams }): Shown {
  const [round, setRound] = useState(0);
  const tree = given.get("tree") ?? file.trees[0]?.name ?? "";
  const key = given.get("key");
  const form = given.get("form") ?? "codec";
  const query = new URLSearchParams({ tree, key: key ?? "", form });
  const path = key === null ? undefined : `/api/descent?${query}`;
  const { data, error } = useAnswer<DescentInfo>(path, 0, round);
  if (!file.hasDatabase) {
    return html`<p class="panel">The path of a look-up cannot be shown: another process has the file
      locked, and its trees may change from one page to the next.</p>`;
  }
  const look = (event: SubmitEvent) => {
    event.preventDefault();
    const entries = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(entries.get(name) ?? "");
    location.hash = addressOf("descent", {
      tree: text("tree"),
      key: text("key"),
      form: text("form"),
    });
    setRound(round + 1);
  };
  // A `value` would replace what is typed at each answer about the file.
  return html`<div>
    <form class="bar" onSubmit=${look} key=${`${tree}/${form}/${key}`}>
      <label>Tree <select name="tree">${
    file.trees.map(({ name, keyCodec }) =>
      html`<option key=${name} value=${name} selected=${name === tree}>${name}${
        keyCodec === "bytes" ? "" : ` (${keyCodec})`
      }</option>`
    )
  }</select></label>
      <label class="grow">Key <input name="key" defaultValue=${key ?? ""} autocomplete="off"
        spellcheck="false" placeholder=${placeholderFor(file, tree)} /></label>
      <label>Given <select name="form">${
    FORMS.map(([value, words]) =>
      html`<option key=${value} value=${value} selected=${value === form}>${words}</option>`
    )
  }</select></label>
      <button type="submit">Descend</button>
    </form>
    ${error !== "" && html`<p class="error" role="alert">${error}</p>`}
    <div aria-live="polite">${data !== undefined && html`<${Result} data=${data} />`}</div>
    ${
    data !== undefined && html`<ol class="steps">${
      data.steps.map((step) => html`<${Step} key=${step.page} step=${step} file=${file} />`)
    }</ol>`
  }
    ${
    data === undefined && error === "" &&
    html`<p class="panel note">A look-up starts at the root and
      searches each page on its way for the child that holds the key. Type a key to watch it.</p>`
  }
  </div>`;
}

function placeholderFor(file: FileInfo, tree: string): string {
  const codec = file.trees.find(({ name }) => name === tree)?.keyCodec;
  return codec === "tuple" ? '["PT", "Lisboa"]' : codec === "u64" ? "12345" : "a key";
}

/** Its result and its cost. */
function Result({ data }: { data: DescentInfo }): Shown {
  const sum = (of: (step: StepInfo) => number) =>
    data.steps.reduce((sum, step) => sum + of(step), 0);
  const misses = sum(({ read }) => read === "nothing" ? 0 : 1);
  const compared = sum(({ probes }) => probes.length);
  const found = data.found ? `found, ${bytes(data.valueBytes)}` : "not there";
  return html`
    <dl class="figures">
      <div>
        <dt>Key <code>${data.keyText}</code></dt>
        <dd data-found=${data.found}>${found}</dd>
      </div>
      <div>
        <dt>Pages</dt>
        <dd>${count(data.steps.length)}</dd>
      </div>
      <div>
        <dt>Comparisons</dt>
        <dd>${count(compared)}</dd>
      </div>
      <div>
        <dt>Misses</dt>
        <dd>${count(misses)}</dd>
      </div>
      <div>
        <dt>Reads</dt>
        <dd>${count(sum(({ readCalls }) => readCalls))}</dd>
      </div>
      <div>
        <dt>Bytes moved</dt>
        <dd>${bytes(sum(({ bytesRead }) => bytesRead))}</dd>
      </div>
    </dl>
  `;
}

/** One page on the path. */
function Step({ step, file }: { step: StepInfo; file: FileInfo }): Shown {
  const { page, level, entries, index, child, prefixBytes, prefixOrder } = step;
  const sums = sumsOf(page, file);
  return html`<li class="panel step" data-page=${page}>
    <div class="bar">
      <h3><a href=${pageAddress(page)}>Page ${count(page)}</a>
        <small>${level === 0 ? "leaf" : `branch at level ${level}`}</small></h3>
      <${Load} step=${step} />
    </div>
    <p>${`${count(entries)} ${entries === 1 ? "entry" : "entries"}`}${
    prefixBytes > 0 ? `, whose keys share ${some(prefixBytes, "byte")}` : ""
  }. ${
    prefixOrder !== 0
      ? `The key sorts ${prefixOrder < 0 ? "before" : "after"} all keys with that prefix.`
      : ""
  } ${
    level > 0
      ? html`Entry ${index} leads to <a href=${pageAddress(child)}>page ${count(child)}</a>.`
      : `The key is, or would be, entry ${index}.`
  }</p>
    ${step.probes.length > 0 && html`<${Probes} step=${step} />`}
    <details><summary>Where it is</summary>
      <p class="note">${
    sums.slice(0, 4).map(({ name, formula, result }) => `${name}: ${formula} = ${count(result)}`)
      .join("; ")
  }.</p>
    </details>
  </li>`;
}

/** Whether the page was in memory, and the reads. */
function Load({ step }: { step: StepInfo }): Shown {
  const { from, read, readCalls, bytesRead } = step;
  const isHit = read === "nothing";
  const where = from === "chunk" ? "its whole chunk" : "the page alone";
  const words = isHit
    ? `hit: ${where} was in memory`
    : `miss: ${read} loaded, ${some(readCalls, "read")}, ${bytes(bytesRead)}`;
  return html`<span class=${isHit ? "badge hit" : "badge miss"}>${words}</span>`;
}

/** The comparisons of a binary search. */
function Probes({ step }: { step: StepInfo }): Shown {
  const order = ({ order }: ProbeInfo) =>
    order < 0 ? "below, go right" : order > 0 ? "above, go left" : "at the key";
  return html`
    <details open>
      <summary>${`${some(step.probes.length, "comparison")} with head `}
          <code>${step.head}</code> <code>${headText(step.head)}</code></summary>
      <table class="narrow">
        <thead>
          <tr>
            <th class="number">Entry</th>
            <th>Head</th>
            <th>As text</th>
            <th>It is</th>
            <th>Decided by</th>
          </tr>
        </thead>
        <tbody>${step.probes.map((probe) =>
          html`
            <tr key=${probe.index}>
              <td class="number">${probe.index}</td>
              <td><code>${probe.head}</code></td>
              <td><code>${headText(probe.head)}</code></td>
              <td>${order(probe)}</td>
              <td>${probe.bytesCompared ? "the bytes after equal heads" : "the heads"}</td>
            </tr>
          `
        )}</tbody>
      </table>
    </details>
  `;
}
