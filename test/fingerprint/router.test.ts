import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/modes/direct-router-mesh.yaml', 'scenarios/modes/direct-router-rr.yaml');

// The suites are run by `sameFingerprint`, which ends in
// t.run();
