import { sameFingerprint } from './same.ts';

sameFingerprint(
  'scenarios/modes/ipip-always.yaml',
  'scenarios/modes/ipip-crosssubnet.yaml',
  'scenarios/modes/direct.yaml',
).run();
