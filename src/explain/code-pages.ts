/**
 * For each drop code the shipped scenario that raises exactly it, and what helps. `tunlab explain CODE` runs that
 * scenario and shows what it sees: the step is found by its expectation, not by a number.
 */
import type { DropReason } from '../trace/drop-reason.ts';

export interface CodePage {
  /** Below `scenarios/`. */
  readonly scenario: string;
  /** What users do about it. */
  readonly help: string;
}

/** Codes of what is not emulated, and of programs that no lab runs, have no page. */
export type ReservedReason = 'PMTUD_ICMP_LOST' | 'POLICY_DENY' | 'NAT_RETURN_MISSING' | 'SOCKET_BUFFER_FULL';

const pages = {
  NO_ROUTE: {
    scenario: 'drops/routes.yaml',
    help: 'a route: BGP with that router, a static one, or a tunnel, so that it need not know pods',
  },
  BLACKHOLE_ROUTE: {
    scenario: 'drops/routes.yaml',
    help: 'nothing, if no pod has that address: the blackhole is that of the block, and every pod beats it',
  },
  UNREACHABLE_ROUTE: {
    scenario: 'drops/routes.yaml',
    help: 'ip route del unreachable …; from BIRD it means that the next hop cannot be resolved: a default route',
  },
  PROHIBIT_ROUTE: { scenario: 'drops/routes.yaml', help: 'ip route del prohibit …' },
  NEIGH_FAILED: {
    scenario: 'drops/neighbours.yaml',
    help: 'is the machine on, its cable plugged in, its address right? ip neigh, ip addr',
  },
  NEIGH_QUEUE_FULL: {
    scenario: 'drops/neighbours.yaml',
    help: 'as for NEIGH_FAILED; a burst of more than 101 packets before the first ARP answer loses the oldest',
  },
  MTU_EXCEEDED_DF: {
    scenario: 'drops/sizes.yaml',
    help: 'ipipMTU or vxlanMTU in FelixConfiguration, then pods made anew: running ones keep their MTU',
  },
  FRAG_LOST: {
    scenario: 'drops/sizes.yaml',
    help: 'packets that fit, so that there are no pieces; and the link that loses them',
  },
  FRAME_TOO_LONG: {
    scenario: 'drops/sizes.yaml',
    help: 'one MTU for all devices of a segment, both ends of a veth included',
  },
  TTL_EXPIRED: {
    scenario: 'drops/routes.yaml',
    help: 'a loop: traceroute names its machines, ip route get on each of them who sends it back',
  },
  RPF_STRICT: {
    scenario: 'drops/addresses.yaml',
    help: 'one way for both directions, or sysctl -w net.ipv4.conf.all.rp_filter=2',
  },
  MARTIAN_SOURCE: {
    scenario: 'drops/addresses.yaml',
    help: 'two machines have one address: ip addr on the one that drops it',
  },
  MARTIAN_DESTINATION: {
    scenario: 'drops/addresses.yaml',
    help: 'another destination: this one is nobody’s',
  },
  FABRIC_PROTO4_BLOCKED: {
    scenario: 'drops/firewall.yaml',
    help: 'allow IP protocol 4 between the nodes, or VXLAN: ipipMode Never, vxlanMode Always',
  },
  FABRIC_UDP4789_BLOCKED: {
    scenario: 'drops/firewall.yaml',
    help: 'allow UDP port 4789 between the nodes, another vxlanPort in FelixConfiguration, or IPIP',
  },
  FABRIC_FILTERED: {
    scenario: 'drops/firewall.yaml',
    help: 'allow it between the nodes: TCP port 179 for BGP',
  },
  FABRIC_SRC_DST_CHECK: {
    scenario: 'drops/aws.yaml',
    help: 'source/destination check off on every node, or a tunnel everywhere: ipipMode or vxlanMode Always',
  },
  FABRIC_PORT_SECURITY: {
    scenario: 'drops/openstack.yaml',
    help: 'allowed address pairs with the pool on every port, or a tunnel everywhere',
  },
  TUNNEL_PEER_UNKNOWN: {
    scenario: 'drops/tunnels.yaml',
    help: 'the sender must be a Node with the address that its packets come from; others: externalNodesList',
  },
  VTEP_MISSING: {
    scenario: 'drops/tunnels.yaml',
    help: 'is there a Node with that ipv4VXLANTunnelAddr? ip neigh show dev vxlan.calico, bridge fdb',
  },
  BAD_CHECKSUM: {
    scenario: 'drops/damage.yaml',
    help: 'equipment that damages packets, or checksum offload that does not work: ethtool -K … tx off',
  },
  MALFORMED: { scenario: 'drops/damage.yaml', help: 'equipment that damages packets: capture at both ends' },
  UNKNOWN_PROTOCOL: {
    scenario: 'drops/tunnels.yaml',
    help: 'both ends must speak it: one vxlanVNI for all nodes, no IPIP to machines that are no nodes',
  },
  NOT_FOR_ME: {
    scenario: 'drops/neighbours.yaml',
    help: 'the switch does not know where the receiver is: is its cable plugged in?',
  },
  NOT_FORWARDING: {
    scenario: 'drops/ends.yaml',
    help: 'sysctl -w net.ipv4.ip_forward=1; Felix sets it unless ipForwarding is Disabled',
  },
  SPOOFED_SOURCE: {
    scenario: 'drops/addresses.yaml',
    help: 'pods may send from their own address only, unless workloadSourceSpoofing allows more',
  },
  CT_INVALID: {
    scenario: 'drops/damage.yaml',
    help: 'packets of no connection: damaged ones, or answers whose question took another way',
  },
  NO_LOCAL_ENDPOINT: {
    scenario: 'drops/ends.yaml',
    help: 'wait until Felix knows the pod; if it lasts, look whether calico-node runs on that node',
  },
  PROXY_ARP_NO_ROUTE: {
    scenario: 'drops/neighbours.yaml',
    help: 'a default route on the node, wherever it leads: without one nobody answers for 169.254.1.1',
  },
  QUEUE_FULL: { scenario: 'drops/links.yaml', help: 'a faster link, a longer queue, smaller bursts' },
  BACKLOG_FULL: {
    scenario: 'drops/processor.yaml',
    help: 'less work a packet (a larger MTU, no tunnel) or less of them a core',
  },
  LINK_DOWN: { scenario: 'drops/links.yaml', help: 'the cable, or ip link set … up' },
  LINK_LOSS: { scenario: 'drops/links.yaml', help: 'the cable: the scenario asked for it with links: loss' },
  NO_SOCKET: { scenario: 'drops/ends.yaml', help: 'start the server, or ask another port: ss -lnt' },
  TCP_OUT_OF_WINDOW: {
    scenario: 'drops/links.yaml',
    help: 'nothing: TCP throws away what it has already; many of them mean loss on the way back',
  },
  TUNNEL_DOWN: {
    scenario: 'drops/tunnels.yaml',
    help: 'a node: ip link set tunl0 up. A router: IPIP must not end there (BGP next hop)',
  },
  TUNNEL_LOOP: {
    scenario: 'drops/tunnels.yaml',
    help: 'the addresses of nodes must not be routed into the tunnel: ip route get NODE',
  },
  ECN_INVALID: {
    scenario: 'drops/tunnels.yaml',
    help: 'find the equipment that writes the ECN bits: tcpdump -v shows tos at both ends',
  },
  NODE_STOPPED: { scenario: 'drops/links.yaml', help: 'switch it on' },
  PROCESS_GONE: { scenario: 'drops/ends.yaml', help: 'wait longer for the answer: ping -W' },
} as const satisfies Record<Exclude<DropReason, ReservedReason>, CodePage>;

/** Undefined for a reserved code. */
export const codePage = (code: DropReason): CodePage | undefined =>
  code in pages ? pages[code as keyof typeof pages] : undefined;
