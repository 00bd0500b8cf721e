/**
 * The file of the flight model, as cells that are written whole: batches, pages and superblocks.
 *
 * A cell is on the medium once a sync that began after its write has ended. Until then a power cut
 * leaves it with any of the values written since, or with the one before. State is plain data, so
 * that a search can copy and compare it.
 */

/** A batch of the journal; an empty one has no records. */
export interface Batch {
  readonly generation: number;
  readonly sequence: number;
  /** The last sequence known to be on the medium when it was written. */
  readonly durable: number;
  /** The version of its last commit. */
  readonly version: number;
  readonly records: readonly PageRecord[];
}

/** The version that a commit gives to a page. */
export interface PageRecord {
  readonly page: number;
  readonly version: number;
  /** Whether the page was written before, so that the record does not have its bytes. */
  readonly isBypassed: boolean;
}

/** A copy of the superblock. */
export interface Superblock {
  readonly number: number;
  readonly isClean: boolean;
  /** The place of each area. */
  readonly places: readonly [number, number];
  /** The slots of each area that recovery reads. */
  readonly lengths: readonly [number, number];
  /** Where replay begins. */
  readonly generation: number;
  readonly sequence: number;
  readonly version: number;
}

/** The value of a cell; a page is its version, and null is what no sum fits. */
export type Value = Batch | Superblock | number | null;

/** A cell, with the writes that the medium may lack. */
interface Cell {
  value: Value;
  writes: Value[];
  /** How many of the writes the sync in flight covers. */
  started: number;
}

/** The cells of a file by name. */
export type Medium = Record<string, Cell>;

/** What a power cut leaves: one value for each cell. */
export type Image = Record<string, Value>;

/** Adds a cell that is on the medium. */
export function addCell(medium: Medium, name: string, value: Value): void {
  medium[name] = { value, writes: [], started: 0 };
}

/** Writes a cell; with `through` it is on the medium at once. */
export function write(medium: Medium, name: string, value: Value, through = false): void {
  const cell = medium[name];
  if (cell === undefined) throw new Error(`the model has no cell ${name}`);
  if (through) addCell(medium, name, value);
  else cell.writes.push(value);
}

/** Empties the cells whose names begin with a prefix. */
export function clear(medium: Medium, prefix: string): void {
  for (const [name, { value, writes }] of Object.entries(medium)) {
    if (name.startsWith(prefix) && (value !== null || writes.length > 0)) write(medium, name, null);
  }
}

/** Takes all writes to the medium. */
export function sync(medium: Medium): void {
  for (const cell of Object.values(medium)) settle(cell, cell.writes.length);
}

/** Begins a sync of all writes up to now. */
export function startSync(medium: Medium): void {
  for (const cell of Object.values(medium)) cell.started = cell.writes.length;
}

/** Ends the sync that was started. */
export function endSync(medium: Medium): void {
  for (const cell of Object.values(medium)) settle(cell, cell.started);
}

/** Fails as the sync that was started may: what it covers never reaches the medium. */
export function forgetSync(medium: Medium): void {
  for (const cell of Object.values(medium)) {
    cell.writes.splice(0, cell.started);
    cell.started = 0;
  }
}

function settle(cell: Cell, count: number): void {
  if (count > 0) cell.value = cell.writes[count - 1]!;
  cell.writes.splice(0, count);
  cell.started = 0;
}

/** Calls back with each image that a power cut may leave. The image is reused. */
export function forEachImage(medium: Medium, visit: (image: Image) => void): void {
  const image: Image = {};
  const open: string[] = [];
  for (const [name, cell] of Object.entries(medium)) {
    image[name] = cell.value;
    if (cell.writes.length > 0) open.push(name);
  }
  const choose = (i: number): void => {
    const name = open[i];
    if (name === undefined) return visit(image);
    const { value, writes } = medium[name]!;
    for (const choice of [value, ...writes]) {
      image[name] = choice;
      choose(i + 1);
    }
  };
  choose(0);
}
