/**
 * The arithmetic of pages: the offset of a page, its chunk, its extent and its header.
 */

/** The measures of a file's format. */
export interface Measures {
  readonly pageBytes: number;
  readonly chunkPages: number;
  readonly extentPages: number;
  readonly headerBytes: number;
}

/** One line of the arithmetic: a name, a formula, and its result. */
export interface Sum {
  readonly name: string;
  readonly formula: string;
  readonly result: number;
}

/** The position of a page, line by line. */
export function sumsOf(page: number, measures: Measures): Sum[] {
  const { pageBytes, chunkPages, extentPages, headerBytes } = measures;
  const chunk = Math.floor(page / chunkPages);
  const slot = page % chunkPages;
  const extent = Math.floor(page / extentPages);
  const headers = chunk * chunkPages;
  const shift = (number: number) => Math.log2(number);
  return [
    { name: "chunk", formula: `${page} >> ${shift(chunkPages)}`, result: chunk },
    { name: "slot in the chunk", formula: `${page} & ${chunkPages - 1}`, result: slot },
    { name: "extent", formula: `${page} >> ${shift(extentPages)}`, result: extent },
    { name: "page begins at byte", formula: `${page} x ${pageBytes}`, result: page * pageBytes },
    { name: "its header page", formula: `${chunk} << ${shift(chunkPages)}`, result: headers },
    {
      name: "header begins at byte",
      formula: `${headers} x ${pageBytes} + ${slot} x ${headerBytes}`,
      result: headers * pageBytes + slot * headerBytes,
    },
    {
      name: "extent begins at byte",
      formula: `${extent} x ${extentPages} x ${pageBytes}`,
      result: extent * extentPages * pageBytes,
    },
    {
      name: "chunk begins at byte",
      formula: `${chunk} x ${chunkPages} x ${pageBytes}`,
      result: chunk * chunkPages * pageBytes,
    },
  ];
}

/** The tile sizes of a map, as powers of two: a page, an extent, a chunk, and more. */
const SHIFTS = [0, 1, 3, 5, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28];

/** The smallest tile size at which the whole file fits the map. */
export function fittingShift(pages: number, tiles: number): number {
  return SHIFTS.find((shift) => Math.ceil(pages / 2 ** shift) <= tiles) ?? SHIFTS.at(-1)!;
}

/** The next smaller tile size. */
export function smallerShift(shift: number): number {
  return SHIFTS.findLast((other) => other < shift) ?? 0;
}

/** The next larger tile size. */
export function largerShift(shift: number): number {
  return SHIFTS.find((other) => other > shift) ?? shift;
}
