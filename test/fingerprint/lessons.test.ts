import { sameFingerprint } from './same.ts';

sameFingerprint(
  'scenarios/lessons/crosssubnet-slash32.yaml',
  'scenarios/lessons/direct-cross-subnet.yaml',
).run();
