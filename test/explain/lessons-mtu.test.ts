import { explainedLessons } from './lessons.ts';

explainedLessons({
  'mtu-blackhole': {
    verdict: 'MTU_EXCEEDED_DF at wan there',
    says: ['1452 data + 28 headers + 20 IPIP', '"mtu":1460', 'wan sends no ICMP errors'],
    cures: ['ipipMTU: 1440, and pods made anew'],
  },
  'ipip-to-vxlan-live': {
    verdict: 'MTU_EXCEEDED_DF at client there',
    cures: ['pods made anew, with the MTU of today'],
  },
  'mesh-sessions': { verdict: '', cures: [] },
  'dot-zero-address': { verdict: '', cures: [] },
  'what-is-this-blackhole': {
    verdict: 'BLACKHOLE_ROUTE at node-1 there',
    says: ['172.16.25.0/24 is the block of node-1, and no pod has 172.16.25.77'],
    cures: [],
  },
}).run();
