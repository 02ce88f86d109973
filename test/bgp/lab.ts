/** The recorded laboratory (four nodes, two subnets) as speakers in a `Net`, configured as its `conf/*.bird.cfg` are. */
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import {
  type CalicoPool,
  calicoExportToBgpPeers,
  calicoKernelProgramming,
} from '../../src/bgp/calico-filters.ts';
import type { PeerConfig, SpeakerConfig } from '../../src/bgp/config.ts';
import type { KernelDevice, KernelRoute, SpeakerEvent } from '../../src/bgp/ports.ts';
import { Speaker } from '../../src/bgp/speaker.ts';
import { fixture } from '../kit.ts';
import { FakeKernel, Net, portsOf } from './net.ts';

export const MODES = ['ipip-always', 'ipip-crosssubnet', 'direct-nopeer', 'vxlan-always'] as const;
export type Mode = (typeof MODES)[number];

export interface NodeSpec {
  readonly name: string;
  readonly address: string;
  readonly block: string;
  readonly gateway: string;
  readonly workload?: { readonly address: string; readonly device: string };
}

export const NODES: readonly NodeSpec[] = [
  { name: 'k8s-m', address: '192.168.10.10', block: '172.16.116.0/26', gateway: '192.168.10.254' },
  {
    name: 'k8s-w1',
    address: '192.168.10.101',
    block: '172.16.158.0/26',
    gateway: '192.168.10.254',
    workload: { address: '172.16.158.3', device: 'calice0906292e2' },
  },
  {
    name: 'k8s-w2',
    address: '192.168.10.102',
    block: '172.16.184.0/26',
    gateway: '192.168.10.254',
    workload: { address: '172.16.184.4', device: 'calibd2348b4f67' },
  },
  {
    name: 'k8s-w0',
    address: '192.168.20.100',
    block: '172.16.34.0/26',
    gateway: '192.168.20.254',
    workload: { address: '172.16.34.1', device: 'cali49778cadcf1' },
  },
];

export const node = (name: string): NodeSpec => NODES.find(n => n.name === name)!;
export const at = (name: string): number => Ipv4.from(node(name).address);

export function poolOf(mode: Mode): CalicoPool {
  return {
    cidr: Prefix.from('172.16.0.0/16'),
    ipipMode: mode === 'ipip-always' ? 'Always' : mode === 'ipip-crosssubnet' ? 'CrossSubnet' : 'Never',
    vxlanMode: mode === 'vxlan-always' ? 'Always' : 'Never',
  };
}

const subnetOf = (address: string): Prefix.Prefix => Prefix.network(Ipv4.from(address), 24);
const host = (address: number): Prefix.Prefix => ({ address, length: 32 });

/** Devices and routes as they are before BIRD starts: Felix's and the administrator's. */
export function kernelOf(spec: NodeSpec, mode: Mode): FakeKernel {
  const address = Ipv4.from(spec.address);
  const block = Prefix.from(spec.block);
  const devices: KernelDevice[] = [
    { name: 'lo', index: 1, up: true, addresses: [Prefix.from('127.0.0.1/8')] },
    { name: 'eth0', index: 2, up: true, addresses: [{ address, length: 24 }] },
  ];
  const tunnel = mode.startsWith('ipip') ? 'tunl0' : mode === 'vxlan-always' ? 'vxlan.calico' : undefined;
  if (tunnel !== undefined)
    devices.push({ name: tunnel, index: 3, up: true, addresses: [host(block.address)] });
  if (spec.workload) devices.push({ name: spec.workload.device, index: 5, up: true, addresses: [] });
  const unicast = (route: Partial<KernelRoute> & Pick<KernelRoute, 'prefix' | 'nextHops'>): KernelRoute => ({
    type: 'unicast',
    protocol: 'boot',
    metric: 0,
    ...route,
  });
  const routes: KernelRoute[] = [
    unicast({
      prefix: Prefix.from('0.0.0.0/0'),
      nextHops: [{ via: Ipv4.from(spec.gateway), device: 'eth0' }],
      protocol: 'static',
    }),
    unicast({
      prefix: subnetOf(spec.address),
      nextHops: [{ device: 'eth0' }],
      protocol: 'kernel',
      scope: 'link',
      source: address,
    }),
  ];
  if (spec.workload)
    routes.push(
      unicast({
        prefix: host(Ipv4.from(spec.workload.address)),
        nextHops: [{ device: spec.workload.device }],
        scope: 'link',
      }),
    );
  if (mode === 'vxlan-always') {
    routes.push({ prefix: block, type: 'blackhole', nextHops: [], protocol: '80', metric: 0 });
    for (const other of NODES) {
      if (other === spec) continue;
      const prefix = Prefix.from(other.block);
      routes.push(
        unicast({ prefix, nextHops: [{ via: prefix.address, device: 'vxlan.calico', onlink: true }] }),
      );
    }
  }
  return new FakeKernel(devices, routes);
}

export function configOf(spec: NodeSpec, mode: Mode): SpeakerConfig {
  const pools = [poolOf(mode)];
  const block = Prefix.from(spec.block);
  const sourceAddress = Ipv4.from(spec.address);
  const peers: PeerConfig[] = NODES.filter(n => n !== spec).map(other => ({
    name: `Mesh_${other.address.replaceAll('.', '_')}`,
    description: 'Connection to BGP peer',
    remoteAddress: Ipv4.from(other.address),
    remoteAs: 64512,
    sourceAddress,
    passive: other.address > spec.address, // as text
    exportFilter: calicoExportToBgpPeers({ pools, ownBlocks: [block], internalPeer: true }),
  }));
  peers.sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    routerId: sourceAddress,
    localAs: 64512,
    gracefulRestartRecovery: true,
    kernel: {
      exportFilter: calicoKernelProgramming({ pools, localSubnet: subnetOf(spec.address) }),
      mergePaths: true,
    },
    staticBlackholes: [block],
    peers,
  };
}

export interface LabNode {
  readonly spec: NodeSpec;
  readonly speaker: Speaker;
  readonly kernel: FakeKernel;
  readonly events: SpeakerEvent[];
}

export class Lab {
  readonly net = new Net();
  readonly nodes = new Map<string, LabNode>();

  constructor(mode: Mode, change: (config: SpeakerConfig, spec: NodeSpec) => SpeakerConfig = c => c) {
    for (const spec of NODES) {
      const kernel = kernelOf(spec, mode);
      const events: SpeakerEvent[] = [];
      const ports = portsOf(this.net, Ipv4.from(spec.address), kernel, events);
      const speaker = new Speaker(change(configOf(spec, mode), spec), ports);
      this.nodes.set(spec.name, { spec, speaker, kernel, events });
    }
  }

  start(): this {
    for (const { speaker } of this.nodes.values()) speaker.start();
    return this;
  }

  at(name: string): LabNode {
    return this.nodes.get(name)!;
  }

  converged(): boolean {
    return [...this.nodes.values()].every(n => n.speaker.converged());
  }
}

/** A recorded text: `bird-route`, `bird-route-all`, `bird-protocols`, `bird-protocols-all` or `route`. */
export function recorded(mode: Mode, name: string, kind: string): string {
  const sections = fixture(`bgp/${mode}.txt`).toString().split('=== ');
  const section = sections.find(s => s.startsWith(`${name} ${kind}\n`))!;
  return section.slice(section.indexOf('\n') + 1);
}
