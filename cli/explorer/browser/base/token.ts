/**
 * The token that authorizes the page's queries: read once from the address, and kept for this tab
 * only.
 *
 * It is in the fragment, which browsers send to no server, and is removed from the address bar at
 * once. It is kept in storage that only pages of the same host and port can read.
 */

const NAME = "token";
const FRAGMENT = /^#token=([0-9a-f]{64})$/;

/** Moves the token, if any, from the address to the storage of the tab. */
export function keepToken(): void {
  const token = FRAGMENT.exec(location.hash)?.[1];
  if (token === undefined) return;
  sessionStorage.setItem(NAME, token);
  history.replaceState(null, "", "/");
}

/** The headers of a query. */
export function tokenHeaders(): Record<string, string> {
  const token = sessionStorage.getItem(NAME);
  return token === null ? {} : { authorization: `Bearer ${token}` };
}
