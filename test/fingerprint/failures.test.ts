import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/failures/link-down.yaml', 'scenarios/failures/node-restart.yaml').run();
