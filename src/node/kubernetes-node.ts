/**
 * A Kubernetes node: its own namespace and those of its pods, calico-node and the kubelet.
 *
 *   API server <── RPC and watch ── ApiClient ── ResourceCache ─┬─> calico-node ──> devices, routes, hooks, peers
 *                                                               └─> kubelet ──> pods
 *
 * At the start calico-node comes first: the tunnel addresses are the first of a fresh block. Both end with the machine's
 * power; calico-node also ends when its pod is deleted, and comes back with the pod that replaces it.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import { ApiClient, type Watch } from '../api/client.ts';
import type { WatchEvent } from '../api/store.ts';
import { formatTimestamp } from '../api/store-time.ts';
import type { Speaker } from '../bgp/speaker.ts';
import { create, find, type Steps } from '../calico/datastore.ts';
import type { Moment } from '../calico/ipam/auto-assign.ts';
import { isCalicoNode, type Pod } from '../calico/resources/core.ts';
import type { Resource } from '../calico/resources/kinds.ts';
import type { Node } from '../calico/resources/node.ts';
import { type FelixHooks, felixHooks } from '../netstack/felix-hooks.ts';
import type { Frame } from '../sim/frame-store.ts';
import type { Habitat } from '../sim/logical-process.ts';
import { MILLISECOND, SECOND, type Timer } from '../sim/time.ts';
import { birdcl, wallClock } from './birdcl.ts';
import { CalicoNode } from './calico-node.ts';
import type { MachineCommand, MachineStatus } from './command.ts';
import { Kubelet } from './kubelet.ts';
import { Machine } from './machine.ts';
import { ResourceCache } from './resource-cache.ts';
import { sessionViews } from './sessions.ts';
import type { NodeSpec } from './spec.ts';

/** calico-node's container is up at most this long after the kubelet, when a lab boots. */
const START_SPREAD = 300 * MILLISECOND;
/** From power to kubelet: firmware, kernel, systemd, containerd. */
const BOOT_TIME = 15 * SECOND;
/** A pod calico-node that replaces another has three init containers to run; its images are there. */
const REPLACE_LEAST = 2 * SECOND;
const REPLACE_MOST = 4 * SECOND;
/** How often the kubelet renews the lease of its node. */
const LEASE_PERIOD = 10 * SECOND;
/** periodSeconds of calico-node's readiness probe. */
const READINESS_PERIOD = 10 * SECOND;
/** Its failureThreshold: so many failures in a row. */
const READINESS_FAILURES = 3;
/** The kubelet starts pods when Felix has said which MTU they get. */
const PODS_AFTER = 100 * MILLISECOND;

export class KubernetesNode extends Machine implements Watch {
  readonly #spec: NodeSpec;
  readonly #managementJack: number;
  readonly #api: ApiClient;
  #cache = new ResourceCache();
  #hooks!: FelixHooks;
  #kubelet!: Kubelet;
  /** `undefined` while its pod is not there, or not yet started. */
  #calico: CalicoNode | undefined;
  readonly #replace: Timer;
  readonly #startPods: Timer;
  readonly #lease: Timer;
  readonly #readiness: Timer;
  /** Failures of the readiness probe in a row. */
  #unready = 0;
  #podsBegun = false;
  #instances = 0;
  /** What is in /var/lib/calico/mtu; it outlives calico-node. */
  #podMtu = 0;

  constructor(id: number, name: string, habitat: Habitat, spec: NodeSpec) {
    super(id, name, habitat, spec.observe);
    this.#spec = spec;
    this.#managementJack = spec.managementJack;
    this.#api = new ApiClient(this, spec.managementJack);
    this.#replace = this.timer(() => this.#startCalico());
    this.#lease = this.timer(() => this.#renewLease());
    this.#readiness = this.timer(() => this.#probe());
    this.#startPods = this.timer(() => this.#beginPods());
    this.#assemble();
  }

