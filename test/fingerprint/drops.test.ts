import { sameFingerprintBriefly } from './same.ts';

sameFingerprintBriefly(
  'scenarios/drops/addresses.yaml',
  'scenarios/drops/aws.yaml',
  'scenarios/drops/damage.yaml',
  'scenarios/drops/ends.yaml',
  'scenarios/drops/firewall.yaml',
  'scenarios/drops/links.yaml',
  'scenarios/drops/neighbours.yaml',
  'scenarios/drops/openstack.yaml',
  'scenarios/drops/processor.yaml',
  'scenarios/drops/routes.yaml',
  'scenarios/drops/sizes.yaml',
  'scenarios/drops/tunnels.yaml',
).run();
