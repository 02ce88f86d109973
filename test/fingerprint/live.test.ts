import { sameFingerprint } from './same.ts';

sameFingerprint(
  'scenarios/live/modes.yaml',
  'scenarios/nat/nat-outgoing.yaml',
  'scenarios/modes/direct-static-routes.yaml',
).run();
