import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/azure/proto4-blocked.yaml', 'scenarios/openstack/port-security.yaml').run();
