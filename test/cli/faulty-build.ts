/** Builds a lab's processes as ever, but k8s-w1 throws at 3 s of virtual time: a mistake of ours, for tests. */
import { makers as sound } from '../../src/cluster/build.ts';
import type { Build, Makers } from '../../src/parallel/lab-spec.ts';
import { SECOND } from '../../src/sim/time.ts';

const faulty =
  (build: Build): Build =>
  (spec, lab, habitat) => {
    const process = build(spec, lab, habitat);
    if (spec.name !== 'k8s-w1') return process;
    const breakDown = (): void => {
      throw new Error('the route to nowhere');
    };
    process.timer(breakDown).arm(3 * SECOND);
    return process;
  };

export const makers: Makers = { ...sound, node: () => sound.node!().then(faulty) };
