/**
 * What V8's optimising compiler can be told where much traffic is to come. It inlines functions up to 920 octets of
 * bytecode into another one, which is half of what a packet passes in a router: small functions, each of which checks the
 * same objects anew when it is called for itself. With four times as much a chain of routers is 1.35 times as fast, a node
 * with all hooks 1.15 times; but a mesh of 50 nodes, which is all control plane, takes 1.25 times the CPU. So a run has it
 * only if whoever starts it says so: `node --max-inlined-bytecode-size-cumulative=4000 dist/cli/main.js run …`.
 */
import { setFlagsFromString } from 'node:v8';

export const INLINED_BYTECODE = 4000;

/** For all threads of this process; from the next function on that gets optimised. */
export function inlineMore(): void {
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${INLINED_BYTECODE}`);
}
