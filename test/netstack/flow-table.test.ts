import fc from 'fast-check';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import { EthernetDevice } from '../../src/netstack/ethernet-device.ts';
import { FORWARD, INPUT, OUTPUT } from '../../src/netstack/hooks.ts';
import type { Namespace } from '../../src/netstack/namespace.ts';
import { udpOf } from '../../src/netstack/udp.ts';
import { octets } from '../../src/netstack/udp-socket.ts';
import { MICROSECOND, SECOND } from '../../src/sim/time.ts';
import { assert, suite } from '../kit.ts';
import { Chain } from './chain.ts';
import { route, TestBench, type TestHost } from './lab.ts';

const t = suite('netstack/flow-table');

/** A sender and three routers; what is changed is the middle one, or who sends. How many packets went on without asking the stack. */
function chainOf(watched: boolean) {
  const chain = new Chain(3);
  const routers = chain.hosts;
  let shortcuts = 0;
  for (const { flows, namespaces } of routers) {
    const forward = flows.forward.bind(flows);
    flows.forward = (frame, jack) => {
      const done = forward(frame, jack);
      if (done) shortcuts++;
      return done;
    };
    const send = flows.send.bind(flows);
    flows.send = (flow, frame) => {
      shortcuts++;
      send(flow, frame);
    };
    // A packet that somebody watches goes through the stack: the flow is not learnt.
    if (watched) for (const device of namespaces[0]!.devices) device.tap(() => {});
  }
  return {
    chain,
    router: routers[2]!,
    sender: routers[0]!.namespaces[0]!,
    receiver: routers[4]!.namespaces[0]!,
    shortcuts: () => shortcuts,
  };
}

const RIGHT = Ipv4.from('10.2.0.2');

/** How to stop the watcher of a host, and what it saw. */
const stops = new Map<TestHost, () => void>();
const sights = new Map<TestHost, number>();

/** What a router's decision rests on, changed and changed back. Those with `act` are commands of the outside. */
const changes: Readonly<
  Record<
    string,
    (
      namespace: Namespace,
      host: TestHost,
      now: number,
      odd: boolean,
      sender: Namespace,
      receiver: Namespace,
    ) => void
  >
> = {
  blackhole: ({ fib }, _host, _now, odd) => {
    if (odd) fib.replace(route(undefined, '10.3.0.2/32'));
    else fib.remove({ prefix: { address: Ipv4.from('10.3.0.2'), length: 32 } });
  },
  'other way': (namespace, _host, _now, odd) =>
    namespace.fib.replace(
      odd
        ? route(namespace.device('eth0'), '10.3.0.0/24', '10.1.0.1')
        : route(namespace.device('eth1'), '10.3.0.0/24', '10.2.0.2'),
    ),
  down: (namespace, _host, _now, odd) => {
    namespace.setUp(namespace.device('eth1')!, !odd);
    if (!odd) namespace.fib.replace(route(namespace.device('eth1'), '10.3.0.0/24', '10.2.0.2'));
  },
  mtu: (namespace, _host, _now, odd) => {
    namespace.device('eth1')!.mtu = odd ? 576 : 1500;
  },
  mac: (namespace, _host, _now, odd) => {
    namespace.device('eth0')!.mac = 0x0200_0000_0000 + (odd ? 77 : Ipv4.from('10.1.0.2'));
  },
  neighbour: ({ neighbours, device }, host) => {
    neighbours.remove(device.call(host.namespaces[0], 'eth1')!, RIGHT);
  },
  'wrong neighbour': (namespace, _host, _now, odd) =>
    odd
      ? namespace.neighbours.setPermanent(namespace.device('eth1')!, RIGHT, 0x0200_0000_0001)
      : void namespace.neighbours.remove(namespace.device('eth1')!, RIGHT),
  hook: ({ hooks }, _host, _now, odd) => {
    if (odd) hooks.add(FORWARD, { name: 'no', priority: 0, run: () => 'NOT_FORWARDING' });
    else hooks.remove('no');
  },
  'no forwarding': (namespace, host, now, odd) =>
    host.act(now, () => {
      namespace.sysctl.ipForward = !odd;
    }),
  'strict source': (namespace, host, now, odd) =>
    host.act(now, () => {
      namespace.device('eth0')!.sysctl.rpFilter = odd ? 1 : 0;
      if (odd) namespace.fib.remove({ prefix: { address: Ipv4.from('10.0.0.0'), length: 24 } });
      else namespace.fib.replace(route(namespace.device('eth0'), '10.0.0.0/24', '10.1.0.1'));
    }),
  watcher: (namespace, host, _now, odd) => {
    if (odd)
      stops.set(
        host,
        namespace.device('eth1')!.tap(() => sights.set(host, (sights.get(host) ?? 0) + 1)),
      );
    else stops.get(host)?.();
  },
  'path MTU of the sender': (_namespace, _host, _now, odd, { pathMtu }) => {
    if (odd) pathMtu.learn(Ipv4.from('10.3.0.2'), 700, 1500);
    else pathMtu.flush();
  },
  'MTU of the sender': (_namespace, _host, _now, odd, sender) => {
    sender.device('eth1')!.mtu = odd ? 900 : 1500;
  },
  'hook of the sender': (_namespace, _host, _now, odd, { hooks }) => {
    if (odd) hooks.add(OUTPUT, { name: 'no', priority: 0, run: () => 'NOT_FORWARDING' });
    else hooks.remove('no');
  },
  'route of the sender': (_namespace, _host, _now, odd, { fib }) => {
    if (odd) fib.replace(route(undefined, '10.3.0.2/32'));
    else fib.remove({ prefix: { address: Ipv4.from('10.3.0.2'), length: 32 } });
  },
  'hook of the receiver': (_namespace, _host, _now, odd, _sender, { hooks }) => {
    if (odd) hooks.add(INPUT, { name: 'no', priority: 0, run: () => 'NOT_FORWARDING' });
    else hooks.remove('no');
  },
  'address of the receiver': (_namespace, _host, _now, odd, _sender, receiver) => {
    const device = receiver.device('eth0')!;
    if (odd) receiver.removeAddress(device, Ipv4.from('10.3.0.2'));
    else receiver.addAddress(device, Ipv4.from('10.3.0.2'), 24);
  },
  'sender in the receiver': (_namespace, _host, _now, odd, _sender, receiver) => {
    const device = receiver.loopback;
    if (odd) receiver.addAddress(device, Ipv4.from('10.0.0.1'), 32);
    else receiver.removeAddress(device, Ipv4.from('10.0.0.1'));
  },
  cable: (_namespace, host, _now, odd) => {
    host.outputs[1]!.up = !odd;
  },
};

