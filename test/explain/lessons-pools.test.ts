import { explainedLessons } from './lessons.ts';

explainedLessons({
  'pool-migration': {
    verdict: 'NO_ROUTE at tor there',
    says: ['172.16.45.1 is in no IP pool any more'],
    cures: ['IPPool default-ipv4-ippool back again', 'pods made anew, out of a pool that is there'],
  },
  'strict-affinity': {
    verdict: 'no-address',
    says: ['No more free affine blocks and strict affinity enabled'],
    cures: ['strictAffinity: false'],
  },
  'crosssubnet-slash32': {
    verdict: '',
    says: ['192.168.10.102 is outside of 192.168.10.101/32 (Node k8s-w1, spec.bgp.ipv4Address)'],
    cures: ['bgp.ipv4Address with the mask of the subnet (Nodes k8s-w1, k8s-w2)'],
    deep: true,
  },
}).run();
