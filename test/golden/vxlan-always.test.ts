import { golden } from './golden.ts';

golden('vxlan-always', 'none').run();
golden('vxlan-always', 'masquerade').run();