  /** What a machine has before anybody has spoken to the API server. */
  #assemble(): void {
    const { nics, routes, kernelConnectedMetric, sysctls, hostModel } = this.#spec;
    this.plugIn(nics, routes, kernelConnectedMetric);
    this.applySysctls(sysctls);
    this.applyHostModel(hostModel);
    this.#hooks = felixHooks(this.root);
    this.#cache = new ResourceCache();
    this.#podMtu = nics[0]!.mtu;
    this.#kubelet = new Kubelet({
      node: this.name,
      address: nics[0]!.address,
      host: this,
      namespace: this.root,
      api: this.#api,
      random: this.random('kubelet'),
      moment: () => this.#moment(),
      podMtu: () => this.#podMtu,
      changed: device => {
        this.lastChange = this.now;
        this.#calico?.felix.forgetDevice(device);
      },
      removed: namespace => this.killPrograms(namespace),
      event: text => this.say('events', () => text),
    });
  }

  boot(): void {
    this.timer(() => this.#connect()).arm(this.random('start').below(START_SPREAD));
  }

  protected override powerOff(): void {
    super.powerOff();
    this.#api.disconnect();
    this.#calico = undefined;
  }

  protected override powerOn(): void {
    super.powerOn();
    this.#instances = 0;
    this.#podsBegun = false;
    this.#assemble();
    const delay = BOOT_TIME + this.random('start').below(START_SPREAD);
    this.timer(() => this.#api.run(register(this.#spec.registration), () => this.#connect())).arm(
      this.now + delay,
    );
  }

  #connect(): void {
    this.#renewLease();
    this.#readiness.arm(this.now + READINESS_PERIOD);
    this.#api.watch(this);
  }

  // What the watch tells.

  listed(objects: readonly Resource[]): void {
    this.#cache.fill(objects);
  }

  stored(event: WatchEvent): void {
    this.#cache.apply(event);
  }

  synced(): void {
    if (this.#cache.list('Pod').some(isCalicoNode)) this.#startCalico();
  }

  changed(event: WatchEvent): void {
    const { type, object } = event;
    if (this.says('events')) this.say('events', () => heardText(event));
    if (this.#calico?.started) this.lastChange = this.now;
    this.#calico?.changed(object);
    if (object.kind !== 'Pod') return;
    if (isCalicoNode(object)) this.#calicoPod(type, object);
    if (type === 'DELETED') this.#kubelet.podDeleted(object);
    else if (this.#podsBegun) this.#kubelet.podAdded(object);
  }

  #renewLease(): void {
    this.#api.renewLease();
    this.#lease.arm(this.now + LEASE_PERIOD);
  }

  #beginPods(): void {
    this.#podsBegun = true;
    for (const pod of [...this.#cache.list('Pod')].sort(byCreation)) this.#kubelet.podFound(pod);
  }

  /** The pod of calico-node itself was made or deleted. */
  #calicoPod(type: WatchEvent['type'], pod: Pod): void {
    if (type === 'DELETED') {
      this.say('events', () => `${pod.metadata.name} is killed`);
      this.lastChange = this.now;
      this.#replace.cancel();
      this.#calico?.kill();
      this.#calico = undefined;
    } else if (type === 'ADDED') {
      const delay =
        REPLACE_LEAST + this.random(`replace ${this.#instances}`).below(REPLACE_MOST - REPLACE_LEAST);
      this.#replace.arm(this.now + delay);
    }
  }

  /** `bird-ready` of calico-node, as the kubelet runs it. */
  #probe(): void {
    if (!this.powered) return;
    this.#readiness.arm(this.now + READINESS_PERIOD);
    const pod = this.#cache.list('Pod').find(p => isCalicoNode(p) && p.spec.nodeName === this.name);
    if (pod === undefined || this.#calico?.started !== true) return;
    const { speaker } = this.#calico.bird;
    const out = speaker === undefined ? [] : sessionViews(speaker).filter(s => s.state !== 'Established');
    const why =
      speaker === undefined
        ? 'Error querying BIRD: unable to connect to BIRDv4 socket: dial unix /var/run/calico/bird.ctl: connect: connection refused'
        : `BGP not established with ${out.map(session => Ipv4.format(session.peer)).join(',')}`;
    const ready = speaker !== undefined && out.length === 0;
    this.#unready = ready ? 0 : this.#unready + 1;
    if (!ready && this.#unready < READINESS_FAILURES) return;
    this.#kubelet.probed(pod, ready ? undefined : `calico/node is not ready: BIRD is not ready: ${why}`);
  }

  #startCalico(): void {
    const instance = this.#instances++;
    this.lastChange = this.now;
    this.#calico = new CalicoNode({
      node: this.name,
      clock: this,
      namespace: this.root,
      nic: this.root.device(this.#spec.nics[0]!.device)!,
      streams: this.daemonStreams,
      hooks: this.#hooks,
      variant: this.#spec.hooks,
      cache: this.#cache,
      api: this.#api,
      random: purpose => this.random(instance === 0 ? purpose : `${purpose} ${instance}`),
      moment: () => this.#moment(),
      podMtu: mtu => {
        this.#podMtu = mtu;
      },
      heard: event => this.heard(event),
      event: text => this.say('events', () => text),
    });
    this.#calico.start(() => {
      if (!this.#podsBegun) this.#startPods.arm(this.now + PODS_AFTER);
    });
  }

  protected override receive(frame: Frame, jack: number): void {
    if (jack !== this.#managementJack) super.receive(frame, jack);
    else if (this.powered) this.#api.receive(frame);
    else this.frames.free(frame);
  }

  protected override get speaker(): Speaker | undefined {
    return this.#calico?.bird.speaker;
  }

  protected override status(): MachineStatus {
    if (!this.powered) {
      const addresses = this.#spec.nics.map(nic => nic.address);
      return { lastChange: this.lastChange, missing: [], sessions: [], powered: false, addresses };
    }
    const speaker = this.#calico?.bird.speaker;
    const sessions = speaker === undefined ? [] : sessionViews(speaker);
    const missing = [
      ...(this.#isStarting ? ['calico-node is starting'] : []),
      ...(this.#calico?.pending ? ['a change is being programmed'] : []),
      ...(this.#api.outstanding > 0 ? ['waits for the API server'] : []),
      ...(speaker !== undefined && sessions.every(s => s.state === 'Established') && !speaker.converged()
        ? ['BGP has not said End-of-RIB everywhere']
        : []),
      ...this.#kubelet.waiting.map(pod => `pod ${pod} is not running`),
    ];
    const lastChange = Math.max(this.lastChange, speaker?.lastChange ?? 0);
    return { lastChange, missing, sessions, powered: true, addresses: this.addresses };
  }

  get #isStarting(): boolean {
    if (this.#calico !== undefined) return !this.#calico.started;
    return this.#instances === 0 || this.#replace.armed;
  }

  protected override execute(raw: unknown): unknown {
    const command = raw as MachineCommand;
    if (command.do === 'felix-hooks' && command.namespace === '' && this.#spec.hooks === 'calico')
      return this.#calico?.felix.dataplane?.hooks;
    if (command.do !== 'sv-bird' || !this.powered) return super.execute(command);
    if (!this.#calico?.started) return false;
    this.lastChange = this.now;
    this.#calico.bird.control(command.action);
    return true;
  }

  protected override get hooks(): FelixHooks {
    return this.#hooks;
  }

  protected override daemonFiles(): Readonly<Record<string, string>> {
    return this.#calico?.bird.files ?? {};
  }

  protected override routingDaemon(words: readonly string[]): string {
    const speaker = this.#calico?.bird.speaker;
    if (speaker === undefined)
      return 'Unable to connect to server control socket: No such file or directory\n';
    return birdcl(speaker, words, wallClock(this.#spec.startMs));
  }

  #moment(): Moment {
    return { ns: this.now, timestamp: formatTimestamp(this.#spec.startMs + Math.floor(this.now / 1e6)) };
  }
}

const heardText = ({ type, object }: WatchEvent): string =>
  `watch: ${type} ${object.kind} ${object.metadata.name}`;

const byCreation = (a: Resource, b: Resource): number =>
  Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion);

/** The kubelet registers its node, unless the cluster knows it. */
function* register(node: Node): Steps<void> {
  if ((yield* find('Node', node.metadata.name)) === undefined) yield* create(node);
}
