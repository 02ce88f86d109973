import { golden } from './golden.ts';

golden('direct-nopeer', 'none').run();
golden('direct-nopeer', 'masquerade').run();
