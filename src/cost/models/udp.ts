/**
 * UDP without segmentation offload: t = a + b·L + policy + encapsulation + checksum of the tunnel·L for a datagram of
 * L octets. Fitted to fifteen single-sender rows of InfraBuilder's 2020 and 2024 benchmarks (Xeon E5-1630 v3 and the
 * 40 Gbit/s machines, which need no factor between them): rms 4.9 %, worst -12.7 %. Both ends pay the same: in every
 * one of those tests the receiver spent one whole logical processor.
 */
import { type Stage, type Work, withTunnels } from '../host-model.ts';

const socket: Stage = { name: 'socket and stack', fixed: 3485, perOctet: 0.372 };
/** Calico's iptables chains, and connection tracking for them. */
const policy: Stage = { name: 'policy', fixed: 1094, perOctet: 0 };
const checksum: Stage = { name: 'tunnel checksum', fixed: 0, perOctet: 0.112 };
const ipip: Stage = { name: 'IPIP', fixed: 483, perOctet: 0 };
const vxlan: Stage = { name: 'VXLAN', fixed: 1327, perOctet: 0 };

const stages = withTunnels([socket, policy], [ipip, checksum], [vxlan, checksum]);

export const udp: Work = { send: stages, receive: stages, coreShare: 1 };
