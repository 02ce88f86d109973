/**
 * A running lab by the names its user knows: pods, nodes, routers, hosts. Everything that expectations, the matrix and
 * the shell's commands ask is asked through here.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Pod } from '../calico/resources/core.ts';
import type { Kind, ResourceByKind } from '../calico/resources/kinds.ts';
import type { DeviceView, RouteView } from '../node/command.ts';
import type { Endpoint, Scenario } from '../scenario/types.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import type { FrameCounters } from '../trace/frame-account.ts';
import type { Controller } from './controller.ts';
import { type Party, type ProbeOptions, type ProbeOutcome, probe } from './probes.ts';

/** Packets of a whole lab: originated = delivered + dropped + in flight, always. */
export interface LabCounters {
  readonly originated: number;
  readonly delivered: number;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  readonly inFlight: number;
  /** Frames in the stores of all workers: those in flight, and those of the management network. */
  readonly held: number;
}

/** A name that nothing in the lab has, or something that is not there yet. */
export class NoSuchParty extends Error {
  readonly code = 'NO_SUCH_PARTY';
}

export class Cluster {
  readonly controller: Controller;
  readonly scenario: Scenario;

  constructor(controller: Controller, scenario: Scenario) {
    this.controller = controller;
    this.scenario = scenario;
  }

  async list<K extends Kind>(kind: K, namespace?: string): Promise<readonly ResourceByKind[K][]> {
    const reply = await this.controller.api({
      do: 'list',
      kind,
      ...(namespace !== undefined && { namespace }),
    });
    if (!reply.ok) throw new Error(reply.message);
    return reply.items as readonly ResourceByKind[K][];
  }

  async find<K extends Kind>(
    kind: K,
    name: string,
    namespace?: string,
  ): Promise<ResourceByKind[K] | undefined> {
    const reply = await this.controller.api({
      do: 'get',
      kind,
      name,
      ...(namespace !== undefined && { namespace }),
    });
    return reply.ok ? (reply.object as ResourceByKind[K]) : undefined;
  }

  /** Where `endpoint` is. Throws `NoSuchParty`: an unknown name, or a pod without node or address. */
  async party(endpoint: Endpoint): Promise<Party> {
    switch (endpoint.kind) {
      case 'pod':
        return this.#podParty(endpoint.namespace, endpoint.name);
      case 'address':
        return {
          name: Ipv4.format(endpoint.address),
          machine: this.#machineWith(endpoint.address) ?? '',
          namespace: '',
          address: endpoint.address,
        };
      default:
        return this.machineParty(endpoint.name);
    }
  }

  /** What kind of machine of the fabric `name` is; undefined for none. */
  machine(name: string): 'node' | 'router' | 'host' | undefined {
    const { nodes, routers, hosts } = this.scenario.fabric;
    if (nodes.some(n => n.name === name)) return 'node';
    if (routers.some(r => r.name === name)) return 'router';
    return hosts.some(h => h.name === name) ? 'host' : undefined;
  }

  /** The addresses of all machines by name, as their /etc/hosts has them. */
  hosts(): Record<string, number> {
    const { nodes, routers, hosts } = this.scenario.fabric;
    const named = [...nodes, ...routers, ...hosts].map(({ name }) => [name, this.machineParty(name).address]);
    return Object.fromEntries(named) as Record<string, number>;
  }

  /** A node, router or host of the fabric. */
  machineParty(name: string): Party {
    const { nodes, routers, hosts } = this.scenario.fabric;
    const address =
      nodes.find(n => n.name === name)?.address ??
      routers.find(r => r.name === name)?.interfaces[0]?.address ??
      hosts.find(h => h.name === name)?.address;
    if (address === undefined) throw new NoSuchParty(`there is no machine called ${name}`);
    return { name, machine: name, namespace: '', address };
  }

  async #podParty(namespace: string, name: string): Promise<Party> {
    const pod = await this.find('Pod', name, namespace);
    if (pod === undefined) throw new NoSuchParty(`there is no pod ${namespace}/${name}`);
    const shown = namespace === 'default' ? name : `${namespace}/${name}`;
    return partyOfPod(pod, shown);
  }

  #machineWith(address: number): string | undefined {
    const { nodes, routers, hosts } = this.scenario.fabric;
    return (
      nodes.find(n => n.address === address)?.name ??
      routers.find(r => r.interfaces.some(i => i.address === address))?.name ??
      hosts.find(h => h.address === address)?.name
    );
  }

  probe(pairs: readonly (readonly [Party, Party])[], options?: ProbeOptions): Promise<ProbeOutcome[]> {
    return probe(this.controller, pairs, options);
  }

  /** Frames that have died of `reason`, at one machine or anywhere. */
  async dropped(reason: DropReason, machine?: string): Promise<number> {
    const processes = this.controller.plan.lab.processes.filter(p => p.kind !== 'api').map(p => p.name);
    const asked = machine === undefined ? processes : [machine];
    const all = await this.controller.askAll<FrameCounters>(asked, { do: 'counters' });
    return all.reduce((sum, { dropped }) => sum + (dropped[reason] ?? 0), 0);
  }

  async counters(): Promise<LabCounters> {
    const machines = this.controller.plan.lab.processes.filter(p => p.kind !== 'api').map(p => p.name);
    const all = await this.controller.askAll<FrameCounters>(machines, { do: 'counters' });
    const dropped: Partial<Record<DropReason, number>> = {};
    for (const machine of all) {
      for (const [reason, count] of Object.entries(machine.dropped) as [DropReason, number][]) {
        dropped[reason] = (dropped[reason] ?? 0) + count;
      }
    }
    const worker = new Map(this.controller.placement.map(place => [place.process, place.worker]));
    const held = new Map(machines.map((machine, i) => [worker.get(machine), all[i]!.held]));
    const sum = (pick: (c: FrameCounters) => number): number => all.reduce((total, c) => total + pick(c), 0);
    return {
      originated: sum(c => c.originated),
      delivered: sum(c => c.delivered),
      dropped,
      inFlight:
        sum(c => c.originated) - sum(c => c.delivered) - Object.values(dropped).reduce((a, b) => a + b, 0),
      held: [...held.values()].reduce((a, b) => a + b, 0),
    };
  }

  /** The main table of a place, in the order of `ip route`. */
  routes(party: Pick<Party, 'machine' | 'namespace'>): Promise<RouteView[]> {
    return this.controller.ask(party.machine, { do: 'routes', namespace: party.namespace, table: 'main' });
  }

  devices(party: Pick<Party, 'machine' | 'namespace'>): Promise<DeviceView[]> {
    return this.controller.ask(party.machine, { do: 'devices', namespace: party.namespace });
  }
}

/** Throws `NoSuchParty` for a pod that has no node or address yet. */
export function partyOfPod(pod: Pod, shown: string): Party {
  const address = pod.status?.podIP === undefined ? undefined : Ipv4.parse(pod.status.podIP);
  const machine = pod.spec.nodeName;
  if (machine === undefined || address === undefined) {
    throw new NoSuchParty(
      `pod ${shown} has no address (${pod.status?.message ?? pod.status?.phase ?? 'Pending'})`,
    );
  }
  const namespace = pod.spec.hostNetwork === true ? '' : `${pod.metadata.namespace}/${pod.metadata.name}`;
  return { name: shown, machine, namespace, address };
}
