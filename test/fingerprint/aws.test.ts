import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/aws/source-dest-check-on.yaml', 'scenarios/aws/source-dest-check-off.yaml').run();
