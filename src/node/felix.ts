/**
 * Felix on a node: compares what the datastore calls for (calico/felix, pure) with what it has programmed, and closes
 * the difference in dependency order.
 *
 *   watch ──> (batch) ──> calculate ──> devices ─> fdb ─> neighbours ─> routes ─> hooks
 *
 * Some settings it cannot take up while it runs: then it exits (code 129) and is started again, and for that moment
 * nothing of the dataplane moves. Nothing is flushed: it picks up what it finds.
 */

import * as Prefix from '../addr/prefix.ts';
import type { Dataplane, FelixRoute, VxlanDevice as VxlanPlan } from '../calico/felix/calc.ts';
import { calculate } from '../calico/felix/calc.ts';
import { DeltaTracker } from '../calico/felix/delta-tracker.ts';
import { IP_SETS } from '../calico/felix/hooks.ts';
import { hostMtu } from '../calico/felix/mtu.ts';
import { TUNL0, VXLAN_CALICO } from '../calico/names.ts';
import { workloadEndpoint } from '../calico/resources/core.ts';
import { felixConfigFor } from '../calico/resources/felix.ts';
import type { Kind, Resource } from '../calico/resources/kinds.ts';
import type { FelixHooks, FelixRules, HookVariant } from '../netstack/felix-hooks.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { NetDevice } from '../netstack/netdevice.ts';
import type { Route } from '../netstack/route.ts';
import { VxlanDevice } from '../netstack/tunnel/vxlan.ts';
import type { Random } from '../sim/random.ts';
import { type Clock, MILLISECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import type { ResourceCache } from './resource-cache.ts';

/** Felix gathers changes before it applies them. */
const BATCH = 10 * MILLISECOND;
/** How often it may apply: so many times at once, and then once in so long (`applyThrottle` of its int_dataplane). */
const APPLIES = 10;
const REFILL = 100 * MILLISECOND;
/** From its exit to the first apply of the new Felix. */
const RESTART_LEAST = 800 * MILLISECOND;
const RESTART_MOST = 1800 * MILLISECOND;

/** What the dataplane is calculated from. */
const WATCHED: readonly Kind[] = ['Node', 'IPPool', 'IPAMBlock', 'Pod', 'FelixConfiguration'];

export interface FelixPorts {
  readonly node: string;
  readonly namespace: Namespace;
  readonly hooks: FelixHooks;
  readonly variant: HookVariant;
  readonly cache: ResourceCache;
  readonly clock: Clock;
  readonly random: Random;
  /** The NIC that holds the node's address. */
  readonly nic: NetDevice;
  /** Devices or routes were changed (BIRD hears of it by netlink). */
  readonly programmed: () => void;
  /** A line for those who trace events. */
  readonly event: (text: string) => void;
}

export class Felix {
  /** What the dataplane should be, as of the last apply. */
  dataplane: Dataplane | undefined;
  readonly #ports: FelixPorts;
  readonly #apply: Timer;
  readonly #routes = new DeltaTracker<FelixRoute>();
  #applies = APPLIES;
  #refilledAt: VirtualTime = 0;
  #restarting = false;
  #restartKey: string | undefined;

  constructor(ports: FelixPorts) {
    this.#ports = ports;
    this.#apply = ports.clock.timer(() => this.#run());
  }

  static watches({ kind }: Resource): boolean {
    return WATCHED.includes(kind);
  }

  /** True while something that it knows of is not yet programmed. */
  get pending(): boolean {
    return this.#apply.armed;
  }

  /** MTU that a new pod gets, as Felix writes it to /var/lib/calico/mtu. */
  get podMtu(): number {
    return this.dataplane?.mtu.pod ?? this.#ports.nic.mtu;
  }

  changed(): void {
    if (!this.#apply.armed) this.#apply.arm(this.#ports.clock.now + BATCH);
  }

  stop(): void {
    this.#apply.cancel();
  }

  #run(): void {
    const { now } = this.#ports.clock;
    const refills = Math.floor((now - this.#refilledAt) / REFILL);
    this.#refilledAt += refills * REFILL;
    this.#applies = Math.min(APPLIES, this.#applies + refills);
    if (this.#applies === 0) {
      this.#apply.arm(this.#refilledAt + REFILL);
      return;
    }
    this.#applies--;
    const wanted = this.#calculate();
    if (wanted === undefined) return;
    if (!this.#restarting && this.#restartKey !== undefined && wanted.restartKey !== this.#restartKey) {
      const { clock, random, event } = this.#ports;
      this.#restarting = true;
      this.#apply.arm(clock.now + RESTART_LEAST + random.below(RESTART_MOST - RESTART_LEAST));
      event('Felix exits with code 129: a setting changed that it reads at its start only');
      return;
    }
    if (this.#restarting || this.#restartKey === undefined) this.#ports.event('Felix has started');
    this.#restarting = false;
    if (this.#restartKey === undefined) this.#adopt();
    this.#restartKey = wanted.restartKey;
    this.dataplane = wanted;
    this.#program(wanted);
    this.#ports.programmed();
  }

  /** A new Felix takes for its own what an earlier one may have left: `proto 80`, and all on its devices. */
  #adopt(): void {
    for (const route of this.#ports.namespace.fib.list('main')) {
      const device = route.nextHops[0]?.device.name;
      const own = route.protocol === '80' || device === VXLAN_CALICO || device?.startsWith('cali');
      if (own) this.#routes.setActual(Prefix.format(route.prefix), found(route));
    }
  }

  #calculate(): Dataplane | undefined {
    const { node, cache, nic, namespace } = this.#ports;
    const configurations = cache.list('FelixConfiguration');
    const nodes = cache.list('Node');
    const ownNode = cache.find('Node', node);
    if (ownNode === undefined) return undefined;
    const config = felixConfigFor(node, configurations);
    const devices = namespace.devices.map(d => ({ name: d === nic ? 'eth0' : d.name, mtu: d.mtu, up: d.up }));
    return calculate({
      node,
      ownNode,
      nodes,
      pools: cache.list('IPPool'),
      blocks: cache.list('IPAMBlock'),
      endpoints: cache.list('Pod').flatMap(pod => workloadEndpoint(pod) ?? []),
      configurations,
      nic: nic.name,
      hostMtu: hostMtu(devices, config),
    });
  }

  #program(wanted: Dataplane): void {
    const { namespace } = this.#ports;
    namespace.sysctl.ipForward = wanted.ipForwarding;
    namespace.host.flows.forget();
    this.#programTunl0(wanted);
    // Removals run against the order of additions: routes go before the device that they use.
    this.#routes.replaceDesired(wanted.routes.map(route => [Prefix.format(route.prefix), route]));
    this.#removeRoutes();
    this.#programVxlan(wanted);
    this.#addRoutes();
    this.#programHooks(wanted);
  }

  #programTunl0({ tunl0 }: Dataplane): void {
    const { namespace } = this.#ports;
    const device = namespace.device(TUNL0);
    if (device === undefined || tunl0.state === 'untouched') return;
    const address = tunl0.state === 'configured' ? tunl0.address : undefined;
    for (const old of device.addresses) {
      if (old.address !== address) namespace.removeAddress(device, old.address);
    }
    if (tunl0.state !== 'configured') return;
    device.mtu = tunl0.mtu;
    namespace.setUp(device, true);
    if (address !== undefined) namespace.addAddress(device, address, 32);
  }

  #programVxlan({ vxlan, neighbours, fdb }: Dataplane): void {
    const { namespace } = this.#ports;
    const existing = namespace.vxlan;
    if (existing !== undefined && (vxlan === undefined || !sameDevice(existing, vxlan)))
      namespace.detach(existing);
    if (vxlan === undefined) return;
    const device = namespace.vxlan ?? this.#makeVxlan(vxlan);
    device.mtu = vxlan.mtu;
    for (const old of device.addresses) {
      if (old.address !== vxlan.address) namespace.removeAddress(device, old.address);
    }
    namespace.setUp(device, true);
    namespace.addAddress(device, vxlan.address, 32);
    const macs = new Set(fdb.map(entry => entry.mac));
    for (const mac of [...device.fdb.keys()]) if (!macs.has(mac)) device.fdb.delete(mac);
    for (const { mac, remote } of fdb) device.fdb.set(mac, remote);
    const wanted = new Set(neighbours.map(n => n.address));
    for (const old of namespace.neighbours.list()) {
      if (old.device === device && !wanted.has(old.address)) namespace.neighbours.remove(device, old.address);
    }
    for (const { address, mac } of neighbours) namespace.neighbours.setPermanent(device, address, mac);
  }

  #makeVxlan({ mac, vni, port, local, mtu }: VxlanPlan): VxlanDevice {
    const { namespace, nic } = this.#ports;
    // A new device starts with an empty table: what was programmed through the old one went with it.
    for (const [key, route] of this.#programmedRoutes())
      if (route.device === VXLAN_CALICO) this.#routes.setActual(key, undefined);
    return new VxlanDevice(namespace, VXLAN_CALICO, { mac, vni, port, local, mtu, parent: nic });
  }

  #removeRoutes(): void {
    const { fib } = this.#ports.namespace;
    for (const key of this.#routes.pendingDeletions()) {
      const route = this.#routes.actual(key)!;
      fib.remove({ prefix: route.prefix, type: route.type, protocol: protocolName(route.protocol) });
      this.#routes.setActual(key, undefined);
    }
  }

  /** A route whose device is not there yet stays pending; the next apply tries again. */
  #addRoutes(): void {
    const { namespace } = this.#ports;
    for (const key of this.#routes.pendingDeletions()) this.#routes.setActual(key, undefined);
    for (const [key, route] of this.#routes.pendingUpdates()) {
      const device = route.device === undefined ? undefined : namespace.device(route.device);
      if (route.device !== undefined && (device === undefined || !device.up)) continue;
      namespace.fib.replace(written(route, device));
      this.#routes.setActual(key, route);
    }
  }

  /** A device was made or removed (a pod came or went): the kernel has dropped what led there. */
  forgetDevice(name: string): void {
    for (const [key, route] of this.#programmedRoutes()) {
      if (route.device === name) this.#routes.setActual(key, undefined);
    }
    this.changed();
  }

  *#programmedRoutes(): Generator<[string, FelixRoute]> {
    for (const route of this.dataplane?.routes ?? []) {
      const key = Prefix.format(route.prefix);
      const actual = this.#routes.actual(key);
      if (actual !== undefined) yield [key, actual];
    }
  }

  #programHooks({ hooks, encapsulation, routes }: Dataplane): void {
    const sets = hooks.ipSets;
    const workloads = routes.flatMap(r => (r.device?.startsWith('cali') ? [r.device] : []));
    const rules: FelixRules = {
      pools: sets[IP_SETS.allPools],
      masqueradePools: sets[IP_SETS.masqPools],
      hosts: sets[IP_SETS.allHosts],
      vteps: sets[IP_SETS.allVxlan],
      ipipEnabled: encapsulation.ipip,
      vxlanEnabled: encapsulation.vxlan,
      tunnelDevices: hooks.tunnelMasquerade,
      workloads,
      vxlanPort: hooks.vxlanPort,
      ...(hooks.natOutgoing?.toAddress !== undefined && { natOutgoingAddress: hooks.natOutgoing.toAddress }),
    };
    this.#ports.hooks.program(this.#ports.variant, rules);
  }
}

