/**
 * Why a packet does not get through, and what helps: the scenario is run to the point in question, one probe is sent and
 * explained hop by hop, and if something is wrong cures are tried on copies of that very point.
 */
import * as Prefix from '../addr/prefix.ts';
import { NoSuchParty } from '../controller/cluster.ts';
import { PATIENCE, type ProbeOptions, type ProbeOutcome } from '../controller/probes.ts';
import { type Explanation, explain } from '../explain/explanation.ts';
import { Lab } from '../lab.ts';
import type { Journal } from '../parallel/journal.ts';
import type { Scenario } from '../scenario/types.ts';
import type { VirtualTime } from '../sim/time.ts';
import { findCures } from './find-cures.ts';
import type { Complaint, Cure } from './trial.ts';

export interface Request {
  readonly scenario: Scenario;
  readonly from: string;
  readonly to: string;
  readonly what: ProbeOptions;
  /** How many of the scenario's steps come first. */
  readonly steps: number | 'all';
  /** Look at the run of these steps at this time; undefined: when they are done. */
  readonly at: VirtualTime | undefined;
  readonly seed: number;
  /** Look for cures, too. */
  readonly cures: boolean;
  readonly signal: AbortSignal;
}

export interface Diagnosis {
  /** When the question was asked. */
  readonly at: VirtualTime;
  /** Undefined when nothing could be sent. */
  readonly explanation: Explanation | undefined;
  /** Pods among the two that have no address, and why. */
  readonly pending: readonly Pending[];
  /** What is to be cured; undefined: nothing is wrong. */
  readonly complaint: Complaint['kind'] | undefined;
  readonly cures: readonly Cure[];
}

export interface Pending {
  readonly name: string;
  readonly message: string;
}

/** Hears what is found before cures are tried, which takes longer. */
export type Listener = (found: Omit<Diagnosis, 'cures'>) => void;

/** Throws `NoSuchParty` for names that nobody has. */
export async function diagnose(request: Request, found: Listener = () => {}): Promise<Diagnosis> {
  const lab = await labAt(request);
  try {
    const at = lab.now;
    const { from, to, what, signal } = request;
    const journal = lab.journal!;
    const pending = await pendingPods(lab, [from, to]);
    const outcome =
      pending.length > 0 ? undefined : await lab.ping(from, to, { ...what, patience: PATIENCE });
    const explanation = outcome && (await explain(lab.cluster, outcome, what));
    const complaint = await complaintOf(lab, outcome, explanation);
    found({ at, explanation, pending, complaint });
    if (complaint === undefined || !request.cures) return { at, explanation, pending, complaint, cures: [] };
    const cures = await findCures(
      { kind: complaint, lab, journal, at, from, to, what, signal },
      {
        cluster: lab.cluster,
        journal,
        what,
        sent: outcome && explanation && { outcome, explanation },
        pending: pending.map(each => each.name),
      },
    );
    return { at, explanation, pending, complaint, cures };
  } finally {
    await lab.close();
  }
}

/** The lab at the point in question, with a journal of how it got there. */
async function labAt({ scenario, steps, at, seed, signal }: Request): Promise<Lab> {
  const lab = await Lab.of(scenario, { workers: 0, seed, signal, record: true });
  await lab.runFirst(steps);
  if (at === undefined) return lab;
  if (at >= lab.now) {
    await lab.run({ until: at });
    return lab;
  }
  const journal = lab.journal!;
  await lab.close();
  return Lab.replayed(scenario, upTo(journal, at), at, { workers: 0, seed, signal, record: true });
}

const upTo = ({ entries, outcomes }: Journal, at: VirtualTime): Journal => {
  const kept = entries.filter(entry => entry.at <= at);
  return { entries: kept, outcomes: outcomes.slice(0, kept.length), end: at };
};

async function pendingPods(lab: Lab, names: readonly string[]): Promise<Pending[]> {
  const pending: Pending[] = [];
  for (const name of names) {
    try {
      await lab.party(name);
    } catch (error) {
      if (!(error instanceof NoSuchParty)) throw error;
      const [space, pod] = name.includes('/') ? name.split('/') : ['default', name];
      const found = await lab.cluster.find('Pod', pod!, space);
      if (found === undefined) throw error;
      const message = found.status?.message ?? `it is ${found.status?.phase ?? 'Pending'}`;
      pending.push({ name, message });
    }
  }
  return pending;
}

async function complaintOf(
  lab: Lab,
  outcome: ProbeOutcome | undefined,
  explanation: Explanation | undefined,
): Promise<Complaint['kind'] | undefined> {
  if (outcome === undefined || explanation === undefined) return 'no-address';
  if (!explanation.answered) {
    const { death, from } = explanation;
    // What its own device does not take is the sender's own doing.
    if (death?.reason === 'MTU_EXCEEDED_DF')
      return death.at === from.name && death.limit !== undefined ? undefined : 'too-big';
    return 'silent';
  }
  return (await isDetour(lab, outcome)) ? 'detour' : undefined;
}

/** CrossSubnet, and yet a tunnel inside of a subnet. */
async function isDetour(lab: Lab, { from, to, way }: ProbeOutcome): Promise<boolean> {
  if (way !== 'tunl0' && way !== 'vxlan.calico') return false;
  const { nodes } = lab.scenario.fabric;
  const [a, b] = [from, to].map(party => nodes.find(node => node.name === party.machine)?.subnet);
  if (a === undefined || a !== b) return false;
  const pools = await lab.cluster.list('IPPool');
  const pool = pools.find(each => Prefix.contains(Prefix.from(each.spec.cidr), to.address));
  return (way === 'tunl0' ? pool?.spec.ipipMode : pool?.spec.vxlanMode) === 'CrossSubnet';
}
