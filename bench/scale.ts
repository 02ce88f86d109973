/** What many nodes cost: the leaf-spine network with 288 and 1200 of them, where the caches hold one no more. */

import { MICROSECOND } from '../src/sim/time.ts';
import { type LeafSpineShape, measure } from './leaf-spine.ts';
import type { Sampling } from './sampling.ts';

const SHAPES: readonly LeafSpineShape[] = [
  { spines: 8, leaves: 28, hosts: 252, delay: 10 * MICROSECOND },
  { spines: 24, leaves: 56, hosts: 1120, delay: 10 * MICROSECOND },
];

export const cases = SHAPES.map(shape => ({
  name: `nodes-${shape.spines + shape.leaves + shape.hosts}`,
  run: (sampling: Sampling) => measure(shape, sampling),
}));
