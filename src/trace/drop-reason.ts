/**
 * The closed list of reasons for which a frame or packet dies. Each is counted where it happens; at the end of every
 * run `originated = delivered + dropped + in flight` is asserted. `alias` is Linux's `SKB_DROP_REASON_*` where it has one.
 */
interface DropReasonEntry {
  /** What happened, in one sentence. */
  readonly sentence: string;
  /** Linux's name without `SKB_DROP_REASON_`. */
  readonly alias?: string;
  /** Named, so that users can rely on the word, but no lab raises it: what would is not emulated. */
  readonly reserved?: true;
}

const table = {
  NO_ROUTE: { sentence: 'No route covers the destination.', alias: 'IP_OUTNOROUTES' },
  BLACKHOLE_ROUTE: {
    sentence: 'The route that covers the destination is a blackhole: dropped without a word.',
  },
  UNREACHABLE_ROUTE: { sentence: 'The route that covers the destination is of type unreachable.' },
  PROHIBIT_ROUTE: { sentence: 'The route that covers the destination is of type prohibit.' },
  NEIGH_FAILED: { sentence: 'Nobody answered ARP for the next hop.', alias: 'NEIGH_FAILED' },
  NEIGH_QUEUE_FULL: { sentence: 'Too many packets waited for ARP to answer.', alias: 'NEIGH_QUEUEFULL' },
  MTU_EXCEEDED_DF: {
    sentence: 'Larger than the MTU of the way out, and DF forbids fragments.',
    alias: 'PKT_TOO_BIG',
  },
  PMTUD_ICMP_LOST: {
    sentence: 'The ICMP error that should have told the sender to use smaller packets was lost.',
    reserved: true,
  },
  FRAG_LOST: {
    sentence: 'A fragment never came, so the others were thrown away.',
    alias: 'FRAG_REASM_TIMEOUT',
  },
  FRAME_TOO_LONG: {
    sentence: 'Longer than the MTU of the device it arrived at.',
    alias: 'PKT_TOO_BIG',
  },
  TTL_EXPIRED: { sentence: 'The time to live ran out.', alias: 'IP_INHDR' },
  RPF_STRICT: {
    sentence: 'Reverse path filtering: the source is not reachable through the device it came from.',
    alias: 'IP_RPFILTER',
  },
  MARTIAN_SOURCE: { sentence: 'The source address may not appear on a wire.', alias: 'IP_INVALID_SOURCE' },
  MARTIAN_DESTINATION: {
    sentence: 'The destination address may not appear on a wire.',
    alias: 'IP_INVALID_DEST',
  },
  FABRIC_PROTO4_BLOCKED: { sentence: 'The cloud does not carry IP protocol 4 (IPIP).' },
  FABRIC_UDP4789_BLOCKED: { sentence: 'The cloud does not carry UDP port 4789 (VXLAN).' },
  FABRIC_FILTERED: {
    sentence: 'A firewall or security group of the fabric does not let this traffic through.',
  },
  FABRIC_SRC_DST_CHECK: {
    sentence: "The cloud's source/destination check: neither address is that of the network interface.",
  },
  FABRIC_PORT_SECURITY: { sentence: 'Port security: the source address is not allowed on this port.' },
  TUNNEL_PEER_UNKNOWN: { sentence: 'A tunnel packet came from a host that is no node of the cluster.' },
  VTEP_MISSING: { sentence: 'No neighbour or fdb entry says which VTEP owns the destination.' },
  BAD_CHECKSUM: { sentence: 'A checksum does not match.', alias: 'IP_CSUM' },
  MALFORMED: { sentence: 'A header is cut short or contradicts itself.', alias: 'IP_INHDR' },
  UNKNOWN_PROTOCOL: { sentence: 'Nobody here speaks this protocol.', alias: 'IP_NOPROTO' },
  NOT_FOR_ME: { sentence: 'The destination MAC address is that of another host.', alias: 'OTHERHOST' },
  NOT_FORWARDING: { sentence: 'Not addressed to this host, and forwarding is off.' },
  SPOOFED_SOURCE: {
    sentence: "A pod sent from an address that is not its own (Felix's rpfilter rule).",
    alias: 'NETFILTER_DROP',
  },
  POLICY_DENY: { sentence: 'A network policy denied it.', alias: 'NETFILTER_DROP', reserved: true },
  CT_INVALID: { sentence: 'Connection tracking found it invalid.', alias: 'NETFILTER_DROP' },
  NAT_RETURN_MISSING: {
    sentence: 'An answer came for which no address translation is remembered.',
    reserved: true,
  },
  NO_LOCAL_ENDPOINT: { sentence: 'The pod that had this address is gone.' },
  PROXY_ARP_NO_ROUTE: { sentence: 'The node did not answer ARP for 169.254.1.1: it has no route to it.' },
  QUEUE_FULL: { sentence: 'The queue of the link was full.', alias: 'QDISC_DROP' },
  BACKLOG_FULL: { sentence: 'The receive queue of the processor was full.', alias: 'CPU_BACKLOG' },
  LINK_DOWN: { sentence: 'The link was down.', alias: 'DEV_READY' },
  LINK_LOSS: { sentence: 'Lost on the link (a fault the scenario asked for).' },
  NO_SOCKET: { sentence: 'Nobody listens on that port.', alias: 'NO_SOCKET' },
  SOCKET_BUFFER_FULL: {
    sentence: 'The receive buffer of the socket was full.',
    alias: 'SOCKET_RCVBUFF',
    reserved: true,
  },
  TCP_OUT_OF_WINDOW: {
    sentence: 'A TCP segment outside of the window, or of no state that takes it.',
    alias: 'TCP_INVALID_SEQUENCE',
  },
  TUNNEL_DOWN: { sentence: 'The tunnel device is down.', alias: 'DEV_READY' },
  TUNNEL_LOOP: { sentence: "The route to the tunnel's far end leads into a tunnel again." },
  ECN_INVALID: {
    sentence: 'Congestion was marked on the outer header of a packet that cannot carry the mark (RFC 6040).',
  },
  NODE_STOPPED: { sentence: 'The node was switched off.' },
  PROCESS_GONE: { sentence: 'The program that asked for it had ended.' },
} as const satisfies Record<string, DropReasonEntry>;

export type DropReason = keyof typeof table;
export const dropReasons: Readonly<Record<DropReason, DropReasonEntry>> = table;
export const dropReasonNames = Object.keys(table) as DropReason[];
