/**
 * What is true of the whole file and stands in no page: the small record that a savepoint copies
 * and a superblock stores.
 */

/** The fields of the record. */
export type MetaFields = Readonly<Omit<Meta, "assign">>;

/** What is true of the whole file and stands in no page. */
export class Meta {
  /** The last committed version. */
  version = 0;
  /** Pages of the file; bytes at or past it are never read. */
  pageCount = 0;
  /** The root page of the catalog, 0 = none yet. */
  catalogRoot = 0;
  /** The next tree gets this number. */
  nextTreeId = 1;
  /** No chunk below it has a free page; it may be too low, never too high. */
  allocatorHint = 0;

  /** Takes over every field of another record. */
  assign(other: MetaFields): void {
    this.version = other.version;
    this.pageCount = other.pageCount;
    this.catalogRoot = other.catalogRoot;
    this.nextTreeId = other.nextTreeId;
    this.allocatorHint = other.allocatorHint;
  }
}
