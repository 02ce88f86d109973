/** Why routes are missing: sessions that do not come up, sessions that nobody asked for, and what filters keep back. */
import * as Ipv4 from '../addr/ipv4.ts';
import { type BGPPeer, DEFAULT_AS_NUMBER } from '../calico/resources/bgp.ts';
import { matches } from '../calico/selector.ts';
import type { SessionView } from '../node/command.ts';
import type { Router } from '../scenario/types.ts';
import { applied, type Candidate, patched, typed } from './candidate.ts';
import { type Facts, machinesOnTheWay } from './facts.ts';
import { bgpPort } from './of-fabric.ts';

export const sessions = (facts: Facts): Candidate[] => [
  ...[...facts.status].flatMap(([machine, { sessions }]) =>
    sessions.filter(session => session.state !== 'Established').flatMap(each => broken(facts, machine, each)),
  ),
  ...mesh(facts),
  ...labels(facts),
  ...clusterIds(facts),
  ...routerPeers(facts),
  ...filtered(facts),
];

/** A session that is there and does not come up. */
function broken(facts: Facts, machine: string, session: SessionView): Candidate[] {
  return [...agreeing(facts, machine, session), ...bgpPort(facts)];
}

/** The two ends do not expect each other's AS number. */
function agreeing(facts: Facts, machine: string, { peer, peerAs }: SessionView): Candidate[] {
  const { scenario, peers } = facts;
  const there = asOf(facts, peer);
  const said = peers
    .filter(({ spec }) => spec.peerIP?.split(':')[0] === Ipv4.format(peer))
    .map(({ metadata }) => metadata.name);
  const candidates: Candidate[] = [];
  if (there !== undefined && there !== peerAs) {
    for (const name of said)
      candidates.push(
        patched(
          scenario,
          'BGPPeer',
          name,
          ['spec', 'asNumber'],
          there,
          `asNumber: ${there} (BGPPeer ${name})`,
        ),
      );
  }
  const expected = facts.scenario.fabric.routers
    .filter(router => router.interfaces.some(each => each.address === peer))
    .flatMap(router => expectedBy(router, facts, machine));
  const own = facts.nodes.find(node => node.metadata.name === machine);
  for (const as of new Set(expected)) {
    if (own === undefined || as === asOfNode(facts, machine)) continue;
    candidates.push(
      patched(
        scenario,
        'Node',
        machine,
        ['spec', 'bgp', 'asNumber'],
        as,
        `asNumber: ${as} (Node ${machine})`,
      ),
    );
  }
  return candidates;
}

function expectedBy({ bgp }: Router, { scenario }: Facts, machine: string): number[] {
  const address = scenario.fabric.nodes.find(node => node.name === machine)?.address;
  const neighbor = bgp?.neighbors.find(each => each.address === address)?.as;
  return [neighbor, bgp?.listenRange?.as].flatMap(as => (as === undefined ? [] : [as]));
}

const clusterAs = ({ bgp }: Facts): number =>
  bgp.find(({ metadata }) => metadata.name === 'default')?.spec.asNumber ?? DEFAULT_AS_NUMBER;

const asOfNode = (facts: Facts, name: string): number =>
  facts.nodes.find(node => node.metadata.name === name)?.spec.bgp?.asNumber ?? clusterAs(facts);

/** The AS number of whoever has that address. */
function asOf(facts: Facts, address: Ipv4.Ipv4Address): number | undefined {
  const { routers, nodes } = facts.scenario.fabric;
  const router = routers.find(({ interfaces }) => interfaces.some(each => each.address === address));
  if (router !== undefined) return router.bgp?.as;
  const node = nodes.find(each => each.address === address);
  return node === undefined ? undefined : asOfNode(facts, node.name);
}

/** The mesh is off. */
const mesh = ({ scenario, bgp }: Facts): Candidate[] =>
  bgp
    .filter(({ metadata, spec }) => metadata.name === 'default' && spec.nodeToNodeMeshEnabled === false)
    .map(({ metadata }) =>
      patched(
        scenario,
        'BGPConfiguration',
        metadata.name,
        ['spec', 'nodeToNodeMeshEnabled'],
        true,
        'nodeToNodeMeshEnabled: true',
      ),
    );

