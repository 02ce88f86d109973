/** What is known of a lab at the point where a packet does not get through: asked once, before anything is tried. */
import type { BGPConfiguration, BGPFilter, BGPPeer } from '../calico/resources/bgp.ts';
import type { FelixConfiguration } from '../calico/resources/felix.ts';
import type { Node } from '../calico/resources/node.ts';
import type { IPPool } from '../calico/resources/pool.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { Party, ProbeOptions, ProbeOutcome } from '../controller/probes.ts';
import type { Explanation } from '../explain/explanation.ts';
import type { MachineStatus } from '../node/command.ts';
import type { Journal } from '../parallel/journal.ts';
import type { Scenario } from '../scenario/types.ts';

export interface Facts {
  readonly cluster: Cluster;
  readonly scenario: Scenario;
  /** Everything that came from outside up to now. */
  readonly journal: Journal;
  readonly what: ProbeOptions;
  /** Undefined when one of the two has no address, so that nothing could be sent. */
  readonly sent: { readonly outcome: ProbeOutcome; readonly explanation: Explanation } | undefined;
  /** Those of the two that are pods without an address. */
  readonly pending: readonly string[];
  readonly nodes: readonly Node[];
  readonly pools: readonly IPPool[];
  readonly peers: readonly BGPPeer[];
  readonly filters: readonly BGPFilter[];
  readonly bgp: readonly BGPConfiguration[];
  readonly felix: readonly FelixConfiguration[];
  readonly status: ReadonlyMap<string, MachineStatus>;
}

export type Question = Pick<Facts, 'cluster' | 'journal' | 'what' | 'sent' | 'pending'>;

export async function gather(question: Question): Promise<Facts> {
  const { cluster } = question;
  const { controller, scenario } = cluster;
  const { machines } = controller;
  const states = await controller.askAll<MachineStatus>(machines, { do: 'status' });
  return {
    ...question,
    scenario,
    nodes: await cluster.list('Node'),
    pools: await cluster.list('IPPool'),
    peers: await cluster.list('BGPPeer'),
    filters: await cluster.list('BGPFilter'),
    bgp: await cluster.list('BGPConfiguration'),
    felix: await cluster.list('FelixConfiguration'),
    status: new Map(machines.map((machine, i) => [machine, states[i]!])),
  };
}

/** Sender and receiver. */
export const parties = ({ sent }: Facts): readonly Party[] =>
  sent === undefined ? [] : [sent.outcome.from, sent.outcome.to];

/** The machines that the packet was seen in, or that its sender or receiver is on; each once. */
export function machinesOnTheWay(facts: Facts): string[] {
  const { sent } = facts;
  if (sent === undefined) return [];
  const { there, back, death } = sent.explanation;
  const seen = [...there, ...back].map(stop => stop.machine);
  const all = [...parties(facts).map(party => party.machine), ...seen, death?.machine ?? ''];
  return [...new Set(all)].filter(machine => facts.cluster.machine(machine) !== undefined);
}
