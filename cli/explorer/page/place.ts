/**
 * Where the page is: a view and what it shows, in the address behind `#`, so that a place can be
 * kept, linked to and gone back from.
 */

import { useEffect, useState } from "preact/hooks";

/** The views, in order, and what they are called. */
export const VIEWS = [
  ["file", "File"],
  ["page", "Page"],
  ["descent", "Descent"],
  ["cache", "Cache"],
  ["journal", "Journal"],
  ["what-if", "What if"],
] as const;

/** The name of a view. */
export type ViewName = typeof VIEWS[number][0];

/** A place. */
export interface Place {
  /** The view. */
  readonly view: ViewName;
  /** What it shows. */
  readonly given: URLSearchParams;
}

/** The place that an address names; the file where it names none. */
export function placeOf(hash: string): Place {
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

/** A whole number that a place gives, or another. */
export function numberIn(given: URLSearchParams, name: string, otherwise: number): number {
  const text = given.get(name) ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : otherwise;
}

/** The place, as it changes. */
export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const move = () => setPlace(placeOf(location.hash));
    addEventListener("hashchange", move);
    return () => removeEventListener("hashchange", move);
  }, []);
  return place;
}
