/**
 * The commands for files that may be damaged: `verify` and `salvage`. Neither changes the file.
 */

import {
  type Finding,
  type Progress,
  salvage as salvageFile,
  type SalvagedTree,
  type SalvageReport,
  verify as verifyFile,
  type VerifyReport,
} from "../../mod.ts";
import { bytesForm } from "../form/json_form.ts";
import { EXIT, type ExitCode, messageOf, withPath } from "../io/exit.ts";
import { Interruption } from "../io/interruption.ts";
import type { Output } from "../io/output.ts";
import { ProgressBar } from "../io/progress.ts";
import { count, countOf, oneLine } from "../io/text.ts";
import { type CommandSpec, type Context, textOf, wholeNumber } from "../spec/command_spec.ts";

const FINDINGS_MAX = 20;
/** The start of failures that concern the new file. */
const WRITES = /^Cannot (write|sync|make|remove)\b/;
const FINDINGS_OPTION = {
  flags: "--max-findings <count>",
  what: `the most findings to print; default ${FINDINGS_MAX}`,
} as const;

/** Checks a file. */
export const verify: CommandSpec = {
  name: "verify",
  summary: "read the whole file and report all damage",
  details: "Every page, header, tree and value is checked, and nothing is changed. " +
    "Ends with 1 if there is damage. Work that a power cut left unfinished is reported but is " +
    "not damage: opening the file for writing repairs it.",
  file: "path",
  args: [],
  options: [FINDINGS_OPTION],
  examples: [["verify cities.quire", "reports damage, or that nothing is wrong"]],
  inShell: false,
  async run(context, _args, options) {
    const { path, lockTimeoutMs } = context;
    const maxFindings = findingsMax(options["maxFindings"]);
    const report = await withProgress("verifying", (onProgress) => {
      return verifyFile(path, { maxFindings, lockTimeoutMs, onProgress });
    }).catch((error) => {
      throw withPath(path, error);
    });
    if (context.json) context.out.json(report);
    else printVerified(context.out, report);
    return report.ok ? EXIT.done : EXIT.no;
  },
};

/** Recovers intact entries. */
export const salvage: CommandSpec = {
  name: "salvage",
  summary: "build a new database from the intact pages of a damaged one",
  details: "The damaged file is only read, and needs neither superblocks nor catalog nor " +
    "branches. Ends with 1 if data was lost, and reports the losses. The new database takes " +
    "its name when it is complete.",
  file: "path",
  args: [{ name: "to", what: "the path of the new database, which must not exist" }],
  options: [FINDINGS_OPTION],
  examples: [["salvage broken.quire saved.quire", "all intact entries, under their old trees"]],
  inShell: false,
  async run(context, [to], options): Promise<ExitCode> {
    const { path, lockTimeoutMs } = context;
    const maxFindings = findingsMax(options["maxFindings"]);
    using interruption = new Interruption();
    const { signal } = interruption;
    const report = await withProgress("salvaging", (onProgress) => {
      return salvageFile(path, to!, { maxFindings, lockTimeoutMs, onProgress, signal });
    }).catch((error) => {
      throw withPath(WRITES.test(messageOf(error)) ? to! : path, error);
    });
    if (context.json) context.out.json(jsonOf(report));
    else printSalvaged(context, to!, report);
    return hasLosses(report) ? EXIT.no : EXIT.done;
  },
};

function findingsMax(option: string | boolean | undefined): number {
  return wholeNumber("--max-findings", textOf(option) ?? String(FINDINGS_MAX));
}

/** Shows the progress of long work, phase by phase. */
async function withProgress<T>(
  label: string,
  work: (onProgress: (progress: Progress) => void) => Promise<T>,
): Promise<T> {
  let bar: ProgressBar | undefined;
  let phase = "";
  try {
    return await work((progress) => {
      if (progress.phase !== phase) {
        bar?.stop();
        phase = progress.phase;
        bar = new ProgressBar({ label: `${label} ${phase}`, unit: "pages", total: progress.total });
      }
      bar?.draw(progress.done);
    });
  } finally {
    bar?.stop();
  }
}

function printVerified(out: Output, report: VerifyReport): void {
  const { ok, pages, trees, entries, recovery, repairable, unreached } = report;
  const what = `${countOf(trees, "tree")}, ${countOf(entries, "entry")}, ${
    countOf(pages, "page")
  } in use`;
  if (recovery !== undefined) {
    out.line(`It was not closed: ${countOf(recovery.records, "record")} recovered in memory.`);
  }
  printFindings(out, report);
  for (const finding of repairable) {
    out.line(`${textOfFinding(finding)}; opening the file for writing repairs it`);
  }
  if (unreached > 0) out.line(`${countOf(unreached, "page")} below damage were not reached`);
  const sound = repairable.length > 0 ? "Nothing else is wrong" : "Nothing is wrong";
  out.line(`${ok ? sound : countOf(report.findingCount, "finding")}: ${what}.`);
}

function printFindings(
  out: Output,
  { findings, findingCount }: { findings: readonly Finding[]; findingCount: number },
): void {
  for (const finding of findings) out.line(textOfFinding(finding));
  const more = findingCount - findings.length;
  if (more > 0) out.line(`and ${count(more)} more; --max-findings shows them`);
}

function textOfFinding({ page, offset, rule }: Finding): string {
  return `page ${page} at byte ${offset}: ${oneLine(rule)}`;
}

function printSalvaged({ out, path }: Context, to: string, report: SalvageReport): void {
  printFindings(out, report);
  for (const tree of report.trees) printTree(out, tree);
  const { entries, lostPages, lostChunks } = report;
  if (lostPages > 0) out.line(`${countOf(lostPages, "page")} lost`);
  if (lostChunks.length > 0) out.line(`${countOf(lostChunks.length, "chunk")} lost whole`);
  out.line(
    `Saved ${countOf(entries, "entry")} of ${oneLine(path)} to ${oneLine(to)}` +
      (hasLosses(report) ? ", with losses." : "; nothing is known to be lost."),
  );
}

function printTree(out: Output, tree: SalvagedTree): void {
  const { name, isNamed, entries, lostValues, gaps } = tree;
  const unnamed = isNamed ? "" : ", whose name is lost";
  out.line(`tree ${oneLine(name)}${unnamed}: ${countOf(entries, "entry")} saved`);
  if (lostValues > 0) out.line(`  ${countOf(lostValues, "value")} lost`);
  for (const { lower, upper, entries: missing } of gaps) {
    const from = lower === undefined ? "the beginning" : keyText(lower);
    const until = upper === undefined ? "the end" : keyText(upper);
    out.line(`  at least ${countOf(missing, "entry")} may be missing from ${from} to ${until}`);
  }
}

function hasLosses({ trees, lostPages, lostChunks }: SalvageReport): boolean {
  return lostPages > 0 || lostChunks.length > 0 ||
    trees.some(({ lostValues, gaps }) => lostValues > 0 || gaps.length > 0);
}

function keyText(key: Uint8Array): string {
  return oneLine(bytesForm.toText(key));
}

/** The report with keys as JSON. */
function jsonOf(report: SalvageReport): unknown {
  return JSON.parse(JSON.stringify(report, (_, value) => {
    return value instanceof Uint8Array ? bytesForm.toJson(value) : value;
  }));
}
