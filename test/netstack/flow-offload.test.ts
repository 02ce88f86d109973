import fc from 'fast-check';
import { toWord } from '../../src/addr/address-word.ts';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { type FelixHooks, type FelixRules, felixHooks, NO_RULES } from '../../src/netstack/felix-hooks.ts';
import { ACCEPT, FORWARD, PREROUTING } from '../../src/netstack/hooks.ts';
import type { Namespace } from '../../src/netstack/namespace.ts';
import type { NetDevice } from '../../src/netstack/netdevice.ts';
import { TcpLayer } from '../../src/netstack/tcp/tcp-layer.ts';
import type { SendRequest } from '../../src/netstack/transport.ts';
import type { UdpSocket } from '../../src/netstack/udp-socket.ts';
import * as Payload from '../../src/sim/payload.ts';
import { MICROSECOND, MILLISECOND, SECOND } from '../../src/sim/time.ts';
import * as Wire from '../../src/wire/ipv4.ts';
import { assert, suite } from '../kit.ts';
import { Lab, type Mode, route, type TestHost } from './lab.ts';

const t = suite('netstack/flow-offload');

const MODES = ['ipip-always', 'vxlan-always', 'direct-nopeer'] as const satisfies readonly Mode[];
const NODES = ['k8s-w1', 'k8s-w2', 'k8s-w0'] as const;
const PODS = { pod1: '172.16.158.3', pod2: '172.16.184.4', pod3: '172.16.34.1' } as const;
type Pod = keyof typeof PODS;
const CALI = { 'k8s-w1': 'calice0906292e2', 'k8s-w0': 'cali49778cadcf1' } as const;
/** k8s-m, which has no pod, as a peer of the pods. */
const OUTSIDE = '192.168.10.10';
const ECHO = 7;
const DISCARD = 9;

const pools = [Prefix.from('172.16.0.0/16')];
const nodes = [Prefix.from('192.168.0.0/16')];
const rulesOf = (mode: Mode): FelixRules => ({
  ...NO_RULES,
  pools,
  masqueradePools: pools,
  hosts: nodes,
  vteps: nodes,
  ipipEnabled: mode.startsWith('ipip'),
  vxlanEnabled: mode.startsWith('vxlan'),
  tunnelDevices: ['tunl0', 'vxlan.calico'],
});

/** What a change may lay hands on: a node with a pod, and what is on it. */
interface Place {
  readonly lab: Lab;
  readonly node: keyof typeof CALI;
  readonly namespace: Namespace;
  readonly hooks: FelixHooks;
  readonly cali: NetDevice;
  /** Where packets for the other nodes' pods leave. */
  readonly output: NetDevice;
  /** The route to the other node's pods, as it was. */
  readonly restore: () => void;
  /** For the first time, the third, …: changed; otherwise changed back. */
  readonly odd: boolean;
}

