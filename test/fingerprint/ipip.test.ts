import { sameFingerprint } from './same.ts';

sameFingerprint(
  'scenarios/modes/ipip-always.yaml',
  'scenarios/modes/ipip-crosssubnet.yaml',
  'scenarios/modes/direct.yaml',
);

// The suites are run by `sameFingerprint`, which ends in
// t.run();
