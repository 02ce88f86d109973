/** Builds a lab's processes as ever, but k8s-w1 throws at 3 s of virtual time: a mistake of ours, for tests. */
import { build as buildSound } from '../../src/cluster/build.ts';
import type { Build } from '../../src/parallel/simulation.ts';
import { SECOND } from '../../src/sim/time.ts';

export const build: Build = (spec, lab, habitat) => {
  const process = buildSound(spec, lab, habitat);
  if (spec.name !== 'k8s-w1') return process;
  const breakDown = (): void => {
    throw new Error('the route to nowhere');
  };
  process.timer(breakDown).arm(3 * SECOND);
  return process;
};