/** What a node's decisions rest on. */
const changes: Readonly<Record<string, (place: Place) => void>> = {
  nothing: () => {},
  'blackhole for the pods': ({ namespace: { fib }, node, odd }) => {
    const own = node === 'k8s-w1' ? PODS.pod1 : PODS.pod3;
    for (const pod of Object.values(PODS)) {
      if (pod === own) continue;
      if (odd) fib.replace(route(undefined, `${pod}/32`));
      else fib.remove({ prefix: { address: Ipv4.from(pod), length: 32 } });
    }
  },
  'past the tunnel': ({ namespace, restore, odd, node }) => {
    const gateway = node === 'k8s-w0' ? '192.168.20.254' : '192.168.10.254';
    if (!odd) return restore();
    for (const block of ['172.16.158.0/26', '172.16.34.0/26'])
      namespace.fib.replace(route(namespace.device('eth0'), block, gateway));
  },
  'pod elsewhere': ({ namespace, cali, node, odd }) => {
    const pod = `${node === 'k8s-w1' ? PODS.pod1 : PODS.pod3}/32`;
    namespace.fib.replace(route(odd ? namespace.device('eth0') : cali, pod));
  },
  'veth down': ({ namespace, cali, node, odd }) => {
    namespace.setUp(cali, !odd);
    if (!odd) namespace.fib.replace(route(cali, `${node === 'k8s-w1' ? PODS.pod1 : PODS.pod3}/32`));
  },
  'tunnel down': ({ namespace, output, restore, odd }) => {
    if (output.name === 'eth0') return;
    namespace.setUp(output, !odd);
    if (!odd) restore();
  },
  'tunnel without address': ({ namespace, output, odd, node }) => {
    const address = Ipv4.from(node === 'k8s-w1' ? '172.16.158.0' : '172.16.34.0');
    if (output.name === 'eth0') return;
    if (odd) namespace.removeAddress(output, address);
    else namespace.addAddress(output, address, 32);
  },
  'MTU of the way out': ({ output, odd }) => {
    output.mtu = odd ? 600 : output.name === 'eth0' ? 1500 : 1450;
  },
  'MTU of the veth': ({ cali, lab, odd }) => {
    cali.mtu = odd ? 600 : lab.podMtu;
  },
  'no neighbours': ({ namespace, cali, restore }) => {
    for (const device of namespace.devices) namespace.neighbours.flush(device, device !== cali);
    restore();
  },
  'no fdb': ({ namespace: { vxlan }, restore, odd }) => {
    if (odd) for (const mac of [...(vxlan?.fdb.keys() ?? [])]) vxlan?.fdb.delete(mac);
    else restore();
  },
  'conntrack -F': ({ hooks: { conntrack } }) => {
    for (const connection of conntrack.list()) conntrack.remove(connection);
  },
  'unknown nodes': ({ hooks, odd, lab }) =>
    hooks.program('calico', { ...rulesOf(lab.mode), ...(odd ? { hosts: [], vteps: [] } : {}) }),
  'no endpoint': ({ hooks, odd, lab }) =>
    hooks.program('calico', { ...rulesOf(lab.mode), ...(odd ? { workloads: [] } : {}) }),
  'other pool': ({ hooks, odd, lab }) =>
    hooks.program('calico', {
      ...rulesOf(lab.mode),
      ...(odd ? { pools: [Prefix.from('172.16.158.0/24')] } : {}),
    }),
  'no hooks': ({ hooks, odd, lab }) => hooks.program(odd ? 'none' : 'calico', rulesOf(lab.mode)),
  'fewer hooks': ({ hooks, odd, lab }) => hooks.program(odd ? 'masquerade' : 'calico', rulesOf(lab.mode)),
  'another hook': ({ namespace: { hooks }, odd }) => {
    if (odd) hooks.add(FORWARD, { name: 'no', priority: 0, run: () => 'NOT_FORWARDING' });
    else hooks.remove('no');
  },
  'no forwarding': ({ namespace, odd }) => {
    namespace.sysctl.ipForward = !odd;
  },
  'strict source': ({ namespace, odd }) => {
    namespace.device('eth0')!.sysctl.rpFilter = odd ? 1 : 0;
  },
  cable: ({ namespace, odd }) => {
    namespace.host.outputs[0]!.up = !odd;
  },
};
/** Changes that only the outside makes. */
const COMMANDS: ReadonlySet<string> = new Set(['no forwarding', 'strict source']);

interface Step {
  readonly change: string;
  readonly node: keyof typeof CALI;
  readonly length: number;
  readonly pmtu: SendRequest['pmtu'];
  readonly ttl: number;
  readonly tos: number;
  /** The change comes between two packets, not when all is quiet. */
  readonly midway: boolean;
  /** Long enough for a connection to be forgotten, and a neighbour to be doubted. */
  readonly wait: boolean;
}

/** Pods and nodes that talk to each other. When they are watched, every packet goes through the stack and its hooks. */
class Talk {
  readonly lab: Lab;
  /** Packets that were spared hooks at a node, and those that went past a pod's stack. */
  readonly spared = { hooks: 0, stack: 0 };
  readonly #hooks = new Map<string, FelixHooks>();
  readonly #sockets: Record<Pod, UdpSocket>;
  readonly #turns = new Map<string, number>();
  readonly #write: () => void;
  readonly #liar: UdpSocket;
  #received = 0;
  #streamed = 0;

  constructor(mode: Mode, watched: boolean) {
    this.lab = new Lab(mode);
    for (const node of NODES) this.#program(node);
    if (watched) this.#watch();
    this.#serve('k8s-m');
    this.#liar = this.#lie();
    this.#sockets = { pod1: this.#serve('pod1'), pod2: this.#serve('pod2'), pod3: this.#serve('pod3') };
    this.#write = this.#stream('pod1', 'pod3');
  }

