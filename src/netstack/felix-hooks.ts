/**
 * The rules that Felix writes into a node's iptables (facts: felix/rules/static.go, nat.go, endpoints.go), as hooks:
 *
 *   raw PREROUTING   from cali*: drop what does not come from the address that is routed there (rpfilter)
 *                    VXLAN: not tracked
 *   filter INPUT     IPIP and VXLAN from known nodes only
 *   filter FORWARD   from and to cali*: invalid is dropped; no tunnel packets from pods
 *   nat POSTROUTING  natOutgoing: pool -> outside every pool: masquerade
 *                    out of a tunnel with an address of another device: masquerade
 *
 * The rules are plain data, exchanged at once: between two versions no packet passes unruled, and connections stay.
 * A lab may have fewer of them: `none` for a plain kernel, `masquerade` for connection tracking and natOutgoing alone.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Prefix } from '../addr/prefix.ts';
import type { Frame, FrameStore } from '../sim/frame-store.ts';
import type { Random } from '../sim/random.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import * as Udp from '../wire/udp.ts';
import * as Vxlan from '../wire/vxlan.ts';
import { Conntrack } from './conntrack.ts';
import { defragmenter } from './defragment.ts';
import type { Fib } from './fib.ts';
import { FlowOffload } from './flow-offload.ts';
import type { HookPoint, HookTable, Verdict } from './hooks.ts';
import * as Hooks from './hooks.ts';
import { IpSet } from './ipset.ts';
import type { Namespace } from './namespace.ts';
import { Nat, type NatRule, type NatTarget, type PortRange } from './nat.ts';
import type { NetDevice } from './netdevice.ts';
import { selectAddress } from './source-address.ts';

/** Which hooks a lab has. */
export type HookVariant = 'none' | 'masquerade' | 'calico';

/** What Felix knows that decides about packets. */
export interface FelixRules {
  /** CIDRs of all pools: `cali40all-ipam-pools`. */
  readonly pools: readonly Prefix[];
  /** CIDRs of the pools with natOutgoing: `cali40masq-ipam-pools`. */
  readonly masqueradePools: readonly Prefix[];
  /** All nodes and the external ones: `cali40all-hosts-net`. */
  readonly hosts: readonly Prefix[];
  /** The other nodes' VTEPs and the external ones: `cali40all-vxlan-net`. */
  readonly vteps: readonly Prefix[];
  readonly ipipEnabled: boolean;
  readonly vxlanEnabled: boolean;
  /** 4789 unless told. */
  readonly vxlanPort?: number;
  /** Names of the tunnel devices whose traffic from other local addresses is masqueraded. */
  readonly tunnelDevices: readonly string[];
  /** `cali*` devices that have an endpoint; traffic of any other is dropped. `undefined`: they all have. */
  readonly workloads?: readonly string[];
  /** FelixConfiguration natPortRange and natOutgoingAddress. */
  readonly natPortRange?: PortRange;
  readonly natOutgoingAddress?: Ipv4Address;
}

export const NO_RULES: FelixRules = {
  pools: [],
  masqueradePools: [],
  hosts: [],
  vteps: [],
  ipipEnabled: false,
  vxlanEnabled: false,
  tunnelDevices: [],
};

/** What the hooks need of the namespace that they are in. */
export interface HookHost {
  readonly hooks: HookTable;
  readonly fib: Fib;
  readonly frames: FrameStore;
  readonly clock: { readonly now: number };
  random(purpose: string): Random;
  isLocal(address: Ipv4Address): boolean;
  /**
   * Gathers fragments in front of connection tracking, as the kernel does as soon as anything uses it: ACCEPT for a
   * whole packet, STOLEN for a piece.
   */
  defragment(frame: Frame, input: NetDevice | undefined): Verdict;
  /** The rules changed: what was decided by them is void. */
  rulesChanged(): void;
  /** The address to masquerade with behind `output`; 0 when there is none. */
  sourceAddress(output: NetDevice): Ipv4Address;
}

/** The hooks of a node's namespace; none until they are programmed. */
export function felixHooks(namespace: Namespace): FelixHooks {
  const { hooks, fib, frames, clock } = namespace;
  const felix = new FelixHooks({
    hooks,
    fib,
    frames,
    clock,
    random: purpose => namespace.random(purpose),
    isLocal: address => namespace.isLocal(address),
    defragment: defragmenter(namespace),
    rulesChanged: () => namespace.host.flows.forget(),
    sourceAddress: output => selectAddress(namespace, output, 0, 'global'),
  });
  namespace.offload = new FlowOffload(namespace, felix.conntrack);
  return felix;
}

