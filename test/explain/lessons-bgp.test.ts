import { explainedLessons } from './lessons.ts';

explainedLessons({
  'bad-peer-as': {
    verdict: 'NO_ROUTE at tor there',
    says: ["node-3's session with tor 192.168.10.254 is Idle BGP Error: Bad peer AS, expected of AS 65001"],
    cures: ['asNumber: 64512 (BGPPeer tor)'],
    deep: true,
  },
  'rr-selector-drift': {
    verdict: 'NO_ROUTE at tor there',
    says: ['node-2 has no BGP peers'],
    cures: ['label bgp-client=yes (Node node-2)'],
  },
  'established-no-routes': {
    verdict: 'NO_ROUTE at tor there',
    says: ['the two have no session, and nobody between them passes it on'],
    cures: ['nodeToNodeMeshEnabled: true'],
  },
  'external-vm': {
    verdict: 'NO_ROUTE at tor there',
    says: ['vm has no BGP sessions'],
    cures: ['BGPPeer 10.0.0.50, AS 64512'],
  },
  'graceful-restart': {
    verdict: 'NO_ROUTE at plain there',
    says: ['BIRD does not run on node-1', 'outside hears of it: ICMP type 3 code 0'],
    cures: ['nothing: it comes back by itself'],
  },
}).run();
