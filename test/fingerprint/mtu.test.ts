import { sameFingerprint } from './same.ts';

sameFingerprint(
  'scenarios/mtu/ipip-too-big.yaml',
  'scenarios/mtu/vxlan-too-big.yaml',
  'scenarios/mtu/underlay-too-small.yaml',
).run();
