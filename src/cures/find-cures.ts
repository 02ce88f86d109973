/**
 * Cures are tried, not guessed. What could be changed comes out of what is known of the lab at that point; each is tried
 * on a copy (trial.ts), and only what brings the answer back is offered, with what else it did.
 */
import type { Candidate } from './candidate.ts';
import { type Facts, gather, type Question } from './facts.ts';
import { sessions } from './of-bgp.ts';
import { changes } from './of-changes.ts';
import { ports } from './of-fabric.ts';
import { handmade, machines } from './of-machines.ts';
import { pods } from './of-pods.ts';
import { addresses, masquerading, modes, unexported } from './of-pools.ts';
import { type Complaint, type Cure, tried, whoTalks } from './trial.ts';

/** More than so many ways out help nobody. */
const ENOUGH = 4;
/** A mode of the pool is the last resort: it is tried while there are fewer. */
const FEW = 3;
const TRIALS = 40;

export async function findCures(complaint: Complaint, question: Question): Promise<Cure[]> {
  const facts = await gather(question);
  const before = await whoTalks(question.cluster);
  // What heals by itself proves nothing: whatever is changed meanwhile would look like a cure.
  const patience = await tried(complaint, WAIT, before);
  if (patience !== undefined) return [patience];
  const cures: Cure[] = [];
  const seen = new Set<string>();
  let trials = 0;
  for (const { row, most } of await rows(facts)) {
    for (const candidate of row) {
      const key = candidate.commands.join('\n');
      if (cures.length >= most || trials >= TRIALS || complaint.signal.aborted) break;
      if (seen.has(key)) continue;
      seen.add(key);
      trials++;
      const cure = await tried(complaint, candidate, before);
      if (cure === undefined) continue;
      cures.push(cure);
      break;
    }
  }
  return cures;
}

const WAIT: Candidate = { change: 'nothing: it comes back by itself', commands: [], place: undefined };

interface Row {
  /** The first that helps makes the others superfluous. */
  readonly row: readonly Candidate[];
  /** Tried while there are fewer cures than that. */
  readonly most: number;
}

/** The likeliest first. */
async function rows(facts: Facts): Promise<Row[]> {
  const single = [
    ...ports(facts),
    ...addresses(facts),
    ...(await changes(facts)),
    ...(await handmade(facts)),
    ...(await machines(facts)),
    ...sessions(facts),
    ...masquerading(facts),
    ...unexported(facts),
    ...(await pods(facts)),
  ];
  return [
    ...single.map(candidate => ({ row: [candidate], most: ENOUGH })),
    ...modes(facts).map(row => ({ row, most: FEW })),
  ];
}
