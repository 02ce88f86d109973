import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/modes/vxlan-always.yaml', 'scenarios/modes/vxlan-crosssubnet.yaml').run();
