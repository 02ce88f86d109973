/** The routes that need no protocol: connected networks (BIRD's `direct`) and configured ones (`static`). */
import * as Prefix from '../addr/prefix.ts';
import type { SpeakerConfig } from './config.ts';
import type { NewRoute } from './master-table.ts';
import type { KernelDevice } from './ports.ts';
import { keyOf, PREFERENCE, type RouteSource } from './route.ts';

/** Calico's template: everything but workload and kube-proxy devices. */
const DEFAULT_INTERFACES = ['-cali*', '-kube-ipvs*', '*'];

/** A name against a pattern in which `*` stands for any text and `?` for one character. */
export function matchesPattern(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(name);
}

function isSelected(patterns: readonly string[], name: string): boolean {
  for (const pattern of patterns) {
    const excludes = pattern.startsWith('-');
    if (matchesPattern(excludes ? pattern.slice(1) : pattern, name)) return !excludes;
  }
  return false;
}

const LOOPBACK = Prefix.from('127.0.0.0/8');

/** One device route for each network on a selected device that is up. */
export function directRoutes(
  devices: readonly KernelDevice[],
  patterns: readonly string[] = DEFAULT_INTERFACES,
  source: RouteSource,
): Map<number, NewRoute> {
  const routes = new Map<number, NewRoute>();
  for (const device of [...devices].sort((a, b) => a.index - b.index)) {
    if (!device.up || !isSelected(patterns, device.name)) continue;
    for (const { address, length } of device.addresses) {
      const prefix = Prefix.network(address, length);
      if (Prefix.covers(LOOPBACK, prefix) || routes.has(keyOf(prefix))) continue;
      routes.set(keyOf(prefix), {
        prefix,
        source,
        preference: PREFERENCE.direct,
        destination: 'device',
        device: device.name,
        stale: false,
      });
    }
  }
  return routes;
}

/** Blackholes always; routes by gateway while a device connects to it. */
export function staticRoutes(
  config: SpeakerConfig,
  devices: readonly KernelDevice[],
  source: RouteSource,
): Map<number, NewRoute> {
  const routes = new Map<number, NewRoute>();
  const common = { source, preference: PREFERENCE.static, stale: false };
  for (const prefix of config.staticBlackholes ?? [])
    routes.set(keyOf(prefix), { ...common, prefix, destination: 'blackhole' });
  for (const { prefix, via } of config.staticRoutes ?? []) {
    const device = devices.find(d => d.up && d.addresses.some(a => Prefix.contains(a, via)));
    if (device === undefined) continue;
    routes.set(keyOf(prefix), {
      ...common,
      prefix,
      destination: 'router',
      gateway: via,
      device: device.name,
    });
  }
  return routes;
}
