/**
 * What differs between two scenarios: in their files, and in what becomes of them. Where both have the same fabric, the
 * second one's resources are applied to the running lab of the first, as an operator would do, while a flow between
 * every pair that talks is watched; and each pair that is lost is asked which change, taken back, returns it. Where the
 * fabrics differ, two labs are compared.
 */
import { type Cluster, NoSuchParty } from '../controller/cluster.ts';
import type { Convergence } from '../controller/convergence.ts';
import type { Party, ProbeOutcome } from '../controller/probes.ts';
import { Lab } from '../lab.ts';
import type { Scenario } from '../scenario/types.ts';
import { SECOND, type VirtualTime } from '../sim/time.ts';
import { type StateChange, stateChanges } from '../snapshot/state-changes.ts';
import { dropReasons } from '../trace/drop-reason.ts';
import { applyChanges, type Refusal, redo, type Undoable, undo, undoables } from './live-change.ts';
import { type Observation, observe, type PairView } from './observation.ts';
import { Flows, type PairOutage, settledOutages } from './outages.ts';
import { type FieldChange, type ResourceChange, resourceChanges } from './resource-changes.ts';

export interface DiffTask {
  readonly before: Scenario;
  readonly after: Scenario;
  /** What differs in the scenario files beside resources and steps: then there is nothing to apply. */
  readonly fabric: readonly FieldChange[];
  /** In place of the scenarios' own. */
  readonly seed: number | undefined;
  /** How the labs get to where they are compared. */
  readonly prepare: (lab: Lab) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface LabDiff {
  readonly live: boolean;
  /** What the first lab still lacked when it was looked at: sessions that do not come up. */
  readonly unsettled: readonly string[];
  readonly fabric: readonly FieldChange[];
  readonly resources: readonly ResourceChange[];
  readonly refusals: readonly Refusal[];
  readonly tables: readonly StateChange[];
  readonly pairs: readonly PairChange[];
  readonly talking: Talking;
  readonly outages: readonly PairOutage[];
  readonly lost: readonly LostPair[];
  /** Of the change when it was made live. */
  readonly convergence: {
    readonly convergedInNs: VirtualTime | undefined;
    readonly missing: readonly string[];
  };
}

/** Pairs that talk, and all that were asked. */
export interface Talking {
  readonly before: number;
  readonly pairsBefore: number;
  readonly after: number;
  readonly pairsAfter: number;
}

export interface PairChange {
  readonly pair: string;
  /** Undefined: one of the two is not there. */
  readonly before: PairView | undefined;
  readonly after: PairView | undefined;
}

export interface LostPair {
  readonly pair: string;
  readonly fate: string;
  /** Why it died, in a sentence. */
  readonly sentence: string | undefined;
  /** The smallest change that, taken back, brought it back when that was tried. */
  readonly because: Undoable | undefined;
}

/** A route that is withdrawn, a pool that is drained, a hold time: longer than all of them. */
const PATIENCE = 300 * SECOND;
/** Flows are watched for so long at most: hundreds of probes a second cost more than a quiet lab. */
const WATCHED = 60 * SECOND;
/** Each is a change made and taken back in the lab. */
const TRIALS = 16;

export async function diffLabs(task: DiffTask): Promise<LabDiff> {
  const { before, after, fabric } = task;
  const resources = resourceChanges(before, after);
  const lab = await bootLab(task, before);
  try {
    const { missing: unsettled } = await lab.converge(0);
    const old = await observe(lab.cluster);
    if (fabric.length > 0) {
      const other = await bootLab(task, after);
      try {
        const now = await observe(other.cluster);
        const found = compared(old, now);
        const lost = lostPairs(old, now, []);
        return { ...STILL, ...found, unsettled, live: false, fabric, resources, lost };
      } finally {
        await other.close();
      }
    }
    const common = { unsettled, fabric, resources };
    if (resources.length === 0) return { ...STILL, ...compared(old, old), ...common, live: true };
    return { ...common, ...(await changeLive(lab, resources, old, task.signal)) };
  } finally {
    await lab.close();
  }
}

const STILL = {
  refusals: [],
  outages: [],
  lost: [],
  convergence: { convergedInNs: undefined, missing: [] },
};

async function bootLab({ seed, prepare, signal }: DiffTask, scenario: Scenario): Promise<Lab> {
  const lab = await Lab.of(scenario, { workers: 0, signal, ...(seed !== undefined && { seed }) });
  try {
    await prepare(lab);
    return lab;
  } catch (error) {
    await lab.close();
    throw error;
  }
}

async function changeLive(
  lab: Lab,
  resources: readonly ResourceChange[],
  old: Observation,
  signal: AbortSignal,
): Promise<Omit<LabDiff, 'unsettled' | 'fabric' | 'resources'>> {
  const { cluster } = lab;
  const flows = await Flows.begin(cluster, old.outcomes);
  const begun = lab.now;
  const refusals = await applyChanges(cluster, resources);
  await lab.converge(WATCHED);
  const watched = await flows.end(begun);
  const settled = await settle(lab);
  const now = await observe(cluster);
  const outages = settledOutages(watched, pair => now.pairs.get(pair)?.answered === true);
  const causes = await blame(lab, resources, cutOff(old, now), signal);
  const { converged, at, missing } = settled;
  return {
    ...compared(old, now),
    live: true,
    refusals,
    outages,
    lost: lostPairs(old, now, causes),
    convergence: { convergedInNs: converged ? Math.max(0, at - begun) : undefined, missing },
  };
}

const settle = (lab: Lab): Promise<Convergence> => lab.converge(PATIENCE);

function compared(old: Observation, now: Observation) {
  const keys = [...new Set([...old.pairs.keys(), ...now.pairs.keys()])];
  const pairs = keys
    .map((pair): PairChange => ({ pair, before: old.pairs.get(pair), after: now.pairs.get(pair) }))
    .filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after));
  const talk = ({ pairs: all }: Observation): number => [...all.values()].filter(p => p.answered).length;
  return {
    tables: stateChanges(old.state, now.state),
    pairs,
    talking: {
      before: talk(old),
      pairsBefore: old.pairs.size,
      after: talk(now),
      pairsAfter: now.pairs.size,
    },
  };
}

