/**
 * The token that lets this page ask: taken once out of the address, and kept for this tab alone.
 *
 * It is in the fragment, which a browser sends to no server, and leaves the address bar at once. It
 * is kept where pages of this address and this port find it, and no other.
 */

const NAME = "token";
const FRAGMENT = /^#token=([0-9a-f]{64})$/;

/** Takes the token out of the address, where it is. */
export function keepToken(): void {
  const token = FRAGMENT.exec(location.hash)?.[1];
  if (token === undefined) return;
  sessionStorage.setItem(NAME, token);
  history.replaceState(null, "", "/");
}

/** The headers of a question. */
export function tokenHeaders(): Record<string, string> {
  const token = sessionStorage.getItem(NAME);
  return token === null ? {} : { authorization: `Bearer ${token}` };
}
