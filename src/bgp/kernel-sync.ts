/**
 * The kernel protocol: what the table says and what the kernel has are compared and the kernel is put right, at every
 * change and at every scan (2 s). Routes of others are learned. BIRD's `krt`.
 *
 *     desired (prefix -> route) <--- exports         actual <--- kernel.routes()
 *             \___________________ write the difference ___________________/
 */
import * as Ipv4 from '../addr/ipv4.ts';
import type { Prefix } from '../addr/prefix.ts';
import { SECOND, type Timer } from '../sim/time.ts';
import type { KernelConfig } from './config.ts';
import { type Numbering, UNKNOWN } from './numbering.ts';
import type { KernelNextHop, KernelRoute, SpeakerPorts } from './ports.ts';
import { byPrefix, keyOf, put } from './route.ts';

const FIRST_SCAN_SEC = 1;
const SCAN_SEC = 2;

const sameHop = (a: KernelNextHop, b: KernelNextHop): boolean =>
  a.via === b.via &&
  a.device === b.device &&
  (a.onlink ?? false) === (b.onlink ?? false) &&
  (a.weight ?? 1) === (b.weight ?? 1);

export const sameKernelRoute = (a: KernelRoute, b: KernelRoute): boolean =>
  a === b ||
  (a.type === b.type &&
    a.metric === b.metric &&
    a.protocol === b.protocol &&
    a.nextHops.length === b.nextHops.length &&
    a.nextHops.every((hop, i) => sameHop(hop, b.nextHops[i]!)));

export interface KernelSyncOwner {
  readonly ports: SpeakerPorts;
  /** What the kernel protocol has learned for a prefix, or that it is gone. */
  learned(prefix: Prefix, route: KernelRoute | undefined): void;
  /** Devices may have changed. */
  scanned(): void;
  wrote(): void;
}

export class KernelSync {
  #config: KernelConfig;
  readonly #owner: KernelSyncOwner;
  readonly #timer: Timer;
  readonly #numbers: Numbering;
  /** By number of the prefix. All other tables here are by key. */
  readonly #desired: (KernelRoute | undefined)[] = [];
  /** Routes the daemon wants in the kernel. */
  desiredCount = 0;
  readonly #learned = new Map<number, KernelRoute>();
  /** Metrics of foreign routes by prefix, as of the last look. */
  #foreign = new Map<number, Set<number>>();
  /** Prefixes whose route the kernel would refuse (BIRD's `!`). */
  readonly #refused = new Set<number>();
  /** The kernel's version when what is in it was last known: read, or written by us since. */
  #seen: number | undefined;
  /** What was wanted and not written; a scan has to look for what is missing. */
  #owing = true;
  /** Nothing is written before the first scan, nor while the daemon recovers from its own restart. */
  #scanned = false;
  #held: boolean;

  constructor(config: KernelConfig, owner: KernelSyncOwner, held: boolean, numbers: Numbering) {
    this.#numbers = numbers;
    this.#config = config;
    this.#owner = owner;
    this.#held = held;
    this.#timer = owner.ports.clock.timer(() => this.scan());
  }

  get protocolName(): string {
    return this.#config.protocolName ?? 'bird';
  }

  configure(config: KernelConfig): void {
    this.#config = config;
    this.#seen = undefined;
  }

  start(): void {
    this.#timer.arm(this.#owner.ports.clock.now + FIRST_SCAN_SEC * SECOND);
  }

