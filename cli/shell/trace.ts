/**
 * The cost of a statement, shown after it: the pages requested, the cache hits and misses, and the
 * reads and writes.
 */

import type { Inspector, Trace as Traced } from "../../inspect.ts";
import type { Database } from "../../mod.ts";
import type { Output } from "../io/output.ts";
import { count, countOf } from "../io/text.ts";

const PAGES_SHOWN_MAX = 16;

/** Shows costs while enabled. */
export class Trace {
  readonly #inspector: Inspector;
  #isOn = false;
  #started = 0;

  /** Creates a trace of a database. */
  constructor(db: Database) {
    this.#inspector = db.inspect();
  }

  /** Enables or disables the trace. */
  turn(on: boolean): void {
    this.#isOn = on;
    this.#inspector.trace(on);
  }

  /** Starts counting. */
  begin(): void {
    if (!this.#isOn) return;
    this.#inspector.takeTrace();
    this.#started = performance.now();
  }

  /** Shows the cost since `begin`. */
  end(out: Output): void {
    if (!this.#isOn) return;
    const ms = performance.now() - this.#started;
    out.lines(linesOf(this.#inspector.takeTrace(), ms));
  }
}

function linesOf(trace: Traced, ms: number): string[] {
  const { pages, requests, hits, misses, evictions } = trace;
  const shown = pages.slice(0, PAGES_SHOWN_MAX).map(({ page, hit }) =>
    hit ? `${page}` : `${page}!`
  );
  const more = requests > PAGES_SHOWN_MAX ? ` and ${count(requests - PAGES_SHOWN_MAX)} more` : "";
  const list = requests === 0 ? "" : `: ${shown.join(" ")}${more}`;
  const read = `${countOf(trace.readCalls, "read")} of ${countOf(trace.bytesRead, "byte")}`;
  const written = `${countOf(trace.writeCalls, "write")} of ${countOf(trace.bytesWritten, "byte")}`;
  return [
    `-- ${countOf(requests, "page")} (${countOf(hits, "hit")}, ${countOf(misses, "miss")})${list}`,
    `-- ${read}, ${written}, ${countOf(trace.syncCalls, "sync")}, ` +
    `${countOf(evictions, "eviction")}, ${ms.toFixed(2)} ms`,
  ];
}
