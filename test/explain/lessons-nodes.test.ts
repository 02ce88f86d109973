import { explainedLessons } from './lessons.ts';

explainedLessons({
  'nat-outgoing-off': {
    verdict: 'NO_ROUTE at tor back',
    says: ['source stays 172.16.25.1: IPPool default-ipv4-ippool, spec.natOutgoing false'],
    cures: ['natOutgoing: true'],
  },
  'nat-second-pool': {
    verdict: 'NO_ROUTE at tor back',
    says: ['source stays 172.16.25.1: 10.9.0.9 is in IPPool data-centre'],
    cures: ['IPPool data-centre taken away again'],
    deep: true,
  },
  'node-address-as-source': {
    verdict: '',
    says: ['source 172.16.25.1 becomes 10.0.0.1: IPPool default-ipv4-ippool, spec.natOutgoing true'],
    cures: [],
  },
  'gateway-169-254-1-1': {
    verdict: 'NEIGH_FAILED at stuck there',
    says: ['node-3 does not answer ARP for it, as it has no route to it (PROXY_ARP_NO_ROUTE)'],
    cures: ['default route via 10.0.0.254 on node-3'],
  },
  'rp-filter': {
    verdict: 'RPF_STRICT at node-2 there',
    says: ['it came from 172.16.25.1 by tunl0; back there it would go by 172.16.25.0/24'],
    cures: ['net.ipv4.conf.all.rp_filter = 2 on node-2', 'bgp.ipv4Address: 192.168.10.101/24 (Node node-1)'],
    deep: true,
  },
}).run();
