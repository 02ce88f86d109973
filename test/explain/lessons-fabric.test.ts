import { explainedLessons } from './lessons.ts';

explainedLessons({
  'ipip-proto4-blocked': {
    verdict: 'FABRIC_PROTO4_BLOCKED at node-1/eth0 there',
    cures: ['ipip let through', 'vxlanMode: CrossSubnet'],
    deep: true,
  },
  'aws-src-dst-check': {
    verdict: 'FABRIC_SRC_DST_CHECK at node-1/eth0 there',
    says: ['vxlan.calico not used within a subnet'],
    cures: ['source/destination check off', 'vxlanMode: Always'],
  },
  'vxlan-port-reserved': {
    verdict: 'FABRIC_UDP4789_BLOCKED at node-1/eth0 there',
    cures: ['vxlan let through', 'vxlanPort: 4799'],
  },
  'direct-cross-subnet': {
    verdict: 'NO_ROUTE at tor there',
    says: [
      'next hop 192.168.20.100 is not on-link',
      'spec.ipipMode',
      'tor has no BGP sessions',
      'its ICMP error goes nowhere: that is the silence',
    ],
    cures: ['ipipMode: CrossSubnet', 'vxlanMode: CrossSubnet'],
    deep: true,
  },
  'hold-time': {
    verdict: 'NEIGH_FAILED at node-1 there',
    cures: ['cable of node-2/eth0 plugged in'],
  },
}).run();
