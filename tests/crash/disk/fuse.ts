/**
 * The part of the FUSE protocol that a folder with one file needs, whose bytes are somebody else's:
 * requests of the kernel are taken apart, and answered. Reads and writes of the file pass by the
 * system's cache, and a sync is a call of its own.
 *
 * The protocol is that of `include/uapi/linux/fuse.h`, version 7.31, little-endian.
 */

/** Holds the bytes of the file. */
export interface Medium {
  /** The length of the file, in bytes. */
  readonly bytes: number;
  /** Copies bytes of the file. */
  read(position: number, target: Uint8Array): void;
  /** Changes bytes of the file. */
  write(position: number, source: Uint8Array): void;
  /** Everything written before is to last. */
  sync(): void;
}

/** The name of the file. */
export const FILE_NAME = "disk";
/** A request is never longer. */
export const REQUEST_BYTES = 132 * 1024;

const WRITE_BYTES_MAX = 128 * 1024;
const BLOCK_BYTES = 4096;
/** The bytes before the body of a request, of an answer, and before the bytes of a write. */
const HEADER_BYTES = 40;
const ANSWER_BYTES = 16;
const WRITE_HEAD_BYTES = 40;
/** The bytes of the answers to a beginning and an open, of attributes, and before these. */
const BEGINNING_BYTES = 64;
const OPENED_BYTES = 16;
const ATTRIBUTES_BYTES = 88;
const ENTRY_HEAD_BYTES = 40;
const ATTRIBUTES_HEAD_BYTES = 16;
const ROOT = 1n;
const FILE = 2n;
const FOLDER_MODE = 0o040700;
const FILE_MODE = 0o100600;
const SECTOR_BYTES = 512n;
/** Attributes stay valid for as long as anybody wants them: nothing changes but bytes. */
const VALID_S = 3600n;
const DIRECT_IO = 1;
const BIG_WRITES = 1 << 5;
const MAX_PAGES = 1 << 22;
const ERROR = { noEntry: 2, isFolder: 21, unsupported: 38 } as const;
const OPERATION = {
  lookup: 1,
  forget: 2,
  getAttributes: 3,
  setAttributes: 4,
  open: 14,
  read: 15,
  write: 16,
  release: 18,
  sync: 20,
  flush: 25,
  begin: 26,
  openFolder: 27,
  releaseFolder: 29,
  access: 34,
  interrupt: 36,
  forgetMany: 42,
} as const;

/** Answers a request; undefined if it is one that nobody answers. */
export function answer(request: Uint8Array, medium: Medium): Uint8Array | undefined {
  const view = new DataView(request.buffer, request.byteOffset, request.byteLength);
  const operation = view.getUint32(4, true);
  const unique = view.getBigUint64(8, true);
  const node = view.getBigUint64(16, true);
  const body = new DataView(view.buffer, view.byteOffset + HEADER_BYTES);
  switch (operation) {
    case OPERATION.forget:
    case OPERATION.forgetMany:
    case OPERATION.interrupt:
      return undefined;
    case OPERATION.begin:
      return answerOf(unique, beginning(body));
    case OPERATION.lookup:
      return nameIn(body) === FILE_NAME
        ? answerOf(unique, entry(medium))
        : failure(unique, ERROR.noEntry);
    case OPERATION.getAttributes:
    case OPERATION.setAttributes:
      return answerOf(unique, attributeAnswer(node, medium));
    case OPERATION.open:
    case OPERATION.openFolder:
      return answerOf(unique, opened());
    case OPERATION.read:
      return node === FILE
        ? answerOf(unique, bytesRead(body, medium))
        : failure(unique, ERROR.isFolder);
    case OPERATION.write:
      return answerOf(unique, written(request, body, medium));
    case OPERATION.sync:
      medium.sync();
      return answerOf(unique, new Uint8Array(0));
    case OPERATION.flush:
    case OPERATION.release:
    case OPERATION.releaseFolder:
    case OPERATION.access:
      return answerOf(unique, new Uint8Array(0));
    default:
      return failure(unique, ERROR.unsupported);
  }
}

function answerOf(unique: bigint, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ANSWER_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setBigUint64(8, unique, true);
  bytes.set(body, ANSWER_BYTES);
  return bytes;
}

function failure(unique: bigint, error: number): Uint8Array {
  const bytes = answerOf(unique, new Uint8Array(0));
  new DataView(bytes.buffer).setInt32(4, -error, true);
  return bytes;
}

/** What both sides agree on at the beginning. */
function beginning(body: DataView): Uint8Array {
  const bytes = new Uint8Array(BEGINNING_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 7, true);
  view.setUint32(4, 31, true);
  view.setUint32(8, body.getUint32(8, true), true);
  view.setUint32(12, (BIG_WRITES | MAX_PAGES) & body.getUint32(12, true), true);
  view.setUint16(16, 16, true);
  view.setUint16(18, 12, true);
  view.setUint32(20, WRITE_BYTES_MAX, true);
  view.setUint32(24, 1, true);
  view.setUint16(28, WRITE_BYTES_MAX / BLOCK_BYTES, true);
  return bytes;
}

function nameIn(body: DataView): string {
  const bytes = new Uint8Array(body.buffer, body.byteOffset);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

function entry(medium: Medium): Uint8Array {
  const bytes = new Uint8Array(ENTRY_HEAD_BYTES + ATTRIBUTES_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, FILE, true);
  view.setBigUint64(16, VALID_S, true);
  view.setBigUint64(24, VALID_S, true);
  writeAttributes(new DataView(bytes.buffer, ENTRY_HEAD_BYTES), FILE, medium);
  return bytes;
}

function attributeAnswer(node: bigint, medium: Medium): Uint8Array {
  const bytes = new Uint8Array(ATTRIBUTES_HEAD_BYTES + ATTRIBUTES_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, VALID_S, true);
  writeAttributes(new DataView(bytes.buffer, ATTRIBUTES_HEAD_BYTES), node, medium);
  return bytes;
}

function writeAttributes(view: DataView, node: bigint, medium: Medium): void {
  const length = node === ROOT ? 0n : BigInt(medium.bytes);
  view.setBigUint64(0, node, true);
  view.setBigUint64(8, length, true);
  view.setBigUint64(16, length / SECTOR_BYTES, true);
  view.setUint32(60, node === ROOT ? FOLDER_MODE : FILE_MODE, true);
  view.setUint32(64, node === ROOT ? 2 : 1, true);
  view.setUint32(80, BLOCK_BYTES, true);
}

function opened(): Uint8Array {
  const bytes = new Uint8Array(OPENED_BYTES);
  new DataView(bytes.buffer).setUint32(8, DIRECT_IO, true);
  return bytes;
}

function bytesRead(body: DataView, medium: Medium): Uint8Array {
  const position = Number(body.getBigUint64(8, true));
  const length = Math.min(body.getUint32(16, true), medium.bytes - position);
  const bytes = new Uint8Array(Math.max(0, length));
  medium.read(position, bytes);
  return bytes;
}

function written(request: Uint8Array, body: DataView, medium: Medium): Uint8Array {
  const position = Number(body.getBigUint64(8, true));
  const length = body.getUint32(16, true);
  const begin = HEADER_BYTES + WRITE_HEAD_BYTES;
  medium.write(position, request.subarray(begin, begin + length));
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, length, true);
  return bytes;
}
