import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/modes/direct-router-mesh.yaml', 'scenarios/modes/direct-router-rr.yaml').run();
