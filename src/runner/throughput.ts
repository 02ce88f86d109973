/** `throughput`: what TCP carries from one place to another, measured where it arrives, alone or beside another flow. */
import type { Cluster } from '../controller/cluster.ts';
import { NoSuchParty } from '../controller/cluster.ts';
import type { Party } from '../controller/probes.ts';
import type { Amount, ThroughputExpectation } from '../scenario/types.ts';
import { MILLISECOND } from '../sim/time.ts';
import type { BulkSinkResult, BulkSourceResult } from '../traffic/bulk.ts';
import { deathOf } from './reachability.ts';
import type { Verdict } from './verdict.ts';

/** Slow start and the first overflow of a queue, at 1 Gbit/s and above. */
const WARM_UP = 100 * MILLISECOND;
/** … but no more than so many times the measurement. */
const WARM_UP_SHARE = 5;
const PORT = 45_001;

export async function judgeThroughput(cluster: Cluster, e: ThroughputExpectation): Promise<Verdict> {
  const [from, to] = [await cluster.party(e.from), await cluster.party(e.to)];
  const inShares = e.least?.unit === 'share' || e.most?.unit === 'share';
  const reference = e.of && ([await cluster.party(e.of.from), await cluster.party(e.of.to)] as const);
  const whole = reference ? `${reference[0].name} -> ${reference[1].name}` : `the rate of its NIC`;
  const bounds = [
    ...(e.least === undefined ? [] : [`at least ${amountText(e.least, whole)}`]),
    ...(e.most === undefined ? [] : [`at most ${amountText(e.most, whole)}`]),
  ];
  const expected = `${from.name} -> ${to.name} carries ${bounds.join(' and ')}`;
  const measured = await measure(cluster, from, to, e.durationNs);
  if ('dead' in measured) return { ok: false, expected, ...measured.dead };
  const { bps } = measured;
  let base = lineRate(cluster, from);
  if (reference !== undefined) {
    const other = await measure(cluster, ...reference, e.durationNs);
    if ('dead' in other) return { ok: false, inconclusive: true, expected, ...other.dead };
    base = other.bps;
  }
  const share = bps / base;
  const of = (amount: Amount): number => (amount.unit === 'share' ? share : bps);
  const ok =
    (e.least === undefined || of(e.least) >= e.least.value) &&
    (e.most === undefined || of(e.most) <= e.most.value);
  const percent = inShares ? `, ${percentText(share)} of ${whole} (${rateText(base)})` : '';
  return { ok, expected, received: `${rateText(bps)}${percent}` };
}

const amountText = ({ unit, value }: Amount, whole: string): string =>
  unit === 'share' ? `${percentText(value)} of ${whole}` : rateText(value);

const percentText = (share: number): string => `${(100 * share).toFixed(1)} %`;

function rateText(bps: number): string {
  if (bps >= 1e9) return `${(bps / 1e9).toFixed(3)} Gbit/s`;
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${(bps / 1e3).toFixed(0)} kbit/s`;
}

type Measured = { readonly bps: number } | { readonly dead: Pick<Verdict, 'received' | 'reason' | 'at'> };

async function measure(cluster: Cluster, from: Party, to: Party, durationNs: number): Promise<Measured> {
  const { controller } = cluster;
  const outcome = (await cluster.probe([[from, to]], { proto: 'tcp', port: PORT }))[0]!;
  if (!outcome.result.answered) return { dead: deathOf(outcome) };
  const begin = controller.now + Math.min(WARM_UP, WARM_UP_SHARE * durationNs);
  const interval = { from: begin, until: begin + durationNs };
  const sink = await controller.start(to.machine, to.namespace, {
    program: 'bulk-sink',
    port: PORT,
    ...interval,
  });
  const source = await controller.start(from.machine, from.namespace, {
    program: 'bulk-source',
    destination: to.address,
    port: PORT,
    streams: 1,
    step: 0,
    ...interval,
  });
  await controller.finish([sink, source]);
  const { error } = source.exit!.result as BulkSourceResult;
  if (error !== '') return { dead: { received: `the connection was lost: ${error}` } };
  return { bps: (sink.exit!.result as BulkSinkResult).goodputBps };
}

/** bit/s of the NIC by which `machine` sends. */
function lineRate({ scenario }: Cluster, { machine, name }: Party): number {
  const { nodes, hosts, subnets, links } = scenario.fabric;
  const node = nodes.find(each => each.name === machine);
  const host = hosts.find(each => each.name === machine);
  const subnet = node?.subnet ?? (host?.attachment.kind === 'subnet' ? host.attachment.subnet : undefined);
  const rate = subnets.find(each => each.name === subnet)?.rateBps;
  if (rate === undefined) throw new NoSuchParty(`${name} has no NIC in a subnet`);
  const own = links.find(link => link.owner === machine && link.device === (node?.interface ?? 'eth0'));
  return own?.rateBps ?? rate;
}
