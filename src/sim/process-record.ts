/**
 * What the event loop and the partition compare after every event of a process, by place in its record of
 * `FrameStore.records`. Nothing happens before both `ARRIVAL` and `DEADLINE` unless a frame comes.
 *
 * They are read where they are needed instead of being handed on: V8 makes an object of a number that goes from function to
 * function, unless it is an integer below 2^31: 2 seconds of virtual time.
 */
export const NOW = 0;
/** When the earliest frame arrives; `NEVER` when no input holds one. */
export const ARRIVAL = 1;
/** No timer fires before this; `NEVER` when none is armed. */
export const DEADLINE = 2;
/** The window in which its partition lets it run next; `NEVER` for none. */
export const WAKE_WINDOW = 3;
/** Its fingerprint: how many events were mixed in, and the two lanes. */
export const PRINT_COUNT = 4;
export const PRINT_A = 5;
export const PRINT_B = 6;
