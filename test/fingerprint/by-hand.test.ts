import { sameFingerprint } from './same.ts';

sameFingerprint('test/fixtures/shell/by-hand.yaml').run();
