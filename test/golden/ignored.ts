/**
 * Every field that is not compared, with the reason; there are no others. Where a field has a part that is not random,
 * that part is compared.
 */
export const IGNORED = {
  packets: {
    'ip.id': 'random; whether it is 0 is compared',
    'icmp.ident': 'random',
    'udp.srcport, tcp ports from 32768 on':
      'ephemeral: random, or a hash with a random key; that they are ephemeral is compared',
    'tcp.seq_raw, tcp.ack_raw': 'random initial sequence numbers',
    'udp.checksum': 'follows from random ports; whether it is 0 is compared, and receivers check it',
    times: 'of an emulated CPU',
    IPv6: 'was not fully off in the recordings, is not emulated',
    'ARP outside of the cold pings, for those who answer':
      'when an entry is confirmed again is random (base_reachable_time), and BGP asks, too; compared in 01 and 02',
  },
  bulkTcp: {
    'number and order of data segments and ACKs, segments that are not full, tcp.window_size_value, PSH':
      'super-packets of the sender, paced by the emulated CPU; compared are the handshake, and every kind of packet that was recorded',
  },
  state: {
    promiscuity: 'tcpdump ran there',
    'eth* of machines: @if, link-netns, veth': 'a veth to a bridge there, a network card here',
    'link-netns': "the name of another namespace; containerd's are random",
    'order of birdcl show protocols':
      "that of the configuration, which was written by hand; confd's is by name",
    'state of neighbours': 'compared as PERMANENT, FAILED, or known',
    'since, timers, route change counters of birdcl': 'times',
  },
  bgp: {
    'TCP ports, sequence numbers, timestamps, IP ID': 'random',
    windows: 'follow from how fast the programs read',
    'segments without data after the handshake': 'when an ACK is delayed depends on the CPU',
  },
} as const;
