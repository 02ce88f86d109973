import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/bench/ipip-within-1.5-percent.yaml').run();
