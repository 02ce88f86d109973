/**
 * What V8's optimising compiler is told. By itself it inlines functions of up to 920 octets of bytecode into another one,
 * which is a third of what a packet passes in a router: small functions, each of which checks the same objects anew when
 * it is called for itself. And calls are taken in that happen once in 50 times, not in 7: a router's first packets, by
 * which it is compiled, take another way than all others. What that costs in compiling is saved by compiling later what
 * runs for a second only: a control plane. DECISIONS.md has the figures.
 */
import { setFlagsFromString } from 'node:v8';

/** Octets of bytecode. */
export const INLINED_BYTECODE = 3500;

/** Functions of so many octets are taken in whatever that adds up to: accessors, and what reads a field of a record. */
const SMALL_BYTECODE = 60;

/** Of the runs of a function, the share in which a call must happen to be taken in. */
const MIN_INLINING_FREQUENCY = 0.02;

/** Octets of bytecode that a function runs before it may be optimised: twice V8's own. */
const INTERRUPT_BUDGET = 270_336;

/** For all threads of this process; from the next function on that gets optimised. */
export function inlineMore(): void {
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${INLINED_BYTECODE}`);
  setFlagsFromString(`--max-inlined-bytecode-size-small=${SMALL_BYTECODE}`);
  setFlagsFromString(`--min-inlining-frequency=${MIN_INLINING_FREQUENCY}`);
  setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
}
