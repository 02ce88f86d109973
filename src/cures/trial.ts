/**
 * One cure, tried: the journal is replayed to the point where the packet does not get through, the change is made, and
 * when the lab has settled everybody is asked again. Flows between those who talked before show what it costs them.
 */
import type { Cluster } from '../controller/cluster.ts';
import { NoSuchParty } from '../controller/cluster.ts';
import type { ProbeOptions, ProbeOutcome } from '../controller/probes.ts';
import { Flows, type PairOutage } from '../diff/outages.ts';
import { Lab } from '../lab.ts';
import type { Journal } from '../parallel/journal.ts';
import { SECOND, type VirtualTime } from '../sim/time.ts';
import { pairsOf, talkers } from '../snapshot/talkers.ts';
import type { Candidate } from './candidate.ts';

/** What is wrong, so what has to become right. */
export interface Complaint {
  /**
   * `silent`: no answer. `too-big`: none to packets of that size. `detour`: a tunnel where none is needed. `no-address`:
   * one of the two pods has none.
   */
  readonly kind: 'silent' | 'too-big' | 'detour' | 'no-address';
  readonly lab: Lab;
  readonly journal: Journal;
  readonly at: VirtualTime;
  readonly from: string;
  readonly to: string;
  readonly what: ProbeOptions;
  readonly signal: AbortSignal;
}

export interface Cure {
  /** `ipipMode: CrossSubnet`. */
  readonly change: string;
  /** The lines that make it. */
  readonly commands: readonly string[];
  /** Where the value stands that it replaces. */
  readonly place: string | undefined;
  readonly before: Pairs;
  readonly after: Pairs;
  /** Pairs that talked before and do not with it. */
  readonly broken: readonly string[];
  /** The longest that one of those who talked before was cut off. */
  readonly outage: Pick<PairOutage, 'pair' | 'lengthNs'> | undefined;
  /** From the first command until no table changed any more; undefined: it did not come to rest. */
  readonly convergedInNs: VirtualTime | undefined;
  /** What was still missing when it worked already. */
  readonly missing: string | undefined;
  /** What else it brings. */
  readonly notes: readonly string[];
}

/** Ordered pairs of pods, and of pods and hosts. */
export interface Pairs {
  readonly talk: number;
  readonly all: number;
}

export interface Talk {
  readonly pairs: ReadonlySet<string>;
  readonly all: number;
}

/** Flows cost time: so many pairs are watched. */
const WATCHED = 6;
/** Most changes are through in that time; flows are watched for as long. */
const WATCHED_FOR: VirtualTime = 10 * SECOND;
/** A session that was refused is tried again after half a minute, and a pod that was after ten seconds. */
const PATIENCE: VirtualTime = 60 * SECOND;
const ASKED_EVERY: VirtualTime = 2 * SECOND;
const SETTLES_WITHIN: VirtualTime = 20 * SECOND;

const pairName = ({ from, to }: ProbeOutcome): string => `${from.name} → ${to.name}`;

export async function whoTalks(cluster: Cluster): Promise<Talk> {
  const outcomes = await cluster.probe(pairsOf(await talkers(cluster)));
  return { pairs: new Set(talkingPairs(outcomes).map(pairName)), all: outcomes.length };
}

const talkingPairs = (outcomes: readonly ProbeOutcome[]): ProbeOutcome[] =>
  outcomes.filter(({ result }) => result.answered);

/** Undefined when it is no cure. */
export async function tried(
  complaint: Complaint,
  candidate: Candidate,
  before: Talk,
): Promise<Cure | undefined> {
  const { lab: ill, journal, at, signal } = complaint;
  const lab = await Lab.replayed(ill.scenario, journal, at, { workers: 0, seed: ill.seed, signal });
  try {
    const outcomes = await lab.cluster.probe(pairsOf(await talkers(lab.cluster)));
    const flows = await Flows.begin(lab.cluster, talkingPairs(outcomes).slice(0, WATCHED));
    const begun = lab.now;
    for (const command of candidate.commands) if ((await lab.exec(command)).exitCode !== 0) return undefined;
    let state = await lab.converge(WATCHED_FOR);
    const [outage] = await flows.end(begun);
    if (!(await isCured(lab, complaint, begun + PATIENCE))) return undefined;
    if (!state.converged) state = await lab.converge(SETTLES_WITHIN);
    const after = await whoTalks(lab.cluster);
    return {
      ...candidate,
      before: { talk: before.pairs.size, all: before.all },
      after: { talk: after.pairs.size, all: after.all },
      broken: [...before.pairs].filter(pair => !after.pairs.has(pair)),
      outage: outage === undefined ? undefined : { pair: outage.pair, lengthNs: outage.lengthNs },
      convergedInNs: state.converged ? Math.max(0, state.at - begun) : undefined,
      missing: state.converged ? undefined : (state.missing[0] ?? 'tables still change'),
      notes: await mtuNotes(lab.cluster),
    };
  } finally {
    await lab.close();
  }
}

async function isCured(lab: Lab, complaint: Complaint, deadline: VirtualTime): Promise<boolean> {
  for (;;) {
    const outcome = await answerOf(lab, complaint);
    const is = outcome?.result.answered === true && (complaint.kind !== 'detour' || outcome.way === 'direct');
    if (is || lab.now >= deadline) return is;
    await lab.run({ for: ASKED_EVERY });
  }
}

/** Undefined while there is nobody to ask. */
async function answerOf(lab: Lab, { kind, from, to, what }: Complaint): Promise<ProbeOutcome | undefined> {
  try {
    if (kind !== 'too-big') return await lab.ping(from, to, what);
    // A pod that knows how much fits sends no more: what its own device lets through has to arrive.
    const devices = await lab.devices(from);
    const mtu = Math.min(...devices.filter(each => each.up && each.driver !== 'loopback').map(d => d.mtu));
    return await lab.ping(from, to, { ...what, size: Math.min(what.size ?? 0, mtu - HEADERS) });
  } catch (error) {
    if (error instanceof NoSuchParty) return undefined;
    throw error;
  }
}

/** IPv4 and ICMP or UDP. */
const HEADERS = 28;

/** Pods keep the MTU they were made with: larger than the tunnel's, it costs fragments or ICMP errors. */
async function mtuNotes(cluster: Cluster): Promise<string[]> {
  for (const pod of (await talkers(cluster)).pods) {
    const own = (await cluster.devices(pod)).find(device => device.name === 'eth0');
    const node = await cluster.devices({ machine: pod.machine, namespace: '' });
    const routes = await cluster.routes({ machine: pod.machine, namespace: '' });
    const used = node.filter(
      ({ name, up, driver }) =>
        up &&
        (driver === 'ipip' || driver === 'vxlan') &&
        routes.some(route => route.nextHops.some(hop => hop.device === name)),
    );
    const needed = Math.min(...used.map(device => device.mtu));
    if (own !== undefined && own.mtu > needed)
      return [`pods keep MTU ${own.mtu} until they are made anew (${needed} needed)`];
  }
  return [];
}
