/**
 * Cures are tried, not guessed: the scenario is run again from its beginning to the same point, the change is made the
 * way a user would make it, and when the lab has converged everybody is asked again. Only what brings the answer back
 * is offered, with what else it did.
 */
import * as Prefix from '../addr/prefix.ts';
import type { IPPool } from '../calico/resources/pool.ts';
import { partyOfPod } from '../controller/cluster.ts';
import type { Party, ProbeOptions } from '../controller/probes.ts';
import { Lab } from '../lab.ts';
import type { Scenario } from '../scenario/types.ts';
import { runSteps } from './run-steps.ts';

export interface Cure {
  /** `ipipMode: CrossSubnet`. */
  readonly change: string;
  /** The line that makes it. */
  readonly command: string;
  readonly before: Pairs;
  readonly after: Pairs;
  /** Pairs that talked before and do not with it. */
  readonly broken: readonly string[];
  /** From the command until no table changed any more. */
  readonly convergedInNs: number;
  /** What else it brings. */
  readonly notes: readonly string[];
}

/** Ordered pairs of pods. */
export interface Pairs {
  readonly talk: number;
  readonly all: number;
}

export interface Complaint {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly steps: number | 'all';
  readonly from: string;
  readonly to: string;
  readonly options: ProbeOptions;
  readonly signal: AbortSignal;
}

interface Candidate {
  readonly ipipMode: 'Never' | 'CrossSubnet' | 'Always';
  readonly vxlanMode: 'Never' | 'CrossSubnet' | 'Always';
}

/** Each row is tried until one of it helps: a tunnel everywhere is offered only where one between subnets is no help. */
const CANDIDATES: readonly (readonly Candidate[])[] = [
  [
    { ipipMode: 'CrossSubnet', vxlanMode: 'Never' },
    { ipipMode: 'Always', vxlanMode: 'Never' },
  ],
  [
    { ipipMode: 'Never', vxlanMode: 'CrossSubnet' },
    { ipipMode: 'Never', vxlanMode: 'Always' },
  ],
];

/** Pairs grow with the square: of more pods only the first are asked. */
const PODS_ASKED = 8;

/** `lab` is at the point where the packet dies; it is only asked. */
export async function findCures(lab: Lab, complaint: Complaint): Promise<Cure[]> {
  const { from, to } = complaint;
  const addresses = [(await lab.party(from)).address, (await lab.party(to)).address];
  const pools = (await lab.cluster.list('IPPool')).filter(pool =>
    addresses.some(address => Prefix.contains(Prefix.from(pool.spec.cidr), address)),
  );
  const [pool] = pools;
  if (pool === undefined) return [];
  const before = await talking(lab);
  const cures: Cure[] = [];
  for (const row of CANDIDATES) {
    for (const candidate of row) {
      if (complaint.signal.aborted) return cures;
      if (isSo(pool, candidate)) continue;
      const cure = await tryCure(complaint, pool, candidate, before);
      if (cure === undefined) continue;
      cures.push(cure);
      break;
    }
  }
  return cures;
}

const isSo = ({ spec }: IPPool, { ipipMode, vxlanMode }: Candidate): boolean =>
  (spec.ipipMode ?? 'Never') === ipipMode && (spec.vxlanMode ?? 'Never') === vxlanMode;

async function tryCure(
  complaint: Complaint,
  pool: IPPool,
  candidate: Candidate,
  before: Talk,
): Promise<Cure | undefined> {
  const { scenario, seed, steps, from, to, options, signal } = complaint;
  const lab = await Lab.of(scenario, { workers: 0, seed, signal });
  try {
    await runSteps(lab, steps);
    const begun = lab.now;
    const patch = JSON.stringify({ spec: candidate });
    const command = `calicoctl patch ippool ${pool.metadata.name} -p '${patch}'`;
    if ((await lab.exec(command)).exitCode !== 0) return undefined;
    const state = await lab.converge();
    const { result } = await lab.ping(from, to, options);
    if (!state.converged || !result.answered) return undefined;
    const after = await talking(lab);
    const broken = [...before.pairs].filter(pair => !after.pairs.has(pair));
    return {
      change: changeText(candidate),
      command,
      before: { talk: before.pairs.size, all: before.all },
      after: { talk: after.pairs.size, all: after.all },
      broken,
      convergedInNs: state.at - begun,
      notes: await mtuNotes(lab, candidate),
    };
  } finally {
    await lab.close();
  }
}

const changeText = ({ ipipMode, vxlanMode }: Candidate): string =>
  ipipMode === 'Never' ? `vxlanMode: ${vxlanMode}` : `ipipMode: ${ipipMode}`;

interface Talk {
  readonly pairs: ReadonlySet<string>;
  readonly all: number;
}

async function talking(lab: Lab): Promise<Talk> {
  const outcomes = await lab.matrix((await pods(lab)).map(pod => pod.name));
  const answered = outcomes.filter(outcome => outcome.result.answered);
  return { pairs: new Set(answered.map(o => `${o.from.name} → ${o.to.name}`)), all: outcomes.length };
}

/** Running pods with a network of their own. */
async function pods(lab: Lab): Promise<Party[]> {
  const all = await lab.cluster.list('Pod');
  return all
    .filter(pod => pod.status?.phase === 'Running' && pod.spec.hostNetwork !== true)
    .slice(0, PODS_ASKED)
    .map(pod => {
      const { namespace, name } = pod.metadata;
      return partyOfPod(pod, namespace === 'default' ? name : `${namespace}/${name}`);
    });
}

/** Pods keep the MTU they were made with: larger than the tunnel's, it costs fragments or ICMP errors. */
async function mtuNotes(lab: Lab, { ipipMode }: Candidate): Promise<string[]> {
  const tunnel = ipipMode === 'Never' ? 'vxlan.calico' : 'tunl0';
  for (const pod of await pods(lab)) {
    const own = (await lab.cluster.devices(pod)).find(device => device.name === 'eth0');
    const node = await lab.cluster.devices({ machine: pod.machine, namespace: '' });
    const needed = node.find(device => device.name === tunnel && device.up)?.mtu;
    if (own !== undefined && needed !== undefined && own.mtu > needed)
      return [`pods keep MTU ${own.mtu} until they are made anew (${needed} needed)`];
  }
  return [];
}
