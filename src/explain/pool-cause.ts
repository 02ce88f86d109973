/** The field of a pool that says tunnel or not; asked of nodes, about pods elsewhere. */
import * as Prefix from '../addr/prefix.ts';
import type { IPPool } from '../calico/resources/pool.ts';
import type { Cluster } from '../controller/cluster.ts';
import type { RouteView } from '../node/command.ts';
import type { Cause } from './types.ts';

export function poolCause(
  cluster: Cluster,
  pools: readonly IPPool[],
  machine: string,
  destination: number,
  winner: RouteView | undefined,
): Cause | undefined {
  if (cluster.machine(machine) !== 'node' || winner === undefined) return undefined;
  const device = winner.nextHops[0]?.device;
  if (device === undefined || device.startsWith('cali') || device === 'lo') return undefined;
  const pool = pools.find(p => Prefix.contains(Prefix.from(p.spec.cidr), destination));
  if (pool === undefined) return undefined;
  // A route to more than the pool was not made for it: nobody said tunnel or not.
  if (winner.prefix.length < Prefix.from(pool.spec.cidr).length) return undefined;
  const { ipipMode = 'Never', vxlanMode = 'Never' } = pool.spec;
  if (device === 'tunl0') return fieldOf(cluster, pool, 'ipipMode', ipipMode, 'tunl0 used');
  if (device === 'vxlan.calico') return fieldOf(cluster, pool, 'vxlanMode', vxlanMode, 'vxlan.calico used');
  if (vxlanMode !== 'Never')
    return fieldOf(cluster, pool, 'vxlanMode', vxlanMode, 'vxlan.calico not used within a subnet');
  if (ipipMode === 'Always' && winner.nextHops.length > 1)
    return fieldOf(
      cluster,
      pool,
      'ipipMode',
      ipipMode,
      'tunl0 not used: a route of several next hops cannot',
    );
  const why = ipipMode === 'Never' ? '' : ' within a subnet';
  return fieldOf(cluster, pool, 'ipipMode', ipipMode, `tunl0 not used${why}`);
}

function fieldOf(
  { scenario }: Cluster,
  pool: IPPool,
  field: 'ipipMode' | 'vxlanMode',
  value: string,
  what: string,
): Cause {
  const { name } = pool.metadata;
  const loaded = scenario.resources.find(r => r.kind === 'IPPool' && r.name === name);
  const spec = loaded?.object['spec'] as Readonly<Record<string, unknown>> | undefined;
  const at = loaded?.fields[`spec.${field}`];
  const place =
    loaded !== undefined && at !== undefined && spec?.[field] === value
      ? `${loaded.file}:${at.line}:${at.column}`
      : undefined;
  return { what, resource: `IPPool ${name}`, field: `spec.${field}`, value, place };
}
