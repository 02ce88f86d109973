/**
 * What the event loop and the partition compare after every event of a process, by place in its record of
 * `FrameStore.records`. Nothing happens before both `ARRIVAL` and `DEADLINE` unless a frame comes.
 *
 * They are read where they are needed instead of being handed on: V8 makes an object of a number that goes from function to
 * function, unless it is an integer below 2^31: 2 seconds of virtual time.
 *
 * Who reads them with every event makes them constants of its own module first: an imported name is looked up each time.
 */
export const NOW = 0;
/** When the earliest frame arrives; `NEVER` when no input holds one. */
export const ARRIVAL = 1;
/** No timer fires before this; `NEVER` when none is armed. */
export const DEADLINE = 2;
/** The window in which its partition lets it run next; `NEVER` for none. */
export const WAKE_WINDOW = 3;
/** Its fingerprint: how many events were mixed in. */
export const PRINT_COUNT = 4;

/** The two lanes of the fingerprint, as words of the record. */
export const PRINT_A = 10;
export const PRINT_B = 11;
/** How many inputs it has; the heap of those that hold frames (input-heap.ts), and how many these are. */
export const INPUTS = 12;
export const HEAP = 13;
export const HEAP_SIZE = 14;
/** Its number in its partition; -1 until that has added it. */
export const NUMBER = 15;
