import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/kans.yaml', 'scenarios/kans-router.yaml').run();
