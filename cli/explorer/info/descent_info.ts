/**
 * The path of a look-up for the explorer's page.
 */

import type { LookupStep } from "../../../inspect.ts";
import type { DescentInfo, StepInfo } from "../api_types.ts";
import { RefusedError } from "../refusal.ts";
import type { Source } from "../source.ts";
import { hexOf, type KeyForm, keyOf, wordsOf } from "./words.ts";

const HEAD_DIGITS = 8;

/**
 * Looks up a key.
 *
 * @throws {RefusedError} The tree does not exist, the key is invalid, or the file is locked.
 */
export function descentInfo(source: Source, tree: string, key: string, form: KeyForm): DescentInfo {
  const { inspector } = source;
  if (inspector === undefined) {
    throw new RefusedError(409, "Cannot descend: another process has the file locked");
  }
  const found = inspector.trees().find(({ name }) => name === tree);
  if (found === undefined) throw new RefusedError(404, "Cannot descend: there is no such tree");
  const bytes = keyOf(key, form, found.codecs.key);
  const lookup = inspector.descend(tree, bytes);
  return {
    tree,
    key: hexOf(bytes),
    keyText: wordsOf(bytes, found.codecs.key),
    found: lookup.found,
    valueBytes: lookup.valueBytes,
    steps: lookup.steps.map(stepInfo),
  };
}

function stepInfo({ load, probes, head, ...step }: LookupStep): StepInfo {
  const described = probes.map((probe) => ({ ...probe, head: headOf(probe.head) }));
  return { ...step, head: headOf(head), probes: described, ...load };
}

function headOf(head: number): string {
  return head.toString(16).padStart(HEAD_DIGITS, "0");
}
