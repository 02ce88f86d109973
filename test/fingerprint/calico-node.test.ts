import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/failures/calico-node-restart.yaml', 'scenarios/failures/node-removed.yaml').run();