/** Changes that only the outside makes. */
const COMMANDS: ReadonlySet<string> = new Set(['no forwarding', 'strict source']);

interface Step {
  readonly change: string;
  readonly packets: number;
  readonly length: number;
  readonly wait: boolean;
  /** The change comes between two packets, not when all is quiet. */
  readonly midway: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  change: fc.constantFrom('nothing', ...Object.keys(changes)),
  packets: fc.constantFrom(8, 24),
  length: fc.constantFrom(64, 600, 1480),
  wait: fc.boolean(),
  midway: fc.boolean(),
});

/** Everything that can be seen of a chain after `steps`. */
function outcome(watched: boolean, steps: readonly Step[]) {
  const { chain, router, sender, receiver, shortcuts } = chainOf(watched);
  const seen = new Map<string, number>();
  chain.send(16, 64);
  for (const { change, packets, length, wait, midway } of steps) {
    const turn = (seen.get(change) ?? 0) + 1;
    seen.set(change, turn);
    const make = (): void =>
      changes[change]?.(router.namespaces[0]!, router, chain.now, turn % 2 === 1, sender, receiver);
    if (!midway || COMMANDS.has(change)) make();
    else if (change.endsWith('of the sender')) sender.clock.timer(make).arm(chain.now + 25 * MICROSECOND);
    else if (change.endsWith('receiver')) receiver.clock.timer(make).arm(chain.now + 230 * MICROSECOND);
    else router.timer(make).arm(chain.now + 130 * MICROSECOND);
    chain.send(packets, length);
    // Long enough for a neighbour to be doubted.
    if (wait) chain.run(50 * SECOND);
    chain.send(8, 64);
  }
  const state = chain.hosts.map(host => ({
    events: `${host.fingerprint.count} ${host.fingerprint.digest()}`,
    account: host.account.counters(0),
    counters: host.namespaces[0]!.devices.map(device => ({ ...device.counters })),
    sent: host.outputs.map(output => output.sentOctets),
  }));
  return {
    state,
    seen: sights.get(router),
    received: chain.received,
    imbalance: chain.imbalance(),
    shortcuts: shortcuts(),
  };
}

t('whatever changes, a router does with known flows what the stack would do', () => {
  let shortcuts = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), steps => {
      const quick = outcome(false, steps);
      const slow = outcome(true, steps);
      assert.is(slow.shortcuts, 0);
      assert.equal(quick.state, slow.state);
      assert.equal([quick.received, quick.seen, quick.imbalance], [slow.received, slow.seen, 0]);
      shortcuts += quick.shortcuts;
    }),
    { numRuns: 60 },
  );
  assert.ok(shortcuts > 1000, `${shortcuts}`);
});

for (const change of Object.keys(changes)) {
  t(`known flows hear of it: ${change}`, () => {
    for (const midway of [false, true]) hearsOf(change, midway);
  });
}

function hearsOf(change: string, midway: boolean): void {
  const steps = [1, 2, 3].map(() => ({ change, packets: 24, length: 1480, wait: false, midway }));
  const [quick, slow] = [outcome(false, steps), outcome(true, steps)];
  assert.equal(quick.state, slow.state);
  assert.is(quick.seen, slow.seen);
}

t('a chain that nothing happens to is asked once a flow', () => {
  const { chain, shortcuts } = chainOf(false);
  chain.send(16, 64);
  const before = shortcuts();
  chain.send(4000, 1480);
  // The first packets waited for ARP, so nobody learnt from them but the receiver.
  assert.is(shortcuts() - before, 4 * 3999 + 4000);
  const device = chain.hosts[2]!.namespaces[0]!.device('eth1')!;
  assert.is(device.counters.txPackets, chain.hosts[3]!.namespaces[0]!.device('eth0')!.counters.rxPackets);
});

t('a NIC that no cable was ever put into drops every packet', () => {
  const bench = new TestBench();
  const host = bench.host('h');
  const namespace = host.namespace('h');
  const device = new EthernetDevice(namespace, 'eth0', { mac: 0x0200_0000_0001, mtu: 1500, jack: 0 });
  namespace.addAddress(device, Ipv4.from('10.0.0.1'), 24);
  namespace.setUp(device, true);
  namespace.neighbours.setPermanent(device, Ipv4.from('10.0.0.2'), 0x0200_0000_0002);
  const socket = udpOf(namespace).socket();
  bench.partition.processes[0]!.timer(() => {
    for (let i = 0; i < 3; i++) socket.sendTo(Ipv4.from('10.0.0.2'), 9, octets(new Uint8Array(8)));
  }).arm(MICROSECOND);
  bench.run(SECOND);
  assert.is(host.account.reasons.get('LINK_DOWN'), 3);
  assert.is(bench.partition.frames.inUse, 0);
});

t.run();
