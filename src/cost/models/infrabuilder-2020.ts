/**
 * The machines of A. Ducastel's benchmark of August 2020, with two kernels. With 4.15 the network card segments tunnel
 * packets too; with 5.4 the kernel cuts IPIP into wire packets before the device, which costs 4 to 6 times as much.
 *
 * Work of the whole host for each wire packet, from the CPU columns of the TCP tests:
 *
 *   sender, hardware 176 ns + 0.268 ns/octet (rms 12.6 %)     receiver  -98 ns + 0.303 ns/octet (rms 11.6 %)
 *   sender, software 1976 ns + 0.815 ns/octet (rms 4.3 %)     receiver  1299 ns + 0.545 ns/octet (rms 2.8 %)
 *
 * The busiest core does 0.639 of it: fixed by one row (Calico 3.16, kernel 5.4, MTU 1440: 5.596 Gbit/s), and the other
 * rows of the machine follow within 3 %.
 */
import { type HostModel, type Stage, withTunnels } from '../host-model.ts';
import { udp } from './udp.ts';

const CORE_SHARE = 0.639;
const MACHINE = 'Xeon E5-1630 v3 3.7 GHz, 4 cores, 10 Gbit/s';
const SOURCE = 'github.com/InfraBuilder/benchmark-k8s-cni-2020-08 (commit d5fa3ef)';
const PENALTY = { none: 1.25, ipip: 1.55, vxlan: 1.55 };

const hardwareSend: Stage = { name: 'stack, offload', fixed: 176, perOctet: 0.268 };
const hardwareReceive: Stage = { name: 'stack, merged', fixed: -98, perOctet: 0.303 };
const softwareSend: Stage = { name: 'stack, cut in software', fixed: 1976, perOctet: 0.815 };
const softwareReceive: Stage = { name: 'stack, not merged', fixed: 1299, perOctet: 0.545 };

export const infrabuilder2020k415: HostModel = {
  name: 'infrabuilder-2020-k415',
  machine: `${MACHINE}, Linux 4.15: the card segments tunnel packets`,
  source: SOURCE,
  validity: 'one TCP stream or UDP sender, pod MTU 1376 to 8950; latency was not measured',
  cores: 8,
  tcp: {
    send: withTunnels([hardwareSend], [], []),
    receive: withTunnels([hardwareReceive], [], []),
    coreShare: CORE_SHARE,
  },
  udp,
  latency: undefined,
  parallelPenalty: PENALTY,
};

export const infrabuilder2020k54: HostModel = {
  name: 'infrabuilder-2020-k54-no-tunnel-offload',
  machine: `${MACHINE}, Linux 5.4: tunnel packets are segmented in software`,
  source: SOURCE,
  validity:
    'one TCP stream or UDP sender, pod MTU 1440 to 8940, IPIP; VXLAN taken to be as IPIP; latency was not measured',
  cores: 8,
  tcp: {
    send: { none: [hardwareSend], ipip: [softwareSend], vxlan: [softwareSend] },
    receive: { none: [hardwareReceive], ipip: [softwareReceive], vxlan: [softwareReceive] },
    coreShare: CORE_SHARE,
  },
  udp,
  latency: undefined,
  parallelPenalty: PENALTY,
};
