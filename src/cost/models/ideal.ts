/** Processors that cost nothing and take no time: what is left are the bytes on the wire. */
import type { HostModel } from '../host-model.ts';

export const ideal: HostModel = {
  name: 'ideal',
  machine: 'none: processing takes no time',
  source: 'arithmetic: IEEE 802.3, RFC 791, RFC 9293, RFC 2003, RFC 7348',
  validity: 'what the wire allows; no machine is faster',
  cores: 0,
  tcp: undefined,
  udp: undefined,
  latency: undefined,
  parallelPenalty: { none: 1, ipip: 1, vxlan: 1 },
};
