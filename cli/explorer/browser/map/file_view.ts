/**
 * The file as a map, from the whole file to one page, and the selected chunk. The selected page is
 * in the address; the zoom is local to this view.
 */

import { useEffect, useMemo, useState } from "preact/hooks";
import type { FileInfo } from "../../api_types.ts";
import { addressOf, numberIn } from "../address.ts";
import { type Mode, usePalette } from "../base/colours.ts";
import { html, type Shown } from "../base/html.ts";
import { ChunkPanel } from "./chunk_panel.ts";
import { Legend, MapBar, TileTable } from "./map_controls.ts";
import { useLook } from "./map_look.ts";
import { sizeWords, tileWords } from "./map_words.ts";
import { TileMap } from "./tile_map.ts";
import { TileStore } from "./tile_store.ts";

const VERSIONS_SHOWN = 64;

interface FileViewProps {
  readonly file: FileInfo;
  readonly given: URLSearchParams;
}

/** The file. */
export function FileView({ file, given }: FileViewProps): Shown {
  const [mode, setMode] = useState<Mode>("kind");
  const [epoch, setEpoch] = useState(0);
  const palette = usePalette();
  const store = useMemo(() => new TileStore(() => setEpoch((epoch) => epoch + 1)), []);
  useEffect(() => store.invalidate(), [file.version, file.pages]);
  const page = Math.min(file.pages - 1, numberIn(given, "page", 0));
  const look = useLook(file, page, goTo);
  const { shift, fit, selected } = look;
  const chunk = Math.floor(page / file.chunkPages);
  const versions = [Math.max(1, file.version - VERSIONS_SHOWN + 1), file.version];
  const colours = { mode, palette, versions };
  return html`
    <div>
      <section class="panel" aria-labelledby="map-title">
        <${MapBar} mode=${mode} onMode=${setMode} shift=${shift} fit=${fit}
          onZoom=${look.zoom} onFit=${look.showAll} />
        <${TileMap} ...${colours} pages=${file.pages} window=${{ shift, first: look.first }}
          selected=${selected} store=${store} epoch=${epoch} onSelect=${look.select}
          onOpen=${look.open} onZoom=${look.zoom} onRoom=${look.setRoom} />
        <p id="map-status" class="status" aria-live="polite">
            ${tileWords(store.get(shift, selected), selected, shift, file)}
            ${store.isSampled(shift, selected) && " From a sample of its chunks."}
          </p>
        <p class="note">${`A tile is ${sizeWords(shift, file)}. `}
            <span id="map-keys">Arrow keys move, + and - zoom, Enter opens.</span></p>
        <${Legend} ...${colours} file=${file} />
        <${TileTable} file=${file} store=${store} shift=${shift} from=${selected} />
      </section>
      <${ChunkPanel} ...${colours} key=${chunk} file=${file} chunk=${chunk}
        epoch=${file.version} />
    </div>
  `;
}

/** Puts the selected page into the address, without an entry in the browser's history. */
function goTo(page: number): void {
  history.replaceState(null, "", addressOf("file", { page }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}
