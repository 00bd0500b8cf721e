/**
 * Addresses: a view and its parameters, in the fragment of the address, so that bookmarks, links
 * and the back button work.
 */

import { useEffect, useState } from "preact/hooks";

/** The views, in order, with their titles. */
export const VIEWS = [
  ["file", "File"],
  ["page", "Page"],
  ["descent", "Descent"],
  ["sql", "SQL"],
  ["cache", "Cache"],
  ["journal", "Journal"],
  ["what-if", "What if"],
  ["study", "Study"],
] as const;

/** The name of a view. */
export type ViewName = typeof VIEWS[number][0];

/** What an address shows. */
export interface Address {
  /** The view. */
  readonly view: ViewName;
  /** Its parameters. */
  readonly given: URLSearchParams;
}

/** The place in an address; the file view if there is none. */
export function placeOf(hash: string): Address {
  const [name, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const view = VIEWS.find(([view]) => view === name)?.[0] ?? "file";
  return { view, given: new URLSearchParams(query) };
}

/** The address of a place. */
export function addressOf(view: ViewName, given: Record<string, string | number> = {}): string {
  const query = new URLSearchParams(
    Object.entries(given).map(([name, value]) => [name, String(value)]),
  ).toString();
  return `#/${view}${query === "" ? "" : `?${query}`}`;
}

/** The address of a page. */
export function pageAddress(page: number): string {
  return addressOf("page", { page });
}

/** A parameter that is a whole number; `otherwise` if it is missing or invalid. */
export function numberIn(given: URLSearchParams, name: string, otherwise: number): number {
  const text = given.get(name) ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : otherwise;
}

/** The current place; updates when it changes. */
export function useAddress(): Address {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const move = () => setPlace(placeOf(location.hash));
    addEventListener("hashchange", move);
    return () => removeEventListener("hashchange", move);
  }, []);
  return place;
}
