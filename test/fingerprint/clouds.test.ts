import { sameFingerprint } from './same.ts';

sameFingerprint('scenarios/azure/proto4-blocked.yaml', 'scenarios/openstack/port-security.yaml');

// The suites are run by `sameFingerprint`, which ends in
// t.run();
