/**
 * A progress bar for work that never lets the event loop run: it draws itself from inside the loop.
 *
 * It goes to stderr, and only when that is a terminal.
 */

import { SingleBar } from "cli-progress";

const UPDATE_MASK = 0x3ff;

/** Passes items on, and draws how many have been. */
export function* withProgress<T>(items: readonly T[], label: string): Generator<T> {
  const bar = new SingleBar({
    format: `${label.padEnd(8)} {bar} {percentage} %  {value} of {total}`,
    barCompleteChar: "\u2588",
    barIncompleteChar: "\u2591",
    barsize: 32,
    fps: 60,
    synchronousUpdate: true,
    // Otherwise an interrupt would leave the terminal without line wrapping.
    linewrap: true,
    gracefulExit: false,
  });
  bar.start(items.length, 0);
  let done = 0;
  try {
    for (const item of items) {
      if ((done & UPDATE_MASK) === 0) bar.update(done);
      yield item;
      done++;
    }
  } finally {
    bar.update(done);
    bar.stop();
  }
}
