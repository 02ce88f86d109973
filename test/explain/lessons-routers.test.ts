import { explainedLessons } from './lessons.ts';

explainedLessons({
  'dual-tor-ecmp': {
    verdict: 'TUNNEL_DOWN at b back',
    says: ['a route of several next hops cannot', 'BGPPeer two'],
    cures: ['ipipMode: Never (IPPool default-ipv4-ippool), as it was', 'vxlanMode: CrossSubnet'],
    either: ['a1', 'a2'],
  },
  'ipip-to-the-router': {
    verdict: 'TUNNEL_DOWN at tor there',
    says: ['outer packet to 192.168.10.254', 'BGPPeer rack-one'],
    cures: ['vxlanMode: CrossSubnet'],
  },
  'tor-and-mesh-loop': {
    verdict: 'TTL_EXPIRED at tor there',
    cures: ['BGPFilter: learnt routes are kept from the routers'],
  },
}).run();
