import { golden } from './golden.ts';

golden('ipip-always', 'none').run();
golden('ipip-always', 'masquerade').run();
