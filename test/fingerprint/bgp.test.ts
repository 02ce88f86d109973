import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/bgp/as-per-rack.yaml', 'scenarios/bgp/dual-tor.yaml');

// The suites are run by `sameFingerprint`, which ends in
// t.run();
