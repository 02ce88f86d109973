/** A scenario as one cell needs it: its pools in the cell's mode, its links and NICs at the cell's rate and MTU. */
import * as Ipv4 from '../addr/ipv4.ts';
import type { LoadedResource, Router, Scenario } from '../scenario/types.ts';
import type { Cell } from './cell.ts';
import { MODE_FACTS, type Mode } from './modes.ts';

/** Packets that wait in front of a link: Linux's txqueuelen. */
const QUEUE_PACKETS = 1000;
/** Around an IP packet on the wire. */
const WIRE_OVERHEAD = 38;
const PEER = 'tunlab-bench-router';

/** Throws nothing: every scenario that loads has its variants. */
export function variantOf(scenario: Scenario, cell: Pick<Cell, 'mode' | 'mtu' | 'rate'>): Scenario {
  const { mtu, rate } = cell;
  const queue = QUEUE_PACKETS * (mtu + WIRE_OVERHEAD);
  const { fabric } = scenario;
  return {
    ...scenario,
    fabric: {
      ...fabric,
      subnets: fabric.subnets.map(subnet => ({
        ...subnet,
        rateBps: rate,
        mtu,
        queueBytes: subnet.queueBytes ?? queue,
      })),
      nodes: fabric.nodes.map(node => ({ ...node, mtu })),
    },
    resources: [...scenario.resources.map(each => inMode(each, cell.mode)), ...routerPeers(scenario)],
    steps: [],
  };
}

function inMode(resource: LoadedResource, mode: Mode): LoadedResource {
  if (resource.kind !== 'IPPool') return resource;
  const { ipip, vxlan } = MODE_FACTS[mode];
  const spec = { ...(resource.object.spec as object), ipipMode: ipip, vxlanMode: vxlan };
  return { ...resource, object: { ...resource.object, spec } };
}

/** A router that waits for sessions gets one from every node, unless the scenario has peers of its own. */
function routerPeers({ fabric, resources }: Scenario): LoadedResource[] {
  if (resources.some(({ kind }) => kind === 'BGPPeer')) return [];
  return fabric.routers.flatMap(router => {
    const { bgp, interfaces } = router;
    if (bgp?.listenRange === undefined || interfaces.length === 0) return [];
    return [peerOf(router, Ipv4.format(interfaces[0]!.address), bgp.as)];
  });
}

function peerOf({ name, position }: Router, peerIP: string, asNumber: number): LoadedResource {
  const metadata = { name: `${PEER}-${name}` };
  const apiVersion = 'projectcalico.org/v3';
  return {
    file: '',
    position,
    apiVersion,
    kind: 'BGPPeer',
    name: metadata.name,
    namespace: undefined,
    object: { apiVersion, kind: 'BGPPeer', metadata, spec: { peerIP, asNumber } },
    fields: {},
  };
}
