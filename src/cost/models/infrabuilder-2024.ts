/**
 * The 40 Gbit/s machines of InfraBuilder's benchmark of 2024, where the card segments and merges tunnel packets: the
 * work is done once for 64 KiB. Four parameters, seven rows, rms 3.7 %, all within 10 %:
 *
 *   t = 16.71 bare + 6.99 veth and forwarding + 3.69 Calico's policy + 3.33 VXLAN      µs for 64 KiB
 *
 * IPIP has no row: 1.7 µs (half of VXLAN) is an assumption. The rows have an MTU of 9000; for smaller packets 0.18 µs
 * for each, as the 2020 machines pay, is taken out of the bare part and charged by the packet.
 */
import { type HostModel, type Stage, withTunnels } from '../host-model.ts';
import { udp } from './udp.ts';

const SUPER_PACKET = 65536;
const PER_PACKET = 180;
/** Octets of data in a segment of the rows that the bare part comes from. */
const FITTED_SEGMENT = 8948;

/** `us` for 64 KiB, by the octet. */
const spread = (name: string, us: number): Stage => ({
  name,
  fixed: 0,
  perOctet: (us * 1000) / SUPER_PACKET,
});

export const bare: Stage = {
  name: 'socket and stack',
  fixed: PER_PACKET,
  perOctet: 16710 / SUPER_PACKET - PER_PACKET / FITTED_SEGMENT,
};
export const forwarding: Stage = spread('veth and forwarding', 6.99);
export const policy: Stage = spread('policy', 3.69);
export const vxlan: Stage = spread('VXLAN', 3.33);
export const ipip: Stage = spread('IPIP (assumed)', 1.7);

const stages = withTunnels([bare, forwarding, policy], [ipip], [vxlan]);

export const infrabuilder2024: HostModel = {
  name: 'infrabuilder-2024-40g',
  machine: 'two NUMA nodes, XL710-class 40 Gbit/s card, Linux 5.15; the processor is not named',
  source: 'github.com/InfraBuilder/benchmark-k8s-cni-2024-01 (commit 3a5c159)',
  validity: 'one TCP stream, MTU 9000; IPIP and MTU 1500 are assumptions; latency was not measured',
  cores: 16,
  tcp: { send: stages, receive: stages, coreShare: 1 },
  udp,
  latency: undefined,
  parallelPenalty: { none: 1.25, ipip: 1.55, vxlan: 1.55 },
};
