import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/bgp/mesh-to-reflectors.yaml');

// The suites are run by `sameFingerprint`, which ends in
// t.run();
