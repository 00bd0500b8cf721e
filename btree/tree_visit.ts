/**
 * What a walk over a whole tree asks of whoever wants to know how the tree is: it goes on where it
 * can when something is wrong, so that all of it is found and not the first only.
 */

import type { CorruptionError, Frame, PageReader } from "../pager/mod.ts";

/** A tree to be walked. */
export interface TreeSource {
  /** Where its pages are read. */
  readonly reader: PageReader;
  /** Its number. */
  readonly id: number;
  /** Its root page. */
  readonly root: number;
}

/** Hears of what a walk meets. */
export interface TreeVisitor {
  /** A page was reached; whether it is for the first time. */
  reached(page: number): boolean;
  /**
   * A rule is broken.
   *
   * @param isLost Whether what is below, or the value, could not be followed.
   */
  broken(error: CorruptionError, isLost: boolean): void;
  /** A leaf was reached and is sound; it is in a slot of a frame for as long as the call lasts. */
  leaf?(frame: Frame, slot: number, page: number): void;
}

/** What a walk counted. */
export interface TreeFigures {
  /** Levels, 1 = the root is a leaf. */
  depth: number;
  /** Entries in leaves. */
  entries: number;
  /** Leaf pages. */
  leaves: number;
  /** Branch pages. */
  branches: number;
}
