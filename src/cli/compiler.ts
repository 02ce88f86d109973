/**
 * What V8's optimising compiler is told. By itself it inlines functions of up to 920 octets of bytecode into another one,
 * which is half of what a packet passes in a router: small functions, each of which checks the same objects anew when it is
 * called for itself. With twice as much a chain of routers, a TCP transfer and a node with all hooks are 1.15 to 1.3
 * times as fast; a mesh of 50 nodes, which is all control plane, takes 1.06 times the CPU. Calls are taken in that happen once in 20
 * times, not in 7: with hundreds of nodes another 1.1. DECISIONS.md has the figures.
 */
import { setFlagsFromString } from 'node:v8';

/** Octets of bytecode. */
export const INLINED_BYTECODE = 2000;

/** Of the runs of a function, the share in which a call must happen to be taken in. */
const LEAST_FREQUENCY = 0.05;

/** For all threads of this process; from the next function on that gets optimised. */
export function inlineMore(): void {
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${INLINED_BYTECODE}`);
  setFlagsFromString(`--min-inlining-frequency=${LEAST_FREQUENCY}`);
}
