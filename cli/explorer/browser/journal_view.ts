/**
 * The progress of the journal and the checkpoint, and the superblocks, where recovery begins.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import type { FileInfo, JournalAreaInfo, JournalInfo, SuperblockInfo } from "../api_types.ts";
import { useAnswer } from "./base/ask.ts";
import { usePalette } from "./base/colours.ts";
import { bytes, count, percent, some } from "./base/figures.ts";
import { html, type Shown } from "./base/html.ts";

const EVERY_MS = 500;
const HISTORY = 240;
const HEIGHT = 72;

/** The journal, the checkpoint and the superblocks. */
export function JournalView({ file }: { file: FileInfo }): Shown {
  const isKnown = file.hasDatabase && !file.followed;
  const path = isKnown ? "/api/journal" : undefined;
  const { data, error } = useAnswer<JournalInfo>(path, EVERY_MS);
  return html`<div>
    ${
    !isKnown && html`<p class="panel">The journal cannot be followed: another process
      writes it. The superblocks are as they were read last.</p>`
  }
    ${error !== "" && html`<p class="error" role="alert">${error}</p>`}
    ${data !== undefined && html`<${Journal} data=${data} />`}
    <${Superblocks} superblocks=${data?.superblocks ?? file.superblocks} />
  </div>`;
}

function Journal({ data }: { data: JournalInfo }): Shown {
  const waiting = data.version - data.durableVersion;
  const used = data.areas.reduce((sum, { usedBytes }) => sum + usedBytes, 0);
  return html`
    <div>
      <dl class="figures">
        <div>
          <dt>Version</dt>
          <dd>${count(data.version)}</dd>
        </div>
        <div>
          <dt>On the medium</dt>
          <dd>${count(data.durableVersion)}</dd>
        </div>
        <div>
          <dt>Not there yet</dt>
          <dd>${count(waiting)}</dd>
        </div>
        <div>
          <dt>Batches</dt>
          <dd>${count(data.journalBatches)}</dd>
        </div>
        <div>
          <dt>Syncs</dt>
          <dd>${count(data.journalSyncs)}</dd>
        </div>
        <div>
          <dt>Written to it</dt>
          <dd>${bytes(data.journalBytesWritten)}</dd>
        </div>
        <div>
          <dt>Checkpoints</dt>
          <dd>${count(data.checkpoints)}</dd>
        </div>
      </dl>
      <section class="panel" aria-labelledby="journal-title">
          <h2 id="journal-title">Journal</h2>
          ${data.areas.length === 0 && html`<p class="note">It has none: it is in memory.</p>`}
          ${data.areas.map((area, i) => html`<${Area} key=${i} area=${area} name=${"ab"[i]} />`)}
          <p class="note">${`Generation ${count(data.generation)}, batch ${
            count(data.sequence)
          }, ` +
            `${some(data.syncCount, "sync")} since the file was made, ` +
            `${bytes(data.pendingBytes)} waiting in memory.`}</p>
          <${History} used=${used} />
        </section>
      <section class="panel" aria-labelledby="checkpoint-title">
        <h2 id="checkpoint-title">Checkpoint</h2>
        <p>${data.checkpointRunning
          ? `Running: ${some(data.chunksLeft, "chunk")} to go.`
          : "None is running."} ${some(
            data.dirtyChunks,
            "chunk",
          )} with pages that the file does not have yet.</p>
      </section>
    </div>
  `;
}

/** The fill of an area. */
function Area({ area, name }: { area: JournalAreaInfo; name: string }): Shown {
  const { chunks, usedBytes, capacityBytes, isCurrent } = area;
  const where = chunks.length === 0
    ? "no chunks"
    : `chunk${chunks.length === 1 ? "" : "s"} ${chunks.join(", ")}`;
  return html`
    <div class="area">
      <p><b>Area ${name}</b> ${isCurrent ? "is written now" : "rests"}, ${where}: ${bytes(
        usedBytes,
      )} of ${bytes(capacityBytes)}, ${percent(usedBytes, capacityBytes)}</p>
      <div class="gauge" role="meter" aria-label=${`Area ${name}`} aria-valuemin="0"
        aria-valuemax=${capacityBytes} aria-valuenow=${usedBytes}>
        <i style=${{ width: `${100 * usedBytes / Math.max(1, capacityBytes)}%` }} />
      </div>
    </div>
  `;
}

/** The fill of the journal over the last minutes. */
function History({ used }: { used: number }): Shown {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [history] = useState<number[]>(() => []);
  const palette = usePalette();
  useEffect(() => {
    history.push(used);
    if (history.length > HISTORY) history.shift();
    drawHistory(canvas.current!, history, palette.scale[3]!, palette.empty);
  });
  return html`
    <figure>
      <canvas class="history" ref=${canvas} role="img"
        aria-label="How full the journal was over the last two minutes" />
      <figcaption
        class="note">Bytes that a recovery would read, over the last two minutes; at most ${bytes(
          Math.max(used, ...history),
        )}.</figcaption>
    </figure>
  `;
}

function drawHistory(
  canvas: HTMLCanvasElement,
  history: readonly number[],
  colour: string,
  ground: string,
): void {
  const scale = devicePixelRatio;
  const width = canvas.clientWidth;
  [canvas.width, canvas.height] = [width * scale, HEIGHT * scale];
  const context = canvas.getContext("2d")!;
  context.scale(scale, scale);
  context.fillStyle = ground;
  context.fillRect(0, HEIGHT - 1, width, 1);
  const most = Math.max(1, ...history);
  const step = width / HISTORY;
  context.fillStyle = colour;
  history.forEach((used, i) => {
    const height = (HEIGHT - 4) * used / most;
    const x = (HISTORY - history.length + i) * step;
    context.fillRect(x, HEIGHT - height, Math.max(1, step - 0.5), height);
  });
}

function Superblocks({ superblocks }: { superblocks: readonly SuperblockInfo[] }): Shown {
  const names = superblocks.find(({ fields }) => fields.length > 0)?.fields.map(([name]) => name);
  return html`
    <section class="panel" aria-labelledby="superblocks-title">
      <h2 id="superblocks-title">Superblocks</h2>
      <p class="note">Two copies in the file: recovery begins where the newer one says.</p>
      <table class="narrow">
        <thead>
          <tr><th>Field</th>${superblocks.map(({ page }) =>
            html`<th key=${page}>Page ${page}</th>`
          )}</tr>
        </thead>
        <tbody>${(names ?? ["damage"]).map((name, i) =>
          html`<tr key=${name}><td>${name}</td>${
            superblocks.map(({ page, fields, damage }) =>
              html`<td key=${page}><code>${fields[i]?.[1] ?? damage ?? ""}</code></td>`
            )
          }</tr>`
        )}</tbody>
      </table>
    </section>
  `;
}
