/**
 * The pod `calico-node-…` of a node and what runs in it: the startup that sees to the tunnel addresses, the daemon that
 * goes on seeing to them, Felix, confd and BIRD. Who deletes the pod kills them all at once (its grace period is 0);
 * routes, devices and iptables stay as they are, and the next pod finds them.
 *
 *   start ─> tunnel addresses ─┬─> Felix        change ─┬─> Felix
 *                              └─> confd, BIRD          ├─> confd, BIRD
 *                                                       └─> tunnel addresses (own Node, pools)
 */
import type { ApiClient } from '../api/client.ts';
import type { SpeakerEvent, StreamStack } from '../bgp/ports.ts';
import type { Moment } from '../calico/ipam/auto-assign.ts';
import { reconcileTunnelAddresses } from '../calico/ipam/tunnel-address.ts';
import type { Resource } from '../calico/resources/kinds.ts';
import type { Node } from '../calico/resources/node.ts';
import type { FelixHooks, HookVariant } from '../netstack/felix-hooks.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { NetDevice } from '../netstack/netdevice.ts';
import type { Random } from '../sim/random.ts';
import { type Clock, MILLISECOND, type Timer } from '../sim/time.ts';
import { BirdDaemon } from './bird.ts';
import { Felix } from './felix.ts';
import { KernelPort } from './kernel-port.ts';
import type { ResourceCache } from './resource-cache.ts';

/** From a change to the daemon's look at the tunnel addresses. */
const TUNNEL_DELAY = 10 * MILLISECOND;

export interface CalicoNodePorts {
  readonly node: string;
  readonly clock: Clock;
  /** The host's namespace. */
  readonly namespace: Namespace;
  /** The NIC that holds the node's address. */
  readonly nic: NetDevice;
  /** TCP as BIRD sees it. */
  readonly streams: StreamStack;
  readonly hooks: FelixHooks;
  readonly variant: HookVariant;
  readonly cache: ResourceCache;
  readonly api: ApiClient;
  readonly random: (purpose: string) => Random;
  readonly moment: () => Moment;
  /** Felix has written /var/lib/calico/mtu. */
  readonly podMtu: (mtu: number) => void;
  readonly heard: (event: SpeakerEvent) => void;
  /** A line for those who trace events. */
  readonly event: (text: string) => void;
}

export class CalicoNode {
  readonly felix: Felix;
  readonly bird: BirdDaemon;
  /** The startup is through, the services run. */
  started = false;
  readonly #ports: CalicoNodePorts;
  readonly #tunnels: Timer;
  /** Ends the work on tunnel addresses that is under way. */
  #cancel: (() => void) | undefined;

  constructor(ports: CalicoNodePorts) {
    this.#ports = ports;
    const { node, clock, namespace, nic, hooks, variant, cache, random, heard, event } = ports;
    this.#tunnels = clock.timer(() => this.#reconcile());
    this.felix = new Felix({
      node,
      namespace,
      hooks,
      variant,
      cache,
      clock,
      random: random('felix'),
      nic,
      programmed: () => {
        ports.podMtu(this.felix.podMtu);
        this.bird.netlink();
      },
      event,
    });
    this.bird = new BirdDaemon(
      node,
      cache,
      {
        clock,
        random: random('bird'),
        streams: ports.streams,
        kernel: new KernelPort(namespace),
        report: heard,
      },
      random('confd'),
      event,
    );
  }

  /**
   * Startup, then the services, which read the datastore anew: the addresses that the startup has just allocated are
   * there from the first moment, and Felix need not restart for them. `ready` when they run.
   */
  start(ready: () => void): void {
    this.#run(node => {
      if (node !== undefined) this.#ports.cache.wrote(node);
      this.started = true;
      this.felix.changed();
      this.bird.changed();
      ready();
    });
  }

  /** Three watchers, no order between them: that is why a change of mode is ragged. */
  changed(object: Resource): void {
    if (!this.started) return;
    if (Felix.watches(object)) this.felix.changed();
    if (BirdDaemon.watches(object)) this.bird.changed();
    const own = object.kind === 'Node' && object.metadata.name === this.#ports.node;
    if ((own || object.kind === 'IPPool') && !this.#tunnels.armed)
      this.#tunnels.arm(this.#ports.clock.now + TUNNEL_DELAY);
  }

  /** SIGKILL, all of them. Peers hear of it from the kernel, which closes the sockets. */
  kill(): void {
    this.started = false;
    this.#cancel?.();
    this.#tunnels.cancel();
    this.felix.stop();
    this.bird.kill();
  }

  get pending(): boolean {
    return this.felix.pending || this.bird.pending;
  }

  #reconcile(): void {
    if (this.#cancel !== undefined) this.#tunnels.arm(this.#ports.clock.now + TUNNEL_DELAY);
    else this.#run(() => {});
  }

  /** `then` gets the Node as it is stored now; `undefined` when IPAM refused. */
  #run(then: (node: Node | undefined) => void): void {
    const { api, node, moment } = this.#ports;
    this.#cancel = api.run(reconcileTunnelAddresses(node, moment()), outcome => {
      this.#cancel = undefined;
      then(outcome.ok ? outcome.value : undefined);
    });
  }
}