  #watch(): void {
    for (const node of NODES) {
      const { host, hooks } = this.lab.namespace(node);
      hooks.add(PREROUTING, { name: 'watcher', priority: 0, run: () => ACCEPT });
      for (const { devices } of host.namespaces) for (const device of devices) device.tap(() => {});
    }
  }

  #program(node: string): void {
    const namespace = this.lab.namespace(node);
    const hooks = felixHooks(namespace);
    this.#hooks.set(node, hooks);
    hooks.program('calico', rulesOf(this.lab.mode));
    const offload = namespace.offload!;
    const { flows } = namespace.host;
    const receive = offload.receive.bind(offload);
    offload.receive = (frame, input) => this.#note('hooks', receive(frame, input));
    const sendOn = offload.send.bind(offload);
    offload.send = (frame, output, nextHop, mtu) => this.#note('hooks', sendOn(frame, output, nextHop, mtu));
    const forward = flows.forward.bind(flows);
    flows.forward = (frame, jack) => this.#note('stack', forward(frame, jack));
    const send = flows.send.bind(flows);
    flows.send = (flow, frame) => {
      this.#note('stack', true);
      send(flow, frame);
    };
  }

  #note(what: 'hooks' | 'stack', done: boolean): boolean {
    if (done) this.spared[what]++;
    return done;
  }

  /** An echo server and a sink; returns a socket to talk with. */
  #serve(name: string): UdpSocket {
    const echo = this.lab.udp(name).socket();
    echo.bind(0, ECHO);
    echo.onReceive = ({ source, sourcePort, pattern, offset, length, bytes }) => {
      this.#received++;
      echo.sendTo(source, sourcePort, { pattern, offset, length, bytes });
    };
    const sink = this.lab.udp(name).socket();
    sink.bind(0, DISCARD);
    sink.onReceive = () => this.#received++;
    const client = this.lab.udp(name).socket();
    client.bind(0, 40_000);
    client.onReceive = () => this.#received++;
    client.onError = () => {};
    return client;
  }

  /** k8s-m says that it is pod1 and sends by way of that one's node: the same addresses and ports, from elsewhere. */
  #lie(): UdpSocket {
    const node = this.lab.namespace('k8s-m');
    node.fib.replace(route(node.device('eth0'), `${PODS.pod3}/32`, '192.168.10.101'));
    const socket = this.lab.udp('k8s-m').socket();
    return Object.assign(socket, { local: toWord(Ipv4.from(PODS.pod1)), localPort: 40_000 });
  }

  /** A connection, whose acknowledgements go the other way. Returns how to write to it, as soon as it is there. */
  #stream(from: Pod, to: Pod): () => void {
    const [client, server] = [from, to].map(name => {
      const layer = new TcpLayer(this.lab.namespace(name));
      this.lab.namespace(name).transports[Wire.PROTOCOL_TCP] = layer;
      return layer;
    });
    const nothing = { established: () => {}, received: () => {}, closed: () => {} };
    server!.listen(80, () => ({
      ...nothing,
      received: (_stream, bytes) => {
        this.#streamed += bytes.length;
      },
    }));
    const options = { remoteAddress: Ipv4.from(PODS[to]), remotePort: 80 };
    const stream = this.lab.at(from, () => client!.connect(options, nothing));
    return () => {
      if (stream.info().state === 'ESTAB') stream.write(new Uint8Array(3000));
    };
  }

  /** Everybody talks to everybody for two milliseconds; what is changed is changed in between. */
  step({ change, node, length, pmtu, ttl, tos, midway, wait }: Step): void {
    const { lab } = this;
    for (const [pod, socket] of Object.entries(this.#sockets)) {
      Object.assign(socket, { pmtu, ttl, tos });
      const peers = [...Object.values(PODS), OUTSIDE].filter(address => address !== PODS[pod as Pod]);
      const { clock } = lab.namespace(pod);
      for (let i = 0; i < 6; i++) {
        const timer = clock.timer(() => {
          if (pod === 'pod1') this.#write();
          for (const peer of peers)
            socket.sendTo(Ipv4.from(peer), i % 2 === 0 ? ECHO : DISCARD, {
              pattern: Payload.RAMP,
              offset: i,
              length,
              bytes: null,
            });
        });
        timer.arm(lab.now + 1 + i * 300 * MICROSECOND);
      }
    }
    const lie = lab.namespace('k8s-m').clock.timer(() => {
      const payload = { pattern: Payload.ZERO, offset: 0, length, bytes: null } as const;
      this.#liar.sendTo(Ipv4.from(PODS.pod3), DISCARD, payload);
    });
    lie.arm(lab.now + 1_100_000);
    this.#change(change, node, midway);
    lab.run(3 * MILLISECOND);
    if (wait) lab.run(40 * SECOND);
  }

  #change(change: string, node: keyof typeof CALI, midway: boolean): void {
    const { lab } = this;
    const turn = (this.#turns.get(`${change} ${node}`) ?? 0) + 1;
    this.#turns.set(`${change} ${node}`, turn);
    const namespace = lab.namespace(node);
    const names = { ipip: 'tunl0', vxlan: 'vxlan.calico', direct: 'eth0' } as const;
    const output = namespace.device(names[lab.mode.split('-')[0] as keyof typeof names])!;
    const make = (): void =>
      changes[change]!({
        lab,
        node,
        namespace,
        hooks: this.#hooks.get(node)!,
        cali: namespace.device(CALI[node])!,
        output,
        restore: () => lab.routeToOthers(node),
        odd: turn % 2 === 1,
      });
    if (midway && !COMMANDS.has(change)) namespace.clock.timer(make).arm(lab.now + 1_000_123);
    else (namespace.host as TestHost).act(lab.now, make);
  }

  /** Everything that can be seen. */
  outcome() {
    const { lab } = this;
    const hosts = [...new Set([...lab.namespaces.values()].map(namespace => namespace.host))];
    return {
      hosts: hosts.map(host => ({
        events: `${host.name} ${host.fingerprint.count} ${host.fingerprint.digest()}`,
        account: host.account.counters(0),
        devices: host.namespaces.flatMap(({ name, devices }) =>
          devices.map(device => ({
            device: `${name} ${device.name}`,
            ...device.counters,
            drops: [...(device.drops ?? [])],
          })),
        ),
        sent: host.outputs.map(output => output.sentOctets),
      })),
      connections: NODES.map(node =>
        this.#hooks
          .get(node)!
          .conntrack.list()
          .map(one => structuredClone(one)),
      ),
      received: this.#received,
      streamed: this.#streamed,
      imbalance: lab.imbalance(),
    };
  }
}

