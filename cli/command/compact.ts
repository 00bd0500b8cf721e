/**
 * The command that makes a file shorter: `compact`.
 */

import { note } from "../io/output.ts";
import { ProgressBar } from "../io/progress.ts";
import { countOf, size } from "../io/text.ts";
import type { CommandSpec } from "../spec/command_spec.ts";

/** The time of a turn. Only the progress bar waits for it. */
const BUDGET_MS = 20;

/** Moves pages from the end of a file to free pages. */
export const compact: CommandSpec = {
  name: "compact",
  summary: "make the file shorter: pack thin pages, move the last ones to free ones",
  details:
    "Works in many short transactions, and keeps all entries. It may be interrupted at any " +
    "moment, also by a power cut, and then continues the next time.",
  file: "write",
  args: [],
  options: [],
  examples: [["compact cities.quire", "after many entries were deleted"]],
  inShell: false,
  async run({ db, path, json, out }) {
    const bytesBefore = Deno.statSync(path).size;
    let bar: ProgressBar | undefined;
    const { pagesMoved } = await db.compact({
      budgetMs: BUDGET_MS,
      onProgress({ done, total }) {
        bar ??= new ProgressBar({ label: "moving", unit: "pages", total });
        bar.draw(done);
      },
    }).finally(() => bar?.stop());
    // A close returns the space of the journal.
    db.close();
    const bytesAfter = Deno.statSync(path).size;
    if (json) return out.json({ pagesMoved, bytesBefore, bytesAfter });
    note(
      `moved ${countOf(pagesMoved, "page")}; ${size(bytesBefore)} before, ${
        size(bytesAfter)
      } after`,
    );
  },
};
