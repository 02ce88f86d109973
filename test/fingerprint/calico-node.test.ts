import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/failures/calico-node-restart.yaml', 'scenarios/failures/node-removed.yaml');

// The suites are run by `sameFingerprint`, which ends in
// t.run();
