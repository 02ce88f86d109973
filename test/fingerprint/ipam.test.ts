import { sameFingerprint } from './same.ts';

sameFingerprint(
  'scenarios/ipam/borrowed-ip.yaml',
  'scenarios/ipam/pool-exhausted.yaml',
  'scenarios/ipam/pool-migration.yaml',
).run();
