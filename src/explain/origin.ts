/** Who put a route there: a BGP update of which peer, Felix, the CNI plugin, the kernel; and the resource behind it. */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { RouteExplanationView } from '../node/command.ts';
import type { Cause } from './types.ts';

export async function originOf(
  cluster: Cluster,
  machine: string,
  namespace: string,
  { winner, daemonPath }: RouteExplanationView,
): Promise<string | undefined> {
  if (winner === undefined) return undefined;
  if (daemonPath !== undefined) {
    const daemon = winner.protocol === 'bird' ? 'BIRD' : 'BGP';
    if (daemonPath.kind !== 'bgp') return `${daemon}: ${daemonPath.protocol}`;
    const { nextHop, gateway, protocol, because } = daemonPath;
    const won = because === 'only route' ? '' : ` (best by ${because})`;
    const from = `${daemon}, from ${protocol}${won}`;
    if (nextHop === undefined) return from;
    const hop = `next hop ${Ipv4.format(nextHop)}`;
    if (gateway === nextHop || winner.nextHops.some(h => h.via === nextHop)) return `${from}, ${hop}`;
    const through = await cluster.controller.ask<RouteExplanationView>(machine, {
      do: 'route-explain',
      namespace: '',
      destination: nextHop,
    });
    return `${from}; ${hop} is not on-link → found through ${through.winner?.text.trim().replace(/\s+/g, ' ') ?? 'no route'}`;
  }
  switch (winner.protocol) {
    case 'kernel':
      return 'the kernel: an address of that device';
    case 'boot':
      return bootRoute(namespace, winner.nextHops[0]?.device ?? '');
    case '80':
      return 'Felix';
    case 'bird':
      return 'BIRD, which holds it no more';
    default:
      return `the machine's configuration (proto ${winner.protocol})`;
  }
}

/** `proto boot` is what ip(8) writes too. */
function bootRoute(namespace: string, device: string): string {
  if (namespace !== '') return 'the CNI plugin';
  return device.startsWith('cali') || device === 'vxlan.calico' ? 'Felix' : 'hand: ip route add';
}

const PEER = /^(Global|Node)_(\d+)_(\d+)_(\d+)_(\d+)/;

/** The BGPPeer that a session of its own name goes back to. */
export async function sessionOf(
  cluster: Cluster,
  { daemonPath }: RouteExplanationView,
): Promise<Cause | undefined> {
  const match = PEER.exec(daemonPath?.kind === 'bgp' ? daemonPath.protocol : '');
  if (match === null) return undefined;
  const address = match.slice(2).join('.');
  const peers = await cluster.list('BGPPeer');
  const peer =
    peers.find(({ spec }) => spec.peerIP?.split(':')[0] === address) ??
    peers.find(({ spec }) => spec.peerSelector !== undefined && spec.peerSelector !== '');
  if (peer === undefined) return undefined;
  const { name } = peer.metadata;
  const field = peer.spec.peerIP === undefined ? 'peerSelector' : 'peerIP';
  const loaded = cluster.scenario.resources.find(each => each.kind === 'BGPPeer' && each.name === name);
  const at = loaded?.fields[`spec.${field}`];
  return {
    what: 'the session',
    resource: `BGPPeer ${name}`,
    field: `spec.${field}`,
    value: String(peer.spec[field]),
    place: loaded === undefined || at === undefined ? undefined : `${loaded.file}:${at.line}:${at.column}`,
  };
}
