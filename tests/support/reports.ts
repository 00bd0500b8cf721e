/**
 * What a program reports with `console.error`, for tests.
 */

/** Runs an action, and returns what was reported meanwhile, a text each; the action sees it too. */
export async function reportsOf(
  action: (reports: readonly string[]) => Promise<void>,
): Promise<string[]> {
  const { error } = console;
  const reports: string[] = [];
  console.error = (...parts: unknown[]) => void reports.push(parts.map(String).join(" "));
  try {
    await action(reports);
  } finally {
    console.error = error;
  }
  return reports;
}