  /** Leave the kernel alone from now on; with `persist` the routes stay. */
  stop(keep: boolean): void {
    this.#timer.cancel();
    if (!keep) for (const route of this.#mine()) this.#write('remove', keyOf(route.prefix), route);
    this.#scanned = false;
  }

  isDesired(prefix: Prefix): boolean {
    return this.#wanted(keyOf(prefix)) !== undefined;
  }

  /** Somebody else's route stands where ours should be. */
  isRefused(prefix: Prefix): boolean {
    return this.#refused.has(keyOf(prefix));
  }

  /** Recovery is over: bring the kernel up to date. */
  release(): void {
    this.#held = false;
    if (this.#scanned) this.scan();
  }

  /** The route the table wants for the prefix of that key. */
  set(key: number, route: KernelRoute | undefined): void {
    const number = this.#numbers.of(key);
    const was = this.#desired[number];
    if (this.#refused.size > 0) this.#refused.delete(key);
    put(this.#desired, number, route);
    this.desiredCount += (route === undefined ? 0 : 1) - (was === undefined ? 0 : 1);
    if (!this.#scanned || this.#held) {
      this.#owing = true;
      return;
    }
    if (was === route || (was !== undefined && route !== undefined && sameKernelRoute(was, route))) return;
    if (was !== undefined && (route === undefined || was.metric !== route.metric))
      this.#write('remove', key, was);
    if (route !== undefined) this.#write('replace', key, route);
  }

  /** Read devices and routes, and learn. Without repair: that is for the scans alone (BIRD's asynchronous netlink). */
  look(): void {
    this.#owner.scanned();
    const { kernel } = this.#owner.ports;
    if (this.#seen === kernel.version) return;
    this.#owing = true;
    this.#seen = kernel.version;
    this.#read(kernel.routes(protocol => protocol !== this.protocolName));
  }

  /** Look, and repair (BIRD's `krt_scan` and `kif_scan`). */
  scan(): void {
    this.#timer.arm(this.#owner.ports.clock.now + (this.#config.scanTimeSec ?? SCAN_SEC) * SECOND);
    this.look();
    this.#scanned = true;
    if (this.#held || !this.#owing) return;
    this.#owing = false;
    const present = new Set<number>();
    for (const route of this.#mine()) {
      const key = keyOf(route.prefix);
      const wanted = this.#wanted(key);
      if (wanted !== undefined && sameKernelRoute(wanted, route)) present.add(key);
      else if (wanted === undefined || wanted.metric !== route.metric) this.#write('remove', key, route);
    }
    const missing = this.#desired.filter(route => route !== undefined && !present.has(keyOf(route.prefix)));
    for (const route of (missing as KernelRoute[]).sort((a, b) => byPrefix(a.prefix, b.prefix)))
      this.#write('replace', keyOf(route.prefix), route);
  }

  #wanted(key: number): KernelRoute | undefined {
    const number = this.#numbers.known(key);
    return number === UNKNOWN ? undefined : this.#desired[number];
  }

  #mine(): KernelRoute[] {
    const own = this.protocolName;
    return [...this.#owner.ports.kernel.routes(protocol => protocol === own)];
  }

  #write(action: 'replace' | 'remove', key: number, route: KernelRoute): void {
    const { kernel, report } = this.#owner.ports;
    if (action === 'replace' && this.#foreign.get(key)?.has(route.metric)) {
      // Linux: EEXIST. BIRD tries again at the next scan, when Felix may have taken its own route away.
      this.#refused.add(key);
      this.#owing = true;
      return;
    }
    if (this.#refused.size > 0) this.#refused.delete(key);
    const known = this.#seen === kernel.version;
    if (action === 'remove') kernel.remove(route);
    else if (!kernel.replace(route)) this.#owing = true;
    if (known) this.#seen = kernel.version;
    this.#owner.wrote();
    report({ kind: 'kernel', action, route });
  }

  /** Foreign routes are learned, but for the kernel's own (`proto kernel`). Of several the lowest metric counts. */
  #read(foreign: readonly KernelRoute[]): void {
    const found = new Map<number, KernelRoute>();
    this.#foreign = new Map();
    for (const route of foreign) {
      const key = keyOf(route.prefix);
      const metrics = this.#foreign.get(key);
      if (metrics === undefined) this.#foreign.set(key, new Set([route.metric]));
      else metrics.add(route.metric);
      if (route.protocol === 'kernel' || !isLearnable(route.prefix)) continue;
      const other = found.get(key);
      if (other === undefined || route.metric < other.metric) found.set(key, route);
    }
    if (this.#config.learn ?? true) this.#learn(found);
  }

  #learn(found: ReadonlyMap<number, KernelRoute>): void {
    for (const [key, route] of this.#learned) {
      if (found.has(key)) continue;
      this.#learned.delete(key);
      this.#owner.learned(route.prefix, undefined);
    }
    for (const [key, route] of found) {
      const was = this.#learned.get(key);
      if (was !== undefined && sameKernelRoute(was, route)) continue;
      this.#learned.set(key, route);
      this.#owner.learned(route.prefix, route);
    }
  }
}

/** BIRD takes no host, link-local or multicast destinations from the kernel. */
const isLearnable = ({ address, length }: Prefix): boolean =>
  length === 0 ||
  !(
    Ipv4.isLoopback(address) ||
    Ipv4.isMulticast(address) ||
    address >>> 16 === LINK_LOCAL ||
    address >>> 24 === 0
  );

/** 169.254.0.0/16. */
const LINK_LOCAL = 0xa9fe;