const WORKLOAD_PREFIX = 'cali';
const HOOK_NAMES = ['defrag', 'conntrack', 'nat', 'felix'] as const;

const isWorkload = (device: NetDevice | undefined): boolean =>
  device?.name.startsWith(WORKLOAD_PREFIX) ?? false;

export class FelixHooks {
  readonly conntrack: Conntrack;
  readonly nat: Nat;
  /** By the names that `ipset list` shows. */
  readonly sets = {
    allPools: new IpSet('cali40all-ipam-pools'),
    masqueradePools: new IpSet('cali40masq-ipam-pools'),
    allHosts: new IpSet('cali40all-hosts-net'),
    allVxlan: new IpSet('cali40all-vxlan-net'),
  };
  readonly #host: HookHost;
  #variant: HookVariant = 'none';
  #rules: FelixRules = NO_RULES;
  #workloads: ReadonlySet<string> | undefined;

  constructor(host: HookHost) {
    this.#host = host;
    this.conntrack = new Conntrack(host.clock, host.frames);
    this.nat = new Nat(this.conntrack, host.frames, host.random('nat'), host.sourceAddress);
  }

  get variant(): HookVariant {
    return this.#variant;
  }

  get rules(): FelixRules {
    return this.#rules;
  }

  /** Exchange all rules. Connections are kept, whatever the rules say about their first packet now. */
  program(variant: HookVariant, rules: FelixRules): void {
    this.#host.rulesChanged();
    this.#rules = rules;
    this.#workloads = rules.workloads === undefined ? undefined : new Set(rules.workloads);
    this.sets.allPools.replace(rules.pools);
    this.sets.masqueradePools.replace(rules.masqueradePools);
    this.sets.allHosts.replace(rules.hosts);
    this.sets.allVxlan.replace(rules.vteps);
    this.nat.rules = variant === 'none' ? [] : this.#natRules(variant);
    if (variant === this.#variant) return;
    this.#variant = variant;
    for (const name of HOOK_NAMES) this.#host.hooks.remove(name);
    if (variant !== 'none') this.#installTracking();
    if (variant === 'calico') this.#installFilters();
  }

  #installTracking(): void {
    const { conntrack, nat } = this;
    const { hooks } = this.#host;
    for (const point of [Hooks.PREROUTING, Hooks.OUTPUT] as const) {
      const local = point === Hooks.OUTPUT;
      hooks.add(point, {
        name: 'defrag',
        priority: Hooks.PRIORITY_DEFRAG,
        steady: true,
        run: (frame, input) => this.#host.defragment(frame, input),
      });
      hooks.add(point, {
        name: 'conntrack',
        priority: Hooks.PRIORITY_CONNTRACK,
        steady: true,
        run: frame => {
          conntrack.track(frame, local);
          return Hooks.ACCEPT;
        },
      });
      hooks.add(point, {
        name: 'nat',
        priority: Hooks.PRIORITY_DNAT,
        steady: true,
        run: (frame, input, output) => nat.translate(point, frame, input, output),
      });
    }
    for (const point of [Hooks.INPUT, Hooks.POSTROUTING] as const) {
      hooks.add(point, {
        name: 'nat',
        priority: Hooks.PRIORITY_SNAT,
        steady: true,
        run: (frame, input, output) => nat.translate(point, frame, input, output),
      });
      hooks.add(point, {
        name: 'conntrack',
        priority: Hooks.PRIORITY_CONFIRM,
        steady: true,
        run: frame => conntrack.confirm(frame),
      });
    }
  }

