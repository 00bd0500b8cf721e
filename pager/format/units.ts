/**
 * A type for each kind of number that identifies something in a file.
 *
 * A plain number is assignable to any of these types, so arithmetic needs no cast. They are not
 * assignable to each other: a slot in place of a page number is a type error. At run time all are
 * numbers.
 */

/** The number of a page: its position in the file in pages. */
export type PageNumber = number & { readonly unit?: "page" };
/** The number of a chunk: its position in the file in chunks. */
export type ChunkNumber = number & { readonly unit?: "chunk" };
/** The position of a page in its chunk or frame, 0 to 255. */
export type Slot = number & { readonly unit?: "slot" };
/** A page in memory: the number of its frame and its slot there. */
export type Place = number & { readonly unit?: "place" };
/** The number of a commit. */
export type Version = number & { readonly unit?: "version" };
