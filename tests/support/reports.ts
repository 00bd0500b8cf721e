/**
 * What a program reports with `console.error`, for tests.
 */

/** Runs an action, and returns what was reported meanwhile, a text each. */
export async function reportsOf(action: () => Promise<void>): Promise<string[]> {
  const { error } = console;
  const reports: string[] = [];
  console.error = (...parts: unknown[]) => void reports.push(parts.map(String).join(" "));
  try {
    await action();
  } finally {
    console.error = error;
  }
  return reports;
}
