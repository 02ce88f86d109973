/**
 * A Kubernetes node: its own namespace and those of its pods, calico-node (startup, Felix, confd, BIRD) and the kubelet.
 *
 *   API server <── RPC and watch ── ApiClient ── ResourceCache ─┬─> Felix ──> devices, routes, hooks
 *                                                               ├─> confd ──> BIRD ──> kernel, peers
 *                                                               └─> kubelet ──> pods
 *
 * Start: tunnel addresses first (they take the first address of a fresh block), then everything else.
 */

import { ApiClient } from '../api/client.ts';
import { formatTimestamp } from '../api/store-time.ts';
import type { Moment } from '../calico/ipam/auto-assign.ts';
import { reconcileTunnelAddresses } from '../calico/ipam/tunnel-address.ts';
import type { Resource } from '../calico/resources/kinds.ts';
import { felixHooks } from '../netstack/felix-hooks.ts';
import type { TcpLayer } from '../netstack/tcp/tcp-layer.ts';
import type { Frame } from '../sim/frame-store.ts';
import type { Habitat } from '../sim/logical-process.ts';
import { MILLISECOND, type Timer } from '../sim/time.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import { BirdDaemon } from './bird.ts';
import { birdcl, wallClock } from './birdcl.ts';
import type { MachineStatus } from './command.ts';
import { Felix } from './felix.ts';
import { KernelPort } from './kernel-port.ts';
import { Kubelet } from './kubelet.ts';
import { Machine } from './machine.ts';
import { ResourceCache } from './resource-cache.ts';
import { sessionViews } from './sessions.ts';
import type { NodeSpec } from './spec.ts';

/** calico-node's container is up at most this long after the machine. */
const START_SPREAD = 300 * MILLISECOND;

export class KubernetesNode extends Machine {
  readonly #spec: NodeSpec;
  readonly #api: ApiClient;
  readonly #cache = new ResourceCache();
  readonly #felix: Felix;
  readonly #bird: BirdDaemon;
  readonly #kubelet: Kubelet;
  readonly #tunnels: Timer;
  #started = false;
  #reconciling = false;

  constructor(id: number, name: string, habitat: Habitat, spec: NodeSpec) {
    super(id, name, habitat, spec.observe);
    this.#spec = spec;
    this.plugIn(spec.nics, spec.routes, spec.kernelConnectedMetric);
    this.applySysctls(spec.sysctls);
    this.applyHostModel(spec.hostModel);
    const nic = this.root.device(spec.nics[0]!.device)!;
    this.#api = new ApiClient(this, spec.managementJack);
    this.#tunnels = this.timer(() => this.#reconcileTunnels());
    this.#felix = new Felix({
      node: name,
      namespace: this.root,
      hooks: felixHooks(this.root),
      variant: spec.hooks,
      cache: this.#cache,
      clock: this,
      random: this.random('felix'),
      nic,
      programmed: () => this.#bird.netlink(),
      event: text => this.say('events', () => text),
    });
    this.#bird = new BirdDaemon(
      name,
      this.#cache,
      {
        clock: this,
        random: this.random('bird'),
        streams: this.root.transports[Ipv4.PROTOCOL_TCP] as TcpLayer,
        kernel: new KernelPort(this.root),
        report: event => this.heard(event),
      },
      this.random('confd'),
      text => this.say('events', () => text),
    );
    this.#kubelet = new Kubelet({
      node: name,
      address: spec.nics[0]!.address,
      host: this,
      namespace: this.root,
      api: this.#api,
      random: this.random('kubelet'),
      moment: () => this.#moment(),
      podMtu: () => this.#felix.podMtu,
      changed: device => {
        this.lastChange = this.now;
        this.#felix.forgetDevice(device);
      },
      event: text => this.say('events', () => text),
    });
  }

  boot(): void {
    const delay = this.random('start').below(START_SPREAD);
    this.timer(() => {
      this.#api.watch(
        objects => this.#synced(objects),
        event => {
          this.#cache.apply(event);
          this.say('events', () => `watch: ${event.type} ${event.object.kind} ${event.object.metadata.name}`);
          this.#changed(event.object);
          if (event.object.kind === 'Pod' && this.#started) {
            if (event.type === 'DELETED') this.#kubelet.podDeleted(event.object);
            else this.#kubelet.podAdded(event.object);
          }
        },
      );
    }).arm(delay);
  }

  #synced(objects: readonly Resource[]): void {
    this.#cache.fill(objects);
    this.#api.run(reconcileTunnelAddresses(this.name, this.#moment()), () => {
      this.#started = true;
      this.#felix.changed();
      this.#bird.changed();
      // The kubelet starts pods when Felix has said which MTU they get.
      this.timer(() => {
        for (const pod of this.#cache.list('Pod').sort(byCreation)) this.#kubelet.podAdded(pod);
      }).arm(this.now + 100 * MILLISECOND);
    });
  }

  /** Three watchers, no order between them: that is why a change of mode is ragged. */
  #changed(object: Resource): void {
    if (!this.#started) return;
    this.lastChange = this.now;
    this.#felix.changed();
    this.#bird.changed();
    const own = object.kind === 'Node' && object.metadata.name === this.name;
    if ((own || object.kind === 'IPPool') && !this.#tunnels.armed)
      this.#tunnels.arm(this.now + 10 * MILLISECOND);
  }

  #reconcileTunnels(): void {
    if (this.#reconciling) {
      this.#tunnels.arm(this.now + 10 * MILLISECOND);
      return;
    }
    this.#reconciling = true;
    this.#api.run(reconcileTunnelAddresses(this.name, this.#moment()), () => {
      this.#reconciling = false;
    });
  }

  protected override receive(frame: Frame, jack: number): void {
    if (jack === this.#spec.managementJack) this.#api.receive(frame);
    else super.receive(frame, jack);
  }

  protected override status(): MachineStatus {
    const { speaker } = this.#bird;
    const sessions = speaker === undefined ? [] : sessionViews(speaker);
    const missing = [
      ...(this.#started ? [] : ['calico-node is starting']),
      ...(this.#felix.pending || this.#bird.pending ? ['a change is being programmed'] : []),
      ...(this.#api.outstanding > 0 ? ['waits for the API server'] : []),
      ...sessions.filter(s => s.state !== 'Established').map(s => `${s.name} is ${s.state}`),
      ...(speaker !== undefined && sessions.every(s => s.state === 'Established') && !speaker.converged()
        ? ['BGP has not said End-of-RIB everywhere']
        : []),
      ...this.#kubelet.waiting.map(pod => `pod ${pod} is not running`),
    ];
    const lastChange = Math.max(this.lastChange, speaker?.lastChange ?? 0);
    return { lastChange, missing, sessions };
  }

  protected override routingDaemon(words: readonly string[]): string {
    const { speaker } = this.#bird;
    if (speaker === undefined)
      return 'Unable to connect to server control socket: No such file or directory\n';
    return birdcl(speaker, words, wallClock(this.#spec.startMs));
  }

  #moment(): Moment {
    return { ns: this.now, timestamp: formatTimestamp(this.#spec.startMs + Math.floor(this.now / 1e6)) };
  }
}

const byCreation = (a: Resource, b: Resource): number =>
  Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion);
