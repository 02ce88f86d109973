import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/kans.yaml', 'scenarios/kans-router.yaml');

// The suites are run by `sameFingerprint`, which ends in
// t.run();