function outcome(mode: Mode, steps: readonly Step[], watched: boolean) {
  const talk = new Talk(mode, watched);
  const plain: Step = { ...PLAIN, change: 'nothing' };
  talk.step(plain);
  for (const step of steps) {
    talk.step(step);
    talk.step(plain);
  }
  return { seen: talk.outcome(), spared: talk.spared };
}

const PLAIN: Omit<Step, 'change'> = {
  node: 'k8s-w1',
  length: 200,
  pmtu: 'want',
  ttl: 0,
  tos: 0,
  midway: false,
  wait: false,
};

function same(mode: Mode, steps: readonly Step[]): number {
  const [quick, slow] = [outcome(mode, steps, false), outcome(mode, steps, true)];
  assert.equal(slow.spared, { hooks: 0, stack: 0 });
  assert.equal(quick.seen, slow.seen);
  return quick.spared.hooks;
}

for (const mode of MODES) {
  t(`${mode}: a packet of a known connection is spared the hooks`, () => {
    const { seen, spared } = outcome(mode, [{ ...PLAIN, change: 'nothing' }], false);
    assert.is(seen.imbalance, 0);
    assert.ok(spared.hooks > 60 && spared.stack > 60, JSON.stringify(spared));
  });
  for (const change of Object.keys(changes)) {
    t(`${mode}: known connections hear of it: ${change}`, () => {
      for (const node of ['k8s-w1', 'k8s-w0'] as const)
        for (const midway of [false, true])
          same(
            mode,
            [1, 2, 3].map(() => ({ ...PLAIN, change, node, midway })),
          );
    });
  }
}

const step: fc.Arbitrary<Step> = fc.record({
  change: fc.constantFrom(...Object.keys(changes)),
  node: fc.constantFrom(...(['k8s-w1', 'k8s-w0'] as const)),
  length: fc.constantFrom(0, 1, 511, 1400, 1422, 1453, 3001),
  pmtu: fc.constantFrom(...(['want', 'dont'] as const)),
  ttl: fc.constantFrom(0, 1, 2, 3, 4),
  tos: fc.constantFrom(0, 0xb8, 1, 2, 3),
  midway: fc.boolean(),
  wait: fc.boolean(),
});

t('whatever changes, known connections pass a node as the hooks would have them', () => {
  let spared = 0;
  fc.assert(
    fc.property(fc.constantFrom(...MODES), fc.array(step, { minLength: 1, maxLength: 6 }), (mode, steps) => {
      spared += same(mode, steps);
    }),
    { numRuns: 40 },
  );
  assert.ok(spared > 5000, `${spared}`);
});

t.run();
