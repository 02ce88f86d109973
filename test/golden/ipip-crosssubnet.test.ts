import { golden } from './golden.ts';

golden('ipip-crosssubnet', 'none').run();
golden('ipip-crosssubnet', 'masquerade').run();
