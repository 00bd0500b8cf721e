/**
 * The facts about the whole file that no page holds, in a small record: savepoints copy it, and
 * superblocks store it.
 */

/** The fields of the record. */
export type MetaFields = Readonly<Omit<Meta, "assign">>;

/** The facts about the whole file that no page holds. */
export class Meta {
  /** The last committed version. */
  version = 0;
  /** The number of pages of the file; bytes at or past it are never read. */
  pageCount = 0;
  /** The root page of the catalog, 0 = none yet. */
  catalogRoot = 0;
  /** The number that the next new tree gets. */
  nextTreeId = 1;
  /** No chunk below it has a free page; it may be too low, but is never too high. */
  allocatorHint = 0;

  /** Copies every field of another record. */
  assign(other: MetaFields): void {
    this.version = other.version;
    this.pageCount = other.pageCount;
    this.catalogRoot = other.catalogRoot;
    this.nextTreeId = other.nextTreeId;
    this.allocatorHint = other.allocatorHint;
  }
}