/** A node that a selector passes by takes a label from one that it does not. */
function labels(facts: Facts): Candidate[] {
  const { nodes, peers } = facts;
  const candidates: Candidate[] = [];
  for (const { spec } of peers) {
    for (const selector of [spec.nodeSelector, spec.peerSelector]) {
      if (!selector) continue;
      const chosen = nodes.filter(node => matches(selector, node.metadata.labels ?? {}));
      for (const other of nodes) {
        if (chosen.includes(other)) continue;
        for (const [key, value] of Object.entries(chosen[0]?.metadata.labels ?? {})) {
          const own = other.metadata.labels ?? {};
          if (own[key] === value || !selector.includes(key)) continue;
          if (!matches(selector, { ...own, [key]: value })) continue;
          const { name } = other.metadata;
          candidates.push(
            typed(
              `label ${key}=${value} (Node ${name})`,
              `kubectl label node ${name} ${key}=${value} --overwrite`,
            ),
          );
        }
      }
    }
  }
  return candidates;
}

/** A reflector takes no part in the mesh; one without peers is alone. */
const clusterIds = ({ scenario, nodes, status }: Facts): Candidate[] =>
  nodes
    .filter(({ metadata, spec }) => {
      const up = status.get(metadata.name)?.sessions.some(session => session.state === 'Established');
      return spec.bgp?.routeReflectorClusterID !== undefined && up !== true;
    })
    .map(({ metadata: { name } }) =>
      patched(
        scenario,
        'Node',
        name,
        ['spec', 'bgp', 'routeReflectorClusterID'],
        null,
        `no routeReflectorClusterID (Node ${name})`,
      ),
    );

/** A router on the way, or at an end of it, that would speak BGP if somebody did with it. */
function routerPeers(facts: Facts): Candidate[] {
  const { scenario, status } = facts;
  const asked = machinesOnTheWay(facts);
  return scenario.fabric.routers.flatMap(({ name, bgp, interfaces }) => {
    const [first] = interfaces;
    const talks = status.get(name)?.sessions.some(session => session.state === 'Established');
    if (bgp === undefined || first === undefined || talks === true || !asked.includes(name)) return [];
    const peerIP = Ipv4.format(first.address);
    const object = {
      apiVersion: 'projectcalico.org/v3',
      kind: 'BGPPeer',
      metadata: { name },
      spec: { peerIP, asNumber: bgp.as },
    };
    return [applied(object, `BGPPeer ${peerIP}, AS ${bgp.as}`)];
  });
}

/** Filters that peers have; and, where packets go in circles, one that keeps learnt routes from routers. */
function filtered(facts: Facts): Candidate[] {
  const { scenario, peers, sent } = facts;
  const off = peers
    .filter(({ spec }) => (spec.filters ?? []).length > 0)
    .map(({ metadata: { name } }) =>
      patched(scenario, 'BGPPeer', name, ['spec', 'filters'], [], `no filters (BGPPeer ${name})`),
    );
  const toRouters = peers.filter(({ spec }) => isRouter(facts, spec));
  if (sent?.explanation.death?.reason !== 'TTL_EXPIRED' || toRouters.length === 0) return off;
  const filter = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'BGPFilter',
    metadata: { name: 'own-blocks-only' },
    spec: { exportV4: [{ action: 'Reject', source: 'RemotePeers' }] },
  };
  const made = applied(filter, 'BGPFilter: learnt routes are kept from the routers');
  const used = toRouters.flatMap(
    ({ metadata, spec }) =>
      patched(
        scenario,
        'BGPPeer',
        metadata.name,
        ['spec', 'filters'],
        [...(spec.filters ?? []), filter.metadata.name],
        '',
      ).commands,
  );
  return [...off, { ...made, commands: [...made.commands, ...used] }];
}

const isRouter = ({ scenario }: Facts, { peerIP }: BGPPeer['spec']): boolean =>
  scenario.fabric.routers.some(({ interfaces }) =>
    interfaces.some(each => Ipv4.format(each.address) === peerIP?.split(':')[0]),
  );
