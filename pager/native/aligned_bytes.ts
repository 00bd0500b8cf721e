/**
 * Memory that begins at the boundary of a page of the system, as reads past the system's cache
 * need it. It needs no permission: the memories of WebAssembly begin at such boundaries.
 */

/** The size of a page of WebAssembly. */
const PAGE_BYTES = 65_536;
/** The alignment that is enough for every device. */
const ALIGNMENT = 4096;

/** The buffers that begin at a boundary. */
const aligned = new WeakSet<ArrayBufferLike>();

/**
 * Allocates zeroed bytes whose address is a multiple of 4096.
 *
 * Each call reserves some gigabytes of address space, so it is for a few large areas.
 */
export function alignedBytes(length: number): Uint8Array<ArrayBuffer> {
  const pages = Math.ceil(length / PAGE_BYTES);
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return noteAligned(new Uint8Array(buffer as ArrayBuffer, 0, length));
}

/** Notes that the buffer of some bytes begins at such an address. */
export function noteAligned(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  aligned.add(bytes.buffer);
  return bytes;
}

/** Whether bytes from `start` on are known to be at such an address. */
export function isAligned({ buffer, byteOffset }: Uint8Array, start: number): boolean {
  return (byteOffset + start) % ALIGNMENT === 0 && aligned.has(buffer);
}
