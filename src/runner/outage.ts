/** `outage`: how long a flow was cut off from before the step's disturbance until the lab had converged again. */
import { type Cluster, NoSuchParty } from '../controller/cluster.ts';
import { converge, GRID } from '../controller/convergence.ts';
import { ProbeFlow } from '../controller/flows.ts';
import type { OutageExpectation, Step } from '../scenario/types.ts';
import { SECOND } from '../sim/time.ts';
import { formatTime, type Verdict } from './verdict.ts';

/** The flow of an expectation, or why there is none. */
export type Flows = ReadonlyMap<OutageExpectation, ProbeFlow | NoSuchParty>;

export interface OutageSurroundings {
  readonly cluster: Cluster;
  readonly flows: Flows;
  readonly signal: AbortSignal | undefined;
}

/** Begin the flows that `step` will ask about. */
export async function beginFlows(cluster: Cluster, step: Step): Promise<Flows> {
  const flows = new Map<OutageExpectation, ProbeFlow | NoSuchParty>();
  for (const expectation of step.expect) {
    if (expectation.kind !== 'outage') continue;
    try {
      const [from, to] = [await cluster.party(expectation.from), await cluster.party(expectation.to)];
      flows.set(expectation, await ProbeFlow.begin(cluster.controller, from, to));
    } catch (error) {
      if (!(error instanceof NoSuchParty)) throw error;
      flows.set(expectation, error);
    }
  }
  return flows;
}

/** How long an outage is watched when the lab does not come to rest. */
const SETTLE_WITHIN = 60 * SECOND;

export async function judgeOutage(
  { cluster, flows, signal }: OutageSurroundings,
  expectation: OutageExpectation,
): Promise<Verdict> {
  const { controller } = cluster;
  const { withinNs = SETTLE_WITHIN, forNs = 0 } = expectation;
  const atLeastUntil = controller.now + forNs;
  await converge(controller, controller.now + withinNs, signal);
  if (controller.now < atLeastUntil && !signal?.aborted) await controller.run(atLeastUntil);
  return outageOf(flows, expectation);
}

async function outageOf(flows: Flows, expectation: OutageExpectation): Promise<Verdict> {
  const expected = `an outage of at most ${formatTime(expectation.maxNs)}`;
  const flow = flows.get(expectation);
  if (flow === undefined || flow instanceof NoSuchParty)
    return { ok: false, inconclusive: true, expected, received: flow?.message ?? 'no flow' };
  const { result, died } = await flow.end();
  if (result === undefined)
    return { ok: false, inconclusive: true, expected, received: 'the sender was gone before the end' };
  const { lost, sent, last } = result;
  const outage = lost.length * GRID;
  const ok = outage <= expectation.maxNs;
  if (outage === 0) return { ok, expected, received: `none: ${sent} probes, all answered` };
  const end = lost.at(-1)! === last ? 'the end' : `${((lost.at(-1)! + GRID) / 1e9).toFixed(3)} s`;
  const range = `${(lost[0]! / 1e9).toFixed(3)} s … ${end}`;
  const where = died === undefined ? '' : `, ${died.reason} at ${died.machine}`;
  const received = `${formatTime(outage)} (${range})${where}`;
  return {
    ok,
    expected,
    received,
    ...(died !== undefined && { reason: died.reason, at: died.machine }),
  };
}
