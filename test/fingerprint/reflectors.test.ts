import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/bgp/mesh-to-reflectors.yaml').run();
