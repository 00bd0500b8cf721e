/**
 * Options by name, which are the same sort of thing everywhere.
 */

/** In `OptionTypes`: whoever uses the option checks it. */
export const ANY = "";

/** What `typeof` says of each option. */
export type OptionTypes = Readonly<Record<string, string>>;

/** The options of what goes on for long: see `ProgressOptions`. */
export const PROGRESS_TYPES: OptionTypes = { signal: "object", onProgress: "function" };

/**
 * Refuses options that are none, that nobody knows, or that are of a wrong type.
 *
 * @param action What cannot be done then.
 * @throws {TypeError} They are.
 */
export function checkOptions(action: string, options: unknown, types: OptionTypes): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot ${action}: the options are no object`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(types, name)) {
      throw new TypeError(`Cannot ${action}: unknown option ${name}`);
    }
    const type = types[name];
    const fits = typeof value === type && value !== null;
    if (value === undefined || fits || type === ANY) continue;
    throw new TypeError(`Cannot ${action}: ${name} is ${typeof value}, not ${type}`);
  }
}
