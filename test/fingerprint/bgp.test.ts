import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/bgp/as-per-rack.yaml', 'scenarios/bgp/dual-tor.yaml').run();