const sameDevice = (device: VxlanDevice, plan: VxlanPlan): boolean =>
  device.mac === plan.mac &&
  device.vni === plan.vni &&
  device.port === plan.port &&
  device.local === plan.local;

/** Linux's names of the protocols that Felix writes; others print as numbers. */
const protocolName = (protocol: number): string => (protocol === 3 ? 'boot' : String(protocol));

const written = (route: FelixRoute, device: NetDevice | undefined): Route => ({
  prefix: route.prefix,
  type: route.type,
  nextHops:
    device === undefined ? [] : [{ via: route.gateway ?? 0, device, onlink: route.onlink, weight: 1 }],
  protocol: protocolName(route.protocol),
  scope: route.scope,
  metric: 0,
  source: route.source ?? 0,
  mtu: 0,
  table: 'main',
});

/** The other way round: a route of the kernel as Felix would have asked for it. */
function found({ prefix, type, nextHops, protocol, scope, source }: Route): FelixRoute {
  const [hop] = nextHops;
  return {
    prefix,
    type: type === 'blackhole' ? 'blackhole' : 'unicast',
    ...(hop !== undefined && { device: hop.device.name }),
    ...(hop !== undefined && hop.via !== 0 && { gateway: hop.via }),
    protocol: protocol === 'boot' ? 3 : Number(protocol),
    scope: scope === 'link' ? 'link' : 'global',
    onlink: hop?.onlink ?? false,
    ...(source !== 0 && { source }),
  };
}
