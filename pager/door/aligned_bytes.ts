/**
 * Memory that begins at the boundary of a page of the system, as reads past the system's cache
 * need it. It needs no permission: the memories of WebAssembly begin at such boundaries.
 */

/** The size of a page of WebAssembly. */
const PAGE_BYTES = 65_536;

/**
 * Allocates zeroed bytes whose address is a multiple of 4096.
 *
 * Each call reserves some gigabytes of address space, so it is for a few large areas.
 */
export function alignedBytes(length: number): Uint8Array {
  const pages = Math.ceil(length / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return new Uint8Array(memory.buffer, 0, length);
}
