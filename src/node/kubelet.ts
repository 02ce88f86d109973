/**
 * The kubelet of a node, with the Calico CNI plugin: makes the pods that are bound to the node, one after the other, and
 * takes away those that are deleted.
 *
 *   pod bound here ──> ADD: address from IPAM (over RPC), namespace, veth, routes ──> status: Running, podIP
 *   pod deleted    ──> DEL: namespace away, address released
 */
import * as Ipv4 from '../addr/ipv4.ts';
import type { ApiClient } from '../api/client.ts';
import { assignPodAddress, type PodNetwork, podNetwork, releasePodAddress } from '../calico/cni.ts';
import { find, isCode, type Steps, update } from '../calico/datastore.ts';
import type { Moment } from '../calico/ipam/auto-assign.ts';
import {
  ANNOTATION_CONTAINER_ID,
  ANNOTATION_POD_IP,
  ANNOTATION_POD_IPS,
  type Pod,
  type PodStatus,
} from '../calico/resources/core.ts';
import type { NetHost } from '../netstack/host.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { NetDevice } from '../netstack/netdevice.ts';
import type { Route } from '../netstack/route.ts';
import { vethPair } from '../netstack/veth.ts';
import type { Random } from '../sim/random.ts';
import { SECOND, type Timer } from '../sim/time.ts';

/** How long the kubelet waits before it tries a sandbox again that could not be made. */
const RETRY = 10 * SECOND;

export interface KubeletPorts {
  readonly node: string;
  readonly address: Ipv4.Ipv4Address;
  readonly host: NetHost;
  readonly namespace: Namespace;
  readonly api: ApiClient;
  readonly random: Random;
  readonly moment: () => Moment;
  /** MTU for new pods. */
  readonly podMtu: () => number;
  /** A pod's devices were made or removed. */
  readonly changed: (device: string) => void;
  /** A pod's namespace is about to go. */
  readonly removed: (namespace: Namespace) => void;
  /** A line for those who trace events. */
  readonly event: (text: string) => void;
}

interface Sandbox {
  readonly pod: Pod;
  readonly containerId: string;
  readonly namespace: Namespace;
  readonly device: NetDevice;
}

interface Job {
  readonly pod: Pod;
  /** `release`: give back what a sandbox from before the machine's start held. */
  readonly what: 'add' | 'delete' | 'release';
}

export class Kubelet {
  readonly #ports: KubeletPorts;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #queue: Job[] = [];
  readonly #retry: Timer;
  #failed: Pod[] = [];
  #busy = false;

