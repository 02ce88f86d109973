import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/live/there-and-back.yaml').run();