/** Pairs that talked, and do not. */
const cutOff = (old: Observation, now: Observation): ProbeOutcome[] =>
  now.outcomes.filter(
    ({ from, to, result }) =>
      !result.answered && old.pairs.get(`${from.name} -> ${to.name}`)?.answered === true,
  );

interface Cause {
  readonly pair: string;
  readonly because: Undoable;
}

function lostPairs(old: Observation, now: Observation, causes: readonly Cause[]): LostPair[] {
  return cutOff(old, now).map(({ from, to, died }) => {
    const pair = `${from.name} -> ${to.name}`;
    return {
      pair,
      fate: now.pairs.get(pair)!.fate,
      sentence: died === undefined ? undefined : dropReasons[died.reason].sentence,
      because: causes.find(cause => cause.pair === pair)?.because,
    };
  });
}

/** Take one change after the other back, in the same lab, and see who talks again; then make it again. */
async function blame(
  lab: Lab,
  resources: readonly ResourceChange[],
  lost: readonly ProbeOutcome[],
  signal: AbortSignal,
): Promise<Cause[]> {
  const causes: Cause[] = [];
  for (const undoable of undoables(resources).slice(0, TRIALS)) {
    const open = lost.filter(
      ({ from, to }) => !causes.some(({ pair }) => pair === `${from.name} -> ${to.name}`),
    );
    if (open.length === 0 || signal.aborted) break;
    if (!(await undo(lab.cluster, undoable))) continue;
    await settle(lab);
    const again = await lab.cluster.probe(await present(lab.cluster, open));
    for (const { from, to, result } of again)
      if (result.answered) causes.push({ pair: `${from.name} -> ${to.name}`, because: undoable });
    await redo(lab.cluster, undoable);
    await settle(lab);
  }
  return causes;
}

/** Those pairs of which both are there, at the addresses that they have now. */
async function present(cluster: Cluster, outcomes: readonly ProbeOutcome[]) {
  const now = async ({ name, machine, namespace, address }: Party): Promise<Party> => {
    if (namespace === '') return { name, machine, namespace, address };
    const [space, pod] = namespace.split('/') as [string, string];
    return { ...(await cluster.party({ kind: 'pod', namespace: space, name: pod })), name };
  };
  const pairs: (readonly [Party, Party])[] = [];
  for (const { from, to } of outcomes) {
    try {
      pairs.push([await now(from), await now(to)]);
    } catch (error) {
      if (!(error instanceof NoSuchParty)) throw error;
    }
  }
  return pairs;
}
