/** Octets in front: the C library puts large buffers 16 behind a page. */
const FRONT = 48;

/** `words` 32-bit words, all 0, the first of them at the beginning of a cache line. Memory that nobody touched costs nothing. */
export const cacheLines = (words: number): Int32Array =>
  new Int32Array(new ArrayBuffer(FRONT + 4 * words), FRONT);
