/**
 * What the event loop and the partition compare after every event of a process, by place in its record of
 * `FrameStore.records`. Nothing happens before the earlier of `ARRIVAL` and `DEADLINE`, unless a frame or a command comes.
 *
 * They are read where they are needed instead of being handed on: V8 makes an object of a number that goes from function to
 * function, unless it is an integer below 2^31: 2 seconds of virtual time.
 *
 * Modules that every packet passes make what they import constants of their own (`const { NOW } = ProcessRecord`,
 * `const Ipv4 = { ...Ipv4Codec }`): an imported name is looked up, and what is found checked, at every use, while the
 * compiler knows a constant of the module. So is what a module exports; where it needs that itself, it has it twice, and
 * exports it by its full name (`NONE`, `NO_FRAME`).
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
