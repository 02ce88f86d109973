/**
 * The controllers of the cluster that networking feels: they watch the store and write to it. In a real cluster each is
 * a client of the API server; here they live beside the store and do the whole of a round at one instant.
 *
 *   DaemonSet calico-node    a pod on every node, another one when it is deleted
 *   node lifecycle           NotReady after 40 s without a sign of life of the kubelet, Ready with the next
 *   pod garbage collector    pods of a node that is no more go 40 to 60 s after it
 *   calico-kube-controllers  IPAM: addresses and blocks of nodes that are no more; empty blocks, leaked addresses (5 min)
 */
import { runSync } from '../calico/datastore.ts';
import { collectLeaks, type Suspects } from '../calico/ipam/leaks.ts';
import { collectEmptyBlocks, releaseNode } from '../calico/ipam/release.ts';
import { calicoNodePod, isCalicoNode } from '../calico/resources/core.ts';
import type { Random } from '../sim/random.ts';
import { type Clock, MILLISECOND, SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import type { Store, WatchEvent } from './store.ts';

const DAEMON_SET_DELAY = 100 * MILLISECOND;
const NODE_MONITOR_PERIOD = 5 * SECOND;
const NODE_GRACE = 40 * SECOND;
/** A node must have been gone for so long (quarantine of the pod garbage collector), which looks this often. */
const QUARANTINE = 40 * SECOND;
const POD_GC_PERIOD_MS = 20_000;
/** kube-controllers look at IPAM this often, and soon after something that concerns it. */
const IPAM_GC_PERIOD = 300 * SECOND;
const IPAM_GC_DELAY = SECOND;

export interface ControllersHost extends Clock {
  random(purpose: string): Random;
}

export class Controllers {
  readonly #store: Store;
  readonly #host: ControllersHost;
  readonly #version: string;
  readonly #random: Random;
  readonly #monitor: Timer;
  /** When each node's kubelet last gave a sign of life. */
  readonly #seen = new Map<string, VirtualTime>();
  readonly #podGc: Timer;
  readonly #ipamGc: Timer;
  #emptyBefore: ReadonlySet<string> = new Set();
  #suspects: Suspects = new Map();

  constructor(store: Store, host: ControllersHost, spec: { readonly calicoVersion: string }) {
    this.#store = store;
    this.#host = host;
    this.#version = spec.calicoVersion;
    this.#random = host.random('controllers');
    this.#monitor = host.timer(() => this.#lookAtNodes());
    this.#podGc = host.timer(() => this.#collectPods());
    this.#ipamGc = host.timer(() => this.#collectIpam());
  }

  /** The objects from before the start are in the store. */
  start(): void {
    this.#store.watch(event => this.#event(event));
    this.#ipamGc.arm(this.#host.now + IPAM_GC_PERIOD);
    this.#monitor.arm(this.#host.now + NODE_MONITOR_PERIOD);
  }

  /** The kubelet of `node` has renewed its lease. */
  alive(node: string): void {
    this.#seen.set(node, this.#host.now);
    this.#setReady(node, true);
  }

  #lookAtNodes(): void {
    const { now } = this.#host;
    this.#monitor.arm(now + NODE_MONITOR_PERIOD);
    for (const [node, at] of this.#seen) if (now - at > NODE_GRACE) this.#setReady(node, false);
  }

  #setReady(name: string, ready: boolean): void {
    const node = this.#store.find('Node', name);
    if (node?.kubernetes === undefined || node.kubernetes.ready === ready) return;
    this.#store.update({ ...node, kubernetes: { ...node.kubernetes, ready } });
  }

  #event({ type, object }: WatchEvent): void {
    const { now } = this.#host;
    if (object.kind === 'Node' && type === 'ADDED') this.#daemonPodSoon(object.metadata.name);
    if (object.kind === 'Node' && type === 'DELETED') {
      if (!this.#podGc.armed)
        this.#podGc.arm(now + QUARANTINE + this.#random.below(POD_GC_PERIOD_MS) * MILLISECOND);
      this.#ipamSoon();
    }
    if (object.kind !== 'Pod' || type !== 'DELETED') return;
    const { nodeName } = object.spec;
    if (nodeName === undefined) return;
    if (isCalicoNode(object)) this.#daemonPodSoon(nodeName);
    if (!this.#isNode(nodeName)) this.#ipamSoon();
  }

  #isNode(name: string): boolean {
    return this.#store.find('Node', name) !== undefined;
  }

  #daemonPodSoon(node: string): void {
    this.#host.timer(() => this.#daemonPod(node)).arm(this.#host.now + DAEMON_SET_DELAY);
  }

  #daemonPod(node: string): void {
    const present = this.#store
      .list('Pod', 'kube-system')
      .some(p => isCalicoNode(p) && p.spec.nodeName === node);
    if (this.#isNode(node) && !present) this.#store.create(calicoNodePod(node, this.#version, this.#random));
  }

  #collectPods(): void {
    for (const { metadata, spec } of this.#store.list('Pod')) {
      if (spec.nodeName === undefined || this.#isNode(spec.nodeName)) continue;
      this.#store.delete('Pod', metadata.name, metadata.namespace);
    }
  }

  #ipamSoon(): void {
    this.#ipamGc.arm(Math.min(this.#ipamGc.deadline, this.#host.now + IPAM_GC_DELAY));
  }

  #collectIpam(): void {
    const { now } = this.#host;
    this.#ipamGc.arm(now + IPAM_GC_PERIOD);
    for (const node of this.#lostNodes()) runSync(releaseNode(node), this.#store);
    this.#emptyBefore = runSync(collectEmptyBlocks(this.#emptyBefore), this.#store);
    this.#suspects = runSync(collectLeaks(this.#suspects, now), this.#store);
  }

  /** Nodes that IPAM knows and the cluster does not, once their pods are gone too. */
  #lostNodes(): Set<string> {
    const lost = new Set<string>();
    for (const { spec } of this.#store.list('BlockAffinity')) lost.add(spec.node);
    for (const { spec } of this.#store.list('IPAMBlock')) {
      for (const { secondary } of spec.attributes) if (secondary?.['node']) lost.add(secondary['node']);
    }
    for (const { metadata } of this.#store.list('Node')) lost.delete(metadata.name);
    for (const { spec } of this.#store.list('Pod'))
      if (spec.nodeName !== undefined) lost.delete(spec.nodeName);
    return lost;
  }
}
