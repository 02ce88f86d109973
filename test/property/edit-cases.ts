/** Arbitrary edits: which scenario, which kind, and the numbers that choose among its targets. */
import fc from 'fast-check';
import type { Case } from './edit-trial.ts';

export const aCase: fc.Arbitrary<Case> = fc.record({
  base: fc.nat(999),
  kind: fc.nat(999),
  draws: fc.array(fc.nat(999), { minLength: 6, maxLength: 6 }),
});
