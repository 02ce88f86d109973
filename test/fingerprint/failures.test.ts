import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/failures/link-down.yaml', 'scenarios/failures/node-restart.yaml');

// The suites are run by `sameFingerprint`, which ends in
// t.run();
