/** What the sender hears of its packet's death, and why so often nothing. */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { ProbeOutcome } from '../controller/probes.ts';
import type { RouteExplanationView } from '../node/command.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import type { Death, Stop } from './types.ts';

/** Deaths that a machine answers with an ICMP error (RFC 1812 §4.3.3, §5.3). */
const TOLD: ReadonlySet<DropReason> = new Set([
  'NO_ROUTE',
  'UNREACHABLE_ROUTE',
  'PROHIBIT_ROUTE',
  'NEIGH_FAILED',
  'MTU_EXCEEDED_DF',
  'TTL_EXPIRED',
  'FRAG_LOST',
  'NO_SOCKET',
]);

export async function answerToDeath(
  cluster: Cluster,
  { from, result }: ProbeOutcome,
  death: Death,
  there: readonly Stop[],
): Promise<string> {
  if (typeof result.error === 'object') {
    const { from: who, type, code } = result.error;
    return `${from.name} hears of it: ICMP type ${type} code ${code} from ${Ipv4.format(who)}`;
  }
  if (typeof result.error === 'string') return `${from.name}'s own stack says so at once: ${result.error}`;
  if (death.leg === 'back') return `it is the answer that dies: ${from.name} hears nothing`;
  const { machine } = death;
  if (!TOLD.has(death.reason) || death.at.includes('/'))
    return `${death.at} drops it without a word: ${from.name} hears nothing`;
  if (cluster.scenario.fabric.routers.find(router => router.name === machine)?.silent === true)
    return `${machine} sends no ICMP errors: ${from.name} hears nothing`;
  if (there.at(-1)?.encapsulated === true)
    return `the ICMP error is about the outer packet and goes to the node that made it: ${from.name} hears nothing`;
  const home = await cluster.controller.ask<RouteExplanationView>(machine, {
    do: 'route-explain',
    namespace: '',
    destination: from.address,
  });
  if (home.winner === undefined)
    return `${machine} has no route back to ${Ipv4.format(from.address)} either, so its ICMP error goes nowhere: that is the silence`;
  return `no ICMP error ended the attempt of ${from.name} before its time was over`;
}
