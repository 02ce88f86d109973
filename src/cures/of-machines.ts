/** What is wrong with a machine itself: power, cables, devices, settings of its kernel, its address in the cluster. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { bgpNetwork } from '../calico/resources/node.ts';
import type { DeviceView } from '../node/command.ts';
import { type Candidate, patched, typed } from './candidate.ts';
import { type Facts, machinesOnTheWay } from './facts.ts';

export async function machines(facts: Facts): Promise<Candidate[]> {
  const candidates = [...power(facts), ...cables(facts), ...kernel(facts), ...masks(facts)];
  for (const machine of machinesOnTheWay(facts)) {
    if (facts.cluster.controller.isOff(machine)) continue;
    candidates.push(...(await defaultRoute(facts, machine)));
    candidates.push(...(await devices(facts, machine)));
    candidates.push(...(await bird(facts, machine)));
  }
  return candidates;
}

const power = ({ scenario, cluster }: Facts): Candidate[] =>
  scenario.fabric.nodes
    .filter(({ name }) => cluster.controller.isOff(name))
    .map(({ name }) => typed(`${name} switched on`, `node start ${name}`, 'run 20s'));

/** Cables that were pulled and not plugged in again. */
function cables({ scenario, journal, cluster }: Facts): Candidate[] {
  const { plan } = cluster.controller;
  const cut = new Set<string>();
  for (const { process, command } of journal.entries) {
    const { do: verb, jack, up } = command as { do?: string; jack?: number; up?: boolean };
    if (verb !== 'carrier') continue;
    const key = `${process} ${jack}`;
    if (up === true) cut.delete(key);
    else cut.add(key);
  }
  const { nodes, routers, hosts } = scenario.fabric;
  const owners = [...nodes, ...routers, ...hosts].map(({ name }) => name);
  return owners.flatMap(owner =>
    NICS.filter(device => {
      const nic = plan.nic(owner, device);
      return nic !== undefined && cut.has(`${nic.process} ${nic.jack}`);
    }).map(device =>
      typed(`cable of ${owner}/${device} plugged in`, `link up ${owner}/${device}`, 'run 10s'),
    ),
  );
}

/** Names that NICs of the fabric have; `ens5` answers to eth0. */
const NICS = Array.from({ length: 16 }, (_, i) => `eth${i}`);

/** Settings that make a kernel drop what another would pass. */
function kernel({ sent }: Facts): Candidate[] {
  const death = sent?.explanation.death;
  if (death === undefined) return [];
  const { machine, reason } = death;
  const set = (name: string, value: number): Candidate =>
    typed(`${name} = ${value} on ${machine}`, `ssh ${machine} sysctl -w ${name}=${value}`);
  if (reason === 'NOT_FORWARDING') return [set('net.ipv4.ip_forward', 1)];
  if (reason !== 'RPF_STRICT') return [];
  return [set('net.ipv4.conf.all.rp_filter', 2), set(`net.ipv4.conf.${death.device}.rp_filter`, 2)];
}

/** The address and mask that the Node resource says, and those that the machine has. */
function masks({ scenario, nodes }: Facts): Candidate[] {
  const wrong = scenario.fabric.nodes.filter(({ name, address, prefixLength }) => {
    const said = nodes.find(node => node.metadata.name === name);
    const network = said === undefined ? undefined : bgpNetwork(said);
    return network !== undefined && (network.address !== address || network.subnet.length !== prefixLength);
  });
  const one = ({ name, address, prefixLength }: (typeof wrong)[number]): Candidate => {
    const value = `${Ipv4.format(address)}/${prefixLength}`;
    const change = `bgp.ipv4Address: ${value} (Node ${name})`;
    return patched(scenario, 'Node', name, ['spec', 'bgp', 'ipv4Address'], value, change);
  };
  if (wrong.length < 2) return wrong.map(one);
  const commands = wrong.flatMap(node => one(node).commands);
  const names = wrong.map(node => node.name).join(', ');
  return [
    { change: `bgp.ipv4Address with the mask of the subnet (Nodes ${names})`, commands, place: undefined },
  ];
}

async function defaultRoute({ scenario, cluster }: Facts, machine: string): Promise<Candidate[]> {
  const node = scenario.fabric.nodes.find(({ name }) => name === machine);
  const gateway = scenario.fabric.subnets.find(({ name }) => name === node?.subnet)?.gateway;
  if (gateway === undefined) return [];
  const routes = await cluster.routes({ machine, namespace: '' });
  if (routes.some(({ prefix }) => prefix.length === 0)) return [];
  const via = Ipv4.format(gateway.address);
  return [typed(`default route via ${via} on ${machine}`, `ssh ${machine} ip route add default via ${via}`)];
}

/** Devices that were up, or that tunnel packets came for, and are down. */
async function devices({ cluster }: Facts, machine: string): Promise<Candidate[]> {
  const all: readonly DeviceView[] = await cluster.devices({ machine, namespace: '' });
  return all
    .filter(device => !device.up && device.wasUp)
    .map(({ name }) => typed(`${name} up on ${machine}`, `ssh ${machine} ip link set ${name} up`));
}

async function bird({ cluster }: Facts, machine: string): Promise<Candidate[]> {
  if (cluster.machine(machine) !== 'node') return [];
  const said = await cluster.controller.ask<string>(machine, { do: 'birdcl', words: ['show', 'status'] });
  if (said.startsWith('BIRD ')) return [];
  return [typed(`BIRD started on ${machine}`, `ssh ${machine} sv up bird`)];
}

/** A route that somebody put there by hand, and that decides. */
export async function handmade(facts: Facts): Promise<Candidate[]> {
  const { sent, cluster } = facts;
  if (sent === undefined) return [];
  const candidates: Candidate[] = [];
  for (const { machine, namespace, route } of [...sent.explanation.there, ...sent.explanation.back]) {
    if (namespace !== '' || route === undefined) continue;
    const routes = await cluster.routes({ machine, namespace: '' });
    const own = routes.find(each => each.text.trim() === route);
    if (own === undefined || own.prefix.length === 0 || !isHandmade(own.protocol, own.nextHops[0]?.device))
      continue;
    candidates.push(
      typed(
        `without ${Prefix.format(own.prefix)} by hand on ${machine}`,
        `ssh ${machine} ip route del ${route.split(' proto ')[0]}`,
      ),
    );
  }
  return candidates;
}

/** `proto boot` is the CNI plugin's and Felix's too, but only on their own devices. */
const isHandmade = (protocol: string, device = ''): boolean =>
  protocol === 'boot' && !device.startsWith('cali') && device !== 'vxlan.calico';
