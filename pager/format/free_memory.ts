/**
 * Frees the memory of large arrays at once.
 *
 * The garbage collector hardly counts memory outside its heap. A database that once used much
 * memory, and then little, would keep it as long as the program runs. The memory goes back to the
 * system's allocator, which decides whether the process keeps it for later arrays.
 */

/** Frees the memory of an array that is no longer used. All views of it become empty. */
export function freeMemory({ buffer }: ArrayBufferView<ArrayBuffer>): void {
  buffer.transfer(0);
}
