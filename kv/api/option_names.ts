/**
 * The names of options that Deno KV does not have, in which a misspelt one would otherwise be
 * without effect.
 */

/**
 * Refuses options that are not an object, or have a name that is not known.
 *
 * @param action The refused action, for the message.
 * @throws {TypeError} They are.
 */
export function checkOptionNames(action: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot ${action}: the options are not an object`);
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new TypeError(`Cannot ${action}: unknown option ${name}`);
  }
}