  constructor(ports: KubeletPorts) {
    this.#ports = ports;
    this.#retry = ports.host.timer(() => {
      const again = this.#failed;
      this.#failed = [];
      for (const pod of again) this.podAdded(pod);
    });
  }

  /** Pods that are still to be made or taken away; not those that were refused and will be tried again. */
  get waiting(): readonly string[] {
    return this.#queue.map(job => keyOf(job.pod));
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** A pod's namespace, by `namespace/name`. */
  sandbox(key: string): Namespace | undefined {
    return this.#sandboxes.get(key)?.namespace;
  }

  /**
   * A pod that is bound to the node when the kubelet starts. If it ran before, its sandbox died with the machine: the old
   * address is given back, and the new sandbox gets another.
   */
  podFound(pod: Pod): void {
    if (pod.spec.nodeName !== this.#ports.node) return;
    if (pod.status?.phase !== 'Running' || pod.spec.hostNetwork === true) {
      this.podAdded(pod);
      return;
    }
    this.#queue.push({ pod, what: 'release' }, { pod, what: 'add' });
    this.#next();
  }

  podAdded(pod: Pod): void {
    if (pod.spec.nodeName !== this.#ports.node || this.#sandboxes.has(keyOf(pod))) return;
    if (this.#queue.some(q => q.what === 'add' && keyOf(q.pod) === keyOf(pod))) return;
    if (pod.status?.phase === 'Running' || this.#failed.some(f => keyOf(f) === keyOf(pod))) return;
    this.#queue.push({ pod, what: 'add' });
    this.#next();
  }

  podDeleted(pod: Pod): void {
    if (pod.spec.nodeName !== this.#ports.node) return;
    this.#failed = this.#failed.filter(other => keyOf(other) !== keyOf(pod));
    this.#queue.push({ pod, what: 'delete' });
    this.#next();
  }

  /** What the readiness probe of a pod of this node says against it, or nothing; written down when it is news. */
  probed(pod: Pod, notReady: string | undefined): void {
    if (pod.status?.phase !== 'Running' || pod.status.notReady === notReady) return;
    this.#ports.event(`pod ${keyOf(pod)} is ${notReady === undefined ? '' : 'not '}ready`);
    this.#ports.api.run(writeStatus(pod, notReady === undefined ? {} : { notReady }, {}), () => {});
  }

  #next(): void {
    if (this.#busy) return;
    const job = this.#queue.shift();
    if (job === undefined) return;
    this.#busy = true;
    this.#ports.api.run(this.#stepsOf(job), outcome => {
      this.#busy = false;
      if (!outcome.ok && job.what === 'add') this.#refused(job.pod, outcome.error);
      this.#next();
    });
  }

  #stepsOf({ pod, what }: Job): Steps<void> {
    if (what === 'add') return this.#add(pod);
    if (what === 'delete') return this.#delete(pod);
    return releasePodAddress(pod, pod.metadata.annotations?.[ANNOTATION_CONTAINER_ID] ?? '');
  }

  #refused(pod: Pod, error: Error): void {
    this.#failed.push(pod);
    this.#ports.event(`pod ${keyOf(pod)} not made: ${error.message}`);
    if (!this.#retry.armed) this.#retry.arm(this.#ports.host.now + RETRY);
    // Each attempt is a sandbox of its own.
    const sandbox = hex(this.#ports.random, 64);
    const message =
      `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox ` +
      `"${sandbox}": plugin type="calico" failed (add): ${error.message}`;
    const status: PodStatus = { phase: 'Pending', reason: 'ContainerCreating', message };
    this.#ports.api.run(writeStatus(pod, status, {}), () => {});
  }

  *#add(pod: Pod): Steps<void> {
    const { node, address: hostAddress, random, moment, podMtu } = this.#ports;
    const hostIP = Ipv4.format(hostAddress);
    const running = { phase: 'Running', hostIP, startTime: moment().timestamp } as const;
    if (pod.spec.hostNetwork === true) {
      yield* writeStatus(pod, { ...running, podIP: hostIP }, {});
      return;
    }
    // It may have been made since it was queued.
    if (this.#sandboxes.has(keyOf(pod))) return;
    const containerId = hex(random, 64);
    const address = yield* assignPodAddress(pod, node, containerId, moment());
    const network = podNetwork(pod, address, podMtu(), random);
    const sandbox = this.#makeSandbox(pod, containerId, network);
    this.#sandboxes.set(keyOf(pod), sandbox);
    this.#ports.changed(sandbox.device.name);
    const podIP = Ipv4.format(address);
    this.#ports.event(`pod ${keyOf(pod)} made: ${podIP} on ${sandbox.device.name}`);
    yield* writeStatus(
      pod,
      { ...running, podIP },
      {
        [ANNOTATION_CONTAINER_ID]: containerId,
        [ANNOTATION_POD_IP]: `${podIP}/32`,
        [ANNOTATION_POD_IPS]: `${podIP}/32`,
      },
    );
  }

  *#delete(pod: Pod): Steps<void> {
    const sandbox = this.#sandboxes.get(keyOf(pod));
    if (sandbox === undefined) return;
    this.#sandboxes.delete(keyOf(pod));
    const { host, namespace } = this.#ports;
    this.#ports.removed(sandbox.namespace);
    namespace.detach(sandbox.device);
    host.removeNamespace(sandbox.namespace);
    this.#ports.changed(sandbox.device.name);
    this.#ports.event(`pod ${keyOf(pod)} removed`);
    yield* releasePodAddress(pod, sandbox.containerId);
  }

  #makeSandbox(pod: Pod, containerId: string, network: PodNetwork): Sandbox {
    const { host, namespace } = this.#ports;
    const inside = host.namespace(keyOf(pod));
    inside.setUp(inside.loopback, true);
    const { mtu } = network;
    // The pod's end is made first, in its own namespace: that is why it has index 3 behind lo and tunl0.
    const [eth0, cali] = vethPair(
      { namespace: inside, name: network.pod.device, mac: network.pod.mac, mtu },
      { namespace, name: network.host.device, mac: network.host.mac, mtu },
    );
    cali.sysctl.proxyArp = true;
    cali.sysctl.forwarding = true;
    cali.sysctl.routeLocalnet = true;
    namespace.setUp(cali, true);
    inside.setUp(eth0, true);
    inside.addAddress(eth0, network.pod.prefix.address, network.pod.prefix.length);
    for (const route of network.pod.routes) {
      inside.fib.add(routeTo(eth0, route.prefix, route.gateway ?? 0, route.scope));
    }
    namespace.fib.add(routeTo(cali, network.host.route.prefix, 0, 'link'));
    return { pod, containerId, namespace: inside, device: cali };
  }
}

const keyOf = (pod: Pod): string => `${pod.metadata.namespace ?? 'default'}/${pod.metadata.name}`;

const hex = (random: Random, digits: number): string =>
  Array.from({ length: digits / 8 }, () => random.next().toString(16).padStart(8, '0')).join('');

const routeTo = (
  device: NetDevice,
  prefix: Route['prefix'],
  via: Ipv4.Ipv4Address,
  scope: Route['scope'],
): Route => ({
  prefix,
  type: 'unicast',
  nextHops: [{ via, device, onlink: false, weight: 1 }],
  protocol: 'boot',
  scope,
  metric: 0,
  source: 0,
  mtu: 0,
  table: 'main',
});

/** Write a pod's status and annotations, whatever else is written to it meanwhile; a deleted pod needs none. */
function* writeStatus(pod: Pod, status: PodStatus, annotations: Record<string, string>): Steps<void> {
  const { name, namespace } = pod.metadata;
  for (;;) {
    const stored = yield* find('Pod', name, namespace);
    if (stored === undefined) return;
    const metadata = { ...stored.metadata, annotations: { ...stored.metadata.annotations, ...annotations } };
    try {
      const { reason: _, message: __, notReady: ___, ...old } = stored.status ?? {};
      yield* update({ ...stored, metadata, status: { ...old, ...status } });
      return;
    } catch (error) {
      if (isCode(error, 'NOT_FOUND')) return;
      if (!isCode(error, 'CONFLICT')) throw error;
    }
  }
}
