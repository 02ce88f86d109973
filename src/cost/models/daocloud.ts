/**
 * DaoCloud's table of round trips, the one that has all three modes of Calico:
 *
 *   RTT = RTT between the nodes + 4 · (v + e)     v 20.6 µs    e 0 Direct, 13.3 IPIP, 19.9 VXLAN
 *
 * A round trip passes a host four times. Three numbers for three unknowns: exact, and not a fit. Carried over to other
 * machines it misses by 25 to 45 %; what holds is the order Direct < IPIP < VXLAN and that it is linear.
 */
import type { HostModel } from '../host-model.ts';

const VETH = 20_585;

export const daocloud: HostModel = {
  name: 'daocloud',
  machine: '2 x Xeon E5-2620 2.0 GHz, ConnectX-5 at 10 Gbit/s, Ubuntu 22.04, not tuned',
  source: 'github.com/DaoCloud/DaoCloud-docs, docs/zh/docs/network/performance/cni-performance.md',
  validity: 'TCP_RR of 1024 octets between two pods; throughput was not measured by mode',
  cores: 24,
  tcp: undefined,
  udp: undefined,
  latency: { none: VETH, ipip: VETH + 13_277, vxlan: VETH + 19_903 },
  parallelPenalty: { none: 1, ipip: 1, vxlan: 1 },
};
