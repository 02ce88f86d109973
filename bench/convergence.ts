/**
 * How long a cluster takes to its last route: everything boots at once, every node claims a block for its tunnel address,
 * and BGP carries it to all others.
 *
 *   mesh-N         every node speaks to every other: N (N - 1) / 2 sessions
 *   reflectors-N   two of the nodes reflect what the others tell them: 2 N sessions
 *   …-on-2         by two worker threads; the others run in one
 *
 * Wall and CPU time of the whole, booting included, and the memory at the end. A run that takes more than three
 * minutes is ended and printed with `converged: false`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lab } from '../src/lab.ts';
import { SECOND } from '../src/sim/time.ts';

const LIMIT_MS = 180_000;
const REFLECTORS = 2;

const name = (node: number): string => `n${String(node).padStart(4, '0')}`;
const address = (node: number): string => `10.0.${Math.floor(node / 200)}.${(node % 200) + 10}`;

const scenario = (nodes: number, reflected: boolean): string => `
apiVersion: tunlab.dev/v1alpha1
kind: Scenario
metadata: { name: convergence }
spec:
  calico: { version: v3.28.1 }
  seed: 1
  fabric:
    subnets:
      a: { cidr: 10.0.0.0/16, rate: 10Gbit, delay: 50us, mtu: 1500 }
    nodes:
${Array.from({ length: nodes }, (_, i) => `      ${name(i)}: a ${address(i)}`).join('\n')}
  resources: [pool.yaml${reflected ? ', reflectors.yaml' : ''}]
`;

const POOL = `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: default-ipv4-ippool }
spec: { blockSize: 26, cidr: 172.16.0.0/12, ipipMode: Always, natOutgoing: true, vxlanMode: Never }
`;

const reflectorOf = (node: number): string => `---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: ${name(node)}, labels: { route-reflector: 'true' } }
spec: { bgp: { ipv4Address: ${address(node)}/16, routeReflectorClusterID: 244.0.0.1 } }
`;

const REFLECTION = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { nodeToNodeMeshEnabled: false, asNumber: 64512 }
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: with-reflectors }
spec: { nodeSelector: all(), peerSelector: has(route-reflector) }
${Array.from({ length: REFLECTORS }, (_, i) => reflectorOf(i)).join('')}
`;

async function converge(nodes: number, reflected: boolean, workers: number) {
  const directory = mkdtempSync(join(tmpdir(), 'tunlab-'));
  const file = join(directory, 'scenario.yaml');
  writeFileSync(file, scenario(nodes, reflected));
  writeFileSync(join(directory, 'pool.yaml'), POOL);
  writeFileSync(join(directory, 'reflectors.yaml'), REFLECTION);
  const wall = performance.now();
  const cpu = process.cpuUsage();
  const signal = AbortSignal.timeout(LIMIT_MS);
  try {
    const lab = await Lab.load(file, { workers, signal });
    const { converged, at, missing } = await lab.converge('120s');
    const { user, system } = process.cpuUsage(cpu);
    const { rss } = process.memoryUsage();
    await lab.close();
    return {
      converged,
      workers,
      virtualSeconds: at / SECOND,
      wallSeconds: Math.round(performance.now() - wall) / 1e3,
      cpuSeconds: Math.round((user + system) / 1e3) / 1e3,
      megabytes: Math.round(rss / 2 ** 20),
      ...(missing.length > 0 && { missing: missing.length, first: missing[0] }),
    };
  } catch (error) {
    if (!signal.aborted) throw error;
    return { converged: false, workers, wallSeconds: LIMIT_MS / 1e3 };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export const cases = [
  ...[10, 30, 50, 100, 200].map(nodes => ({
    name: `mesh-${nodes}`,
    heavy: nodes > 50,
    run: () => converge(nodes, false, 0),
  })),
  ...[0, 2].flatMap(workers =>
    [100, 300, 1000, 2000, 5000].map(nodes => ({
      name: `reflectors-${nodes}${workers === 0 ? '' : `-on-${workers}`}`,
      heavy: nodes > 100,
      run: () => converge(nodes, true, workers),
    })),
  ),
];
