/**
 * What a link counts and compares with every frame, by place in the records of its two ends in `FrameStore.records`: a
 * cache line each, side by side where both ends live on one worker.
 */

/** The transmitter's, times in ns: when the wire is free again. */
export const BUSY = 0;
/** What is left of the last division, in ns / `RATE_BPS`: rounding per frame would drift a millisecond in 12 s at 10 Gbit/s. */
export const REMAINDER = 1;
export const SENT_FRAMES = 2;
/** Of frames as they are, without FCS, preamble and gap. */
export const SENT_OCTETS = 3;
export const RATE_BPS = 4;
export const DELAY = 5;
/** How long a frame may wait at most. */
export const QUEUE_LIMIT = 6;
/** Words: the sender's record, and the input's, or `NO_INPUT` when only `Transmitter.transmit` knows what becomes of a frame. */
export const SENDER = 14;
export const INPUT = 15;

export const NO_INPUT = -1;

/** The input's: tie-break among frames of one instant, source process, then link. */
export const ORDER = 0;
/** The rest of it are words: the queue's oldest frame, or `NO_FRAME`, and its youngest. */
export const HEAD = 2;
export const TAIL = 3;
/** The receiver's number for this link. */
export const JACK = 4;
/** The receiver's record. */
export const RECEIVER = 5;
