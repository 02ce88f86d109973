/**
 * Every field that is not compared, with the reason; there are no others. Where a field has a part that is not random,
 * that part is compared.
 */
export const IGNORED = {
  packets: {
    'ip.id': 'random; compared is whether it is 0, and which fragments share one',
    'icmp.ident': 'random; compared is which echoes share one',
    'udp.srcport, tcp ports from 32768 on':
      'random, or a hash with a random key; compared is that they are ephemeral, and which packets share one',
    'tcp.seq_raw, tcp.ack_raw': 'random initial sequence numbers',
    'udp.checksum': 'follows from random ports; whether it is 0 is compared, and receivers check it',
    times: 'of an emulated CPU',
    IPv6: 'was not fully off in the recordings, is not emulated',
    'ARP outside of the cold pings, for those who answer':
      'when an entry is confirmed again is random (base_reachable_time), and BGP asks, too; all is compared in 01 and 02, in the others who has which MAC address',
  },
  bulkTcp: {
    'number and order of data segments and ACKs, segments that are not full, tcp.window_size_value, PSH':
      'super-packets of the sender, paced by the emulated CPU; the handshake is compared, and which kinds of packets there are',
  },
  state: {
    promiscuity: 'tcpdump ran there',
    'eth* of machines: @if, link-netns, veth': 'a veth to a bridge there, a network card here',
    'link-netns': "the name of another namespace; containerd's are random",
    'order of birdcl show protocols':
      "that of the configuration, which was written by hand; confd's is by name",
    'state of neighbours': 'compared as PERMANENT, FAILED, or known',
    'since and timers of birdcl': 'times',
    'Export updates of birdcl': 'how often depends on the order in which daemons start; compared in test/bgp',
  },
  bgp: {
    'TCP ports, sequence numbers, timestamps, IP ID': 'random',
    'windows after the handshake': 'follow from how fast the programs read',
    'segments without data after the handshake': 'when an ACK is delayed depends on the CPU',
  },
} as const;
