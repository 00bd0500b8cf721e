/**
 * A progress bar for work that does not return to the event loop: the loop of the work draws it.
 *
 * It is drawn on stderr, and only if that is a terminal.
 */

const UPDATE_MASK = 0x3ff;
const BAR_CELLS = 32;
const encoder = new TextEncoder();

/** Yields items, and draws the progress. */
export function* withProgress<T>(items: readonly T[], label: string): Generator<T> {
  let done = 0;
  try {
    for (const item of items) {
      if ((done & UPDATE_MASK) === 0) draw(label, done, items.length);
      yield item;
      done++;
    }
  } finally {
    draw(label, done, items.length);
    if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(encoder.encode("\n"));
  }
}

/** Draws the bar over the previous one. */
function draw(label: string, done: number, total: number): void {
  if (!Deno.stderr.isTerminal()) return;
  const share = total === 0 ? 1 : done / total;
  const cells = Math.floor(share * BAR_CELLS);
  const bar = "\u2588".repeat(cells) + "\u2591".repeat(BAR_CELLS - cells);
  const line = `${label.padEnd(8)} ${bar} ${Math.floor(share * 100)} %  ${done} of ${total}`;
  Deno.stderr.writeSync(encoder.encode(`\r${line}\x1b[K`));
}
