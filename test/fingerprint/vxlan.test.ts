import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/modes/vxlan-always.yaml', 'scenarios/modes/vxlan-crosssubnet.yaml');

// The suites are run by `sameFingerprint`, which ends in
// t.run();
