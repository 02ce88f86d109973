/** Expectations about who reaches whom, judged by what the probe was seen to do. */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Cluster } from '../controller/cluster.ts';
import { PATIENCE, type ProbeOptions, type ProbeOutcome } from '../controller/probes.ts';
import type { TrailDrop } from '../controller/trails.ts';
import type { PathExpectation, ReachableExpectation, UnreachableExpectation } from '../scenario/types.ts';
import { formatTime, type Verdict } from './verdict.ts';

type Expectation = ReachableExpectation | UnreachableExpectation;

export async function judgeReachability(cluster: Cluster, expectation: Expectation): Promise<Verdict> {
  const outcomes = await probeAll(cluster, expectation);
  const verdicts = outcomes.map(outcome =>
    expectation.kind === 'reachable'
      ? judgeReachable(expectation, outcome)
      : judgeUnreachable(expectation, outcome),
  );
  return verdicts.find(verdict => !verdict.ok) ?? verdicts[0]!;
}

/** The way there; back again, when it is symmetric, the same machines the other way round. */
export async function judgePath(cluster: Cluster, expectation: PathExpectation): Promise<Verdict> {
  const outcomes = await probeAll(cluster, expectation);
  const verdicts = outcomes.map((outcome, i): Verdict => {
    const wanted = (i === 0 ? expectation.hops : expectation.hops.toReversed()).join(', ');
    const { passed, arrived } = pathOf(outcome);
    const expected = `${names(outcome)} passes ${wanted}`;
    if (!arrived) return { ok: false, expected, ...deathOf(outcome) };
    return { ok: passed.join(', ') === wanted, expected, received: `passed ${passed.join(', ')}` };
  });
  return verdicts.find(verdict => !verdict.ok) ?? verdicts[0]!;
}

/** The machines up to the one where the receiver is. */
export function pathOf({ trail, to }: ProbeOutcome): { passed: string[]; arrived: boolean } {
  const arrival = trail.hops.findIndex(
    hop => hop.direction === 'receive' && hop.machine === to.machine && hop.namespace === to.namespace,
  );
  const machines = trail.hops.slice(0, arrival + 1).map(hop => hop.machine);
  return { passed: machines.filter((machine, i) => machine !== machines[i - 1]), arrived: arrival >= 0 };
}

async function probeAll(
  cluster: Cluster,
  expectation: Expectation | PathExpectation,
): Promise<ProbeOutcome[]> {
  const [from, to] = [await cluster.party(expectation.from), await cluster.party(expectation.to)];
  const options: ProbeOptions = {
    proto: expectation.proto,
    df: expectation.df,
    ...(expectation.port !== undefined && { port: expectation.port }),
    ...(expectation.sizeBytes !== undefined && { size: expectation.sizeBytes }),
    // Who asks for the reason wants to know, however late it comes.
    ...(expectation.kind === 'unreachable' && expectation.reason !== undefined && { patience: PATIENCE }),
  };
  const pairs = expectation.symmetric
    ? ([
        [from, to],
        [to, from],
      ] as const)
    : ([[from, to]] as const);
  return cluster.probe(pairs, options);
}

function judgeReachable(expectation: ReachableExpectation, outcome: ProbeOutcome): Verdict {
  const way = expectation.via === undefined ? '' : ` via ${expectation.via}`;
  const expected = `${names(outcome)} answers${way}`;
  if (!outcome.result.answered) return { ok: false, expected, ...deathOf(outcome) };
  const received = `answer in ${formatTime(outcome.result.rtt)}, ttl ${outcome.result.ttl}, via ${outcome.way}`;
  // Two pods of one node need no tunnel: `direct` is what a user calls that, too.
  const seen = outcome.way === 'local' ? 'direct' : outcome.way;
  return { ok: expectation.via === undefined || seen === expectation.via, expected, received };
}

function judgeUnreachable(expectation: UnreachableExpectation, outcome: ProbeOutcome): Verdict {
  const { reason, place } = expectation;
  const expected = `${names(outcome)} dies${place ? ` at ${place}` : ''}${reason ? ` with ${reason}` : ''}`;
  if (outcome.result.answered) {
    return {
      ok: false,
      expected,
      received: `answer in ${formatTime(outcome.result.rtt)}, via ${outcome.way}`,
    };
  }
  const death = deathOf(outcome);
  const ok =
    (reason === undefined || death.reason === reason) &&
    (place === undefined || death.at === place || death.device?.split('/')[0] === place);
  return { ok, expected, ...death };
}

const names = (outcome: ProbeOutcome): string => `${outcome.from.name} -> ${outcome.to.name}`;

/** Where and why nothing came back. */
export function deathOf(outcome: ProbeOutcome): {
  received: string;
  reason?: string;
  at?: string;
  device?: string;
} {
  const { died, result } = outcome;
  if (died !== undefined) {
    // A switch drops at the port of a NIC, which it calls `k8s-w1/ens5`: the place is that node.
    const place = died.device.includes('/') ? died.device : died.machine;
    const received = `no answer: ${died.reason} at ${place}${waitText(died)}`;
    return { received, reason: died.reason, at: died.machine, device: died.device };
  }
  if (typeof result.error === 'string') return { received: `the sender's own node says ${result.error}` };
  return { received: 'no answer, and nothing was seen to be dropped' };
}

/** What it still waits for, if it is not dead yet. */
function waitText({ waitsFor, device }: TrailDrop): string {
  if (waitsFor === undefined) return '';
  const carrier = waitsFor.carrier ? '' : `, and ${device} has no carrier`;
  return `, which waits for ARP of ${Ipv4.format(waitsFor.address)}${carrier}`;
}