  #installFilters(): void {
    const add = (
      point: HookPoint,
      priority: number,
      run: (frame: Frame, input: NetDevice | undefined, output: NetDevice | undefined) => Verdict,
    ): void => this.#host.hooks.add(point, { name: 'felix', priority, steady: true, run });
    add(Hooks.PREROUTING, Hooks.PRIORITY_RAW, (frame, input) => this.#rawPrerouting(frame, input));
    add(Hooks.INPUT, Hooks.PRIORITY_FILTER, (frame, input) => this.#filterInput(frame, input));
    add(Hooks.FORWARD, Hooks.PRIORITY_FILTER, (frame, input, output) =>
      this.#filterForward(frame, input, output),
    );
  }

  #natRules(variant: HookVariant): NatRule[] {
    const { allPools, masqueradePools } = this.sets;
    const { natPortRange, natOutgoingAddress, tunnelDevices } = this.#rules;
    // The recordings were made with a plain `-j MASQUERADE`.
    const options = {
      randomFully: variant === 'calico',
      ...(natPortRange === undefined ? {} : { ports: natPortRange }),
    };
    const masquerade: NatTarget = { kind: 'masquerade', ...options };
    const outgoing: NatRule = {
      point: Hooks.POSTROUTING,
      target:
        natOutgoingAddress === undefined
          ? masquerade
          : { kind: 'snat', address: natOutgoingAddress, ...options },
      matches: (view, at) =>
        masqueradePools.has(Ipv4.source(view, at)) && !allPools.has(Ipv4.destination(view, at)),
    };
    const tunnel: NatRule = {
      point: Hooks.POSTROUTING,
      target: masquerade,
      matches: (view, at, _input, output) => {
        const source = Ipv4.source(view, at);
        return (
          tunnelDevices.includes(output!.name) &&
          this.#host.isLocal(source) &&
          output!.addresses.every(own => own.address !== source)
        );
      },
    };
    return variant === 'calico' ? [outgoing, tunnel] : [outgoing];
  }

  #isVxlan(view: DataView, at: number): boolean {
    return (
      Ipv4.protocol(view, at) === Ipv4.PROTOCOL_UDP &&
      Ipv4.fragmentOffset(view, at) === 0 &&
      Udp.destinationPort(view, at + Ipv4.headerLength(view, at)) === (this.#rules.vxlanPort ?? Vxlan.PORT)
    );
  }

  #rawPrerouting(frame: Frame, input: NetDevice | undefined): Verdict {
    const { frames, fib } = this.#host;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    if (isWorkload(input)) {
      // `-m rpfilter --invert`: a unicast route back to the source through the device it came from, or it is spoofed.
      const back = fib.lookup(Ipv4.sourceWord(view, at));
      if (back?.type !== 'unicast' || !usesDevice(back.nextHops, input!)) return 'SPOOFED_SOURCE';
    }
    if (this.#rules.vxlanEnabled && this.#isVxlan(view, at)) this.conntrack.notrack(frame);
    return Hooks.ACCEPT;
  }

  #filterInput(frame: Frame, input: NetDevice | undefined): Verdict {
    const { frames } = this.#host;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    if (this.#rules.ipipEnabled && Ipv4.protocol(view, at) === Ipv4.PROTOCOL_IPIP)
      return this.sets.allHosts.has(Ipv4.sourceWord(view, at)) ? Hooks.ACCEPT : 'TUNNEL_PEER_UNKNOWN';
    if (this.#rules.vxlanEnabled && this.#isVxlan(view, at))
      return this.sets.allVxlan.has(Ipv4.sourceWord(view, at)) ? Hooks.ACCEPT : 'TUNNEL_PEER_UNKNOWN';
    return isWorkload(input) ? this.#fromWorkload(frame, input!) : Hooks.ACCEPT;
  }

  #filterForward(frame: Frame, input: NetDevice | undefined, output: NetDevice | undefined): Verdict {
    if (isWorkload(input)) {
      const verdict = this.#fromWorkload(frame, input!);
      if (verdict !== Hooks.ACCEPT) return verdict;
    }
    return isWorkload(output) ? this.#toWorkload(frame, output!) : Hooks.ACCEPT;
  }

  /** `cali-fw-*`. */
  #fromWorkload(frame: Frame, input: NetDevice): Verdict {
    const verdict = this.#toWorkload(frame, input);
    if (verdict !== Hooks.ACCEPT) return verdict;
    const state = this.conntrack.stateOf(frame);
    if (state === 'ESTABLISHED' || state === 'RELATED') return Hooks.ACCEPT;
    const { frames } = this.#host;
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    const isTunnel = Ipv4.protocol(view, at) === Ipv4.PROTOCOL_IPIP || this.#isVxlan(view, at);
    return isTunnel ? 'TUNNEL_PEER_UNKNOWN' : Hooks.ACCEPT;
  }

  /** `cali-tw-*`: without NetworkPolicy, the profile allows what is not invalid. */
  #toWorkload(frame: Frame, device: NetDevice): Verdict {
    if (this.#workloads !== undefined && !this.#workloads.has(device.name)) return 'NO_LOCAL_ENDPOINT';
    return this.conntrack.stateOf(frame) === 'INVALID' ? 'CT_INVALID' : Hooks.ACCEPT;
  }
}

function usesDevice(nextHops: readonly { readonly device: NetDevice }[], device: NetDevice): boolean {
  for (let i = 0; i < nextHops.length; i++) if (nextHops[i]!.device === device) return true;
  return false;
}
