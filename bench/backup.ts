/**
 * Measures copies: whole backups and increments beside `cp` and the peers, what writers lose while
 * one runs, its memory, and compaction.
 *
 * `deno task bench:backup [--only SECTION] [--quick] [--entries N] [--rounds N]`; sections are
 * copies, writers, memory and compact. An entry takes about 1.2 KiB.
 */

import { copySection, type CopySize } from "./backup/copies.ts";
import { memorySection } from "./backup/memory.ts";
import { compactSection, writerSection } from "./backup/writers.ts";
import type { Section } from "./durable/fixture.ts";
import { tableOf } from "./measure/figures.ts";
import { limitsOf, loadOf, machineOf } from "./measure/machine.ts";
import { namesOf, numberOf, planOrExit } from "./measure/options.ts";
import { inTempFolder } from "./measure/temp_folder.ts";

/** The size for published figures: 1 GiB of pages. */
const FULL_SIZE: CopySize = { rounds: 5, entries: 910_000 };
/** A size for a quick look. */
const QUICK_SIZE: CopySize = { rounds: 3, entries: 60_000 };

const SECTIONS: Readonly<Record<string, (folder: string, size: CopySize) => Promise<Section>>> = {
  copies: copySection,
  writers: writerSection,
  memory: memorySection,
  compact: compactSection,
};

const USAGE = `Usage: deno task bench:backup [OPTION]...

Measures copies of a database by every way, what writers lose beside them, memory, and compaction.

  --only SECTIONS  of ${Object.keys(SECTIONS).join(",")}
  --entries COUNT  entries of the database; default ${FULL_SIZE.entries}
  --rounds COUNT   default ${FULL_SIZE.rounds}
  --quick          ${QUICK_SIZE.rounds} rounds with ${QUICK_SIZE.entries} entries
  --help           print this
`;

const OPTIONS = {
  only: { type: "string" },
  quick: { type: "boolean", default: false },
  entries: { type: "string" },
  rounds: { type: "string" },
} as const;

const { sections, size } = planOrExit(USAGE, OPTIONS, ({ only, quick, entries, rounds }) => {
  const preset = quick ? QUICK_SIZE : FULL_SIZE;
  const size: CopySize = {
    entries: numberOf("entries", entries ?? `${preset.entries}`, 1, 100_000_000, true),
    rounds: numberOf("rounds", rounds ?? `${preset.rounds}`, 1, 99, true),
  };
  return { sections: namesOf("only", only, Object.keys(SECTIONS)), size };
});

await inTempFolder((folder) => {
  console.log(JSON.stringify({ machine: machineOf(), limits: limitsOf(folder) }, null, 2));
  return Promise.resolve();
});
for (const [name, section] of Object.entries(SECTIONS)) {
  if (!sections.includes(name)) continue;
  const before = loadOf();
  const { title, heads, rows, notes } = await inTempFolder((folder) => section(folder, size));
  console.log(`\n${title}\n\n${tableOf(heads, rows)}\n`);
  for (const note of [...notes, `Load: ${before} before, ${loadOf()} after.`]) console.log(note);
}
