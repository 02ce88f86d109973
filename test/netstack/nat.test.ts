import * as Address from '../../src/addr/ipv4.ts';
import * as Prefixes from '../../src/addr/prefix.ts';
import { FelixHooks, type FelixRules, type HookVariant, NO_RULES } from '../../src/netstack/felix-hooks.ts';
import { Fib } from '../../src/netstack/fib.ts';
import {
  ACCEPT,
  FORWARD,
  HookTable,
  INPUT,
  OUTPUT,
  POSTROUTING,
  PREROUTING,
  type Verdict,
} from '../../src/netstack/hooks.ts';
import { IpSet } from '../../src/netstack/ipset.ts';
import { NetDevice } from '../../src/netstack/netdevice.ts';
import type { NextHop, Route } from '../../src/netstack/route.ts';
import { type Frame, FrameStore } from '../../src/sim/frame-store.ts';
import * as Payload from '../../src/sim/payload.ts';
import { Random } from '../../src/sim/random.ts';
import { SECOND } from '../../src/sim/time.ts';
import * as CaptureReader from '../../src/wire/capture-reader.ts';
import * as Ipv4 from '../../src/wire/ipv4.ts';
import * as Tcp from '../../src/wire/tcp.ts';
import { assert, fixture, suite } from '../kit.ts';
import * as Packets from './packets.ts';

class Dummy extends NetDevice {
  readonly kind = 'ether';
  readonly needsNeighbour = true;
  readonly carrier = true;
  transmit(): void {
    throw new Error('a dummy sends nothing');
  }
}

const POD = '172.16.158.3';
const NODE = '192.168.10.101';
const SERVER = '192.168.20.100';

const RULES: FelixRules = {
  ...NO_RULES,
  pools: [Prefixes.from('172.16.0.0/16')],
  masqueradePools: [Prefixes.from('172.16.0.0/16')],
  hosts: [Prefixes.from('192.168.10.101/32'), Prefixes.from('192.168.20.100/32')],
  vteps: [Prefixes.from('192.168.20.100/32')],
  ipipEnabled: true,
  vxlanEnabled: true,
  tunnelDevices: ['tunl0'],
};

/** k8s-w1 without a stack: its hooks, its routes, its devices. */
class Node {
  readonly clock = { now: 0 };
  readonly frames = new FrameStore();
  readonly hooks = new HookTable();
  readonly fib = new Fib();
  readonly eth0 = device('eth0', 2, NODE);
  readonly tunl0 = device('tunl0', 3, '172.16.158.0');
  readonly cali = device('calice0906292e2', 7, '');
  readonly felix: FelixHooks;

  constructor(variant: HookVariant, rules: Partial<FelixRules> = {}) {
    this.felix = new FelixHooks(this);
    this.felix.program(variant, { ...RULES, ...rules });
    this.fib.append(route('0.0.0.0/0', this.eth0));
    this.fib.append(route(`${POD}/32`, this.cali));
  }

  random(purpose: string): Random {
    return new Random(1, purpose);
  }

  defragment(): Verdict {
    return ACCEPT;
  }

  rulesChanged(): void {}

  sourceAddress(output: NetDevice): number {
    return output.addresses[0]?.address ?? 0;
  }

  isLocal(address: number): boolean {
    return [NODE, '172.16.158.0'].includes(Address.format(address));
  }

  /** Forward a packet; returns what left, or why nothing did. The frame is freed. */
  forward(frame: Frame, input: NetDevice, output: NetDevice): string {
    const verdict =
      this.hooks.run(PREROUTING, frame, input, undefined) ||
      this.hooks.run(FORWARD, frame, input, output) ||
      this.hooks.run(POSTROUTING, frame, undefined, output);
    const text = verdict || Packets.describe(this.frames, frame);
    this.frames.free(frame);
    return text;
  }

  out(frame: Frame): string {
    return this.forward(frame, this.cali, this.eth0);
  }

  in(frame: Frame): string {
    return this.forward(frame, this.eth0, this.cali);
  }

  deliver(frame: Frame, input: NetDevice): string {
    const verdict =
      this.hooks.run(PREROUTING, frame, input, undefined) || this.hooks.run(INPUT, frame, input, undefined);
    const text = verdict || Packets.describe(this.frames, frame);
    this.frames.free(frame);
    return text;
  }

  send(frame: Frame, output: NetDevice): string {
    const verdict =
      this.hooks.run(OUTPUT, frame, undefined, output) ||
      this.hooks.run(POSTROUTING, frame, undefined, output);
    const text = verdict || Packets.describe(this.frames, frame);
    this.frames.free(frame);
    return text;
  }
}

function device(name: string, index: number, address: string): NetDevice {
  const made = new Dummy({ name: 'k8s-w1' } as never, name, index, 1500);
  if (address !== '')
    made.addresses = [{ address: Address.from(address), length: 32, scope: 'global', broadcast: 0 }];
  return made;
}

function route(prefix: string, out: NetDevice): Route {
  const hop: NextHop = { via: 0, device: out, onlink: false, weight: 1 };
  return {
    prefix: Prefixes.from(prefix),
    type: 'unicast',
    nextHops: [hop],
    protocol: 'boot',
    scope: 'global',
    metric: 0,
    source: 0,
    mtu: 0,
    table: 'main',
  };
}

const udp = (sourcePort: number, destinationPort = 53): Packets.Flow => ({
  source: POD,
  destination: SERVER,
  sourcePort,
  destinationPort,
});
const answer = (port: number, from = 53): Packets.Flow => ({
  source: SERVER,
  destination: NODE,
  sourcePort: from,
  destinationPort: port,
});

const t = suite('netstack/nat');

// What the recorded node k8s-w1 made of the packets of pod1, octet for octet, and of the answers.
t('masquerades and translates back as the recorded node did', () => {
  const node = new Node('masquerade');
  const { frames } = node;
  const read = (file: string): { time: number; octets: Uint8Array }[] =>
    CaptureReader.read(fixture(`netstack/${file}`))
      .filter(one => one.captured[12] === 8 && one.captured[13] === 0 && one.captured[14 + 9] !== 4)
      .map(one => ({
        time: one.time.seconds * 1e6 + one.time.nanoseconds / 1e3,
        octets: one.captured.slice(14),
      }));
  const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
  const cali = read('masquerade-cali.pcap');
  const eth0 = read('masquerade-eth0.pcap');
  const arrivals = [
    ...cali.map(one => ({ ...one, input: node.cali })),
    ...eth0.map(one => ({ ...one, input: node.eth0 })),
  ].sort((a, b) => a.time - b.time);
  let forwarded = 0;
  let related = 0;
  for (const { octets, input } of arrivals) {
    const frame = frames.allocate();
    const real = Math.min(octets.length, 20 + 8 + 20 + 8);
    const at = frames.append(frame, real);
    frames.bytes(frame).set(octets.subarray(0, real), at);
    frames.setPayload(frame, Payload.REAL, real, octets.length - real, octets);
    const view = frames.view(frame);
    const fromPod = input === node.cali;
    // What the node itself sent or answered is not the translator's.
    const local = [NODE, '169.254.1.1'].includes(Address.format(Ipv4.destination(view, at)));
    const leaves = fromPod
      ? Ipv4.source(view, at) === Address.from(POD) && Ipv4.ttl(view, at) > 1 && !local
      : Ipv4.destination(view, at) === Address.from(NODE);
    const inPool = Address.format(Ipv4.destination(view, at)).startsWith('172.16.');
    if (!leaves || inPool) continue;
    assert.is(node.hooks.run(PREROUTING, frame, input, undefined), '');
    if (node.felix.conntrack.stateOf(frame) === 'RELATED') related++;
    Ipv4.decrementTtl(view, at);
    const output = fromPod ? node.eth0 : node.cali;
    assert.is(node.hooks.run(POSTROUTING, frame, undefined, output), '');
    const seen = (fromPod ? eth0 : cali).map(one => hex(one.octets));
    const made = hex(frames.materialise(frame));
    assert.ok(seen.includes(made), `not on the wire: ${made}`);
    forwarded++;
  }
  assert.is(forwarded, 30);
  assert.is(related, 9);
});

t('natOutgoing: out of the pool is masqueraded, to any pool and from elsewhere is not', () => {
  const node = new Node('masquerade');
  assert.is(node.out(Packets.udp(node.frames, udp(40000))), `${NODE} > ${SERVER} UDP 40000 > 53`);
  assert.is(node.in(Packets.udp(node.frames, answer(40000))), `${SERVER} > ${POD} UDP 53 > 40000`);
  const inside = { ...udp(40000), destination: '172.16.34.1' };
  assert.is(node.out(Packets.udp(node.frames, inside)), `${POD} > 172.16.34.1 UDP 40000 > 53`);
  const foreign = { ...udp(40000), source: '10.0.0.1' };
  assert.is(node.out(Packets.udp(node.frames, foreign)), `10.0.0.1 > ${SERVER} UDP 40000 > 53`);
});

t('TCP and ICMP are translated with right checksums, errors with what they quote', () => {
  const node = new Node('masquerade');
  const { frames } = node;
  assert.is(node.out(Packets.tcp(frames, udp(40000, 80), Tcp.SYN)), `${NODE} > ${SERVER} TCP 40000 > 80`);
  const synAck = Packets.tcp(frames, answer(40000, 80), Tcp.SYN | Tcp.ACK);
  assert.is(node.in(synAck), `${SERVER} > ${POD} TCP 80 > 40000`);
  assert.is(node.out(Packets.echo(frames, udp(0), 8, 77)), `${NODE} > ${SERVER} ICMP 8/0 id 77`);
  assert.is(node.in(Packets.echo(frames, answer(0), 0, 77)), `${SERVER} > ${POD} ICMP 0/0 id 77`);
  const sent = Packets.tcp(frames, { ...udp(40000, 80), source: NODE }, Tcp.ACK);
  assert.is(
    node.in(Packets.error(frames, '192.168.10.254', sent, 3, 4)),
    `192.168.10.254 > ${POD} ICMP 3/4 [${POD} > ${SERVER} TCP 40000 > 80]`,
  );
  const ping = Packets.echo(frames, { source: NODE, destination: SERVER }, 8, 77);
  assert.is(
    node.in(Packets.error(frames, '192.168.10.254', ping, 11, 0)),
    `192.168.10.254 > ${POD} ICMP 11/0 [${POD} > ${SERVER} ICMP 8/0 id 77]`,
  );
});

t('an error that quotes only eight octets of a TCP segment is translated all the same', () => {
  const node = new Node('masquerade');
  const { frames } = node;
  node.out(Packets.tcp(frames, udp(40000, 80), Tcp.SYN));
  const sent = Packets.tcp(frames, { ...udp(40000, 80), source: NODE }, Tcp.ACK);
  frames.end[sent] = frames.start[sent]! + 28;
  const error = Packets.error(frames, '192.168.10.254', sent, 3, 1);
  assert.is(node.hooks.run(PREROUTING, error, node.eth0, undefined), '');
  const view = frames.view(error);
  const quoted = frames.start[error]! + 28;
  assert.is(Address.format(Ipv4.source(view, quoted)), POD);
  assert.is(Tcp.sourcePort(view, quoted + 20), 40000);
});

t('two pods with one port: the second gets another, and each its own answers', () => {
  const node = new Node('masquerade');
  const { frames } = node;
  node.out(Packets.udp(frames, udp(40000)));
  const second = node.out(Packets.udp(frames, { ...udp(40000), source: '172.16.158.4' }));
  const port = Number(/UDP (\d+) >/.exec(second)![1]);
  assert.ok(port >= 1024 && port !== 40000, second);
  assert.is(node.in(Packets.udp(frames, answer(port))), `${SERVER} > 172.16.158.4 UDP 53 > 40000`);
  assert.is(node.in(Packets.udp(frames, answer(40000))), `${SERVER} > ${POD} UDP 53 > 40000`);
  const third = node.out(Packets.echo(frames, udp(0), 8, 5));
  const fourth = node.out(Packets.echo(frames, { ...udp(0), source: '172.16.158.4' }, 8, 5));
  assert.is(third, `${NODE} > ${SERVER} ICMP 8/0 id 5`);
  assert.not(fourth === third, 'the identifier is taken');
});

t('random-fully draws every port, within the range, and privileged from privileged', () => {
  const node = new Node('calico', { natPortRange: [20000, 20009] });
  const ports = new Set<number>();
  for (let i = 0; i < 10; i++) {
    const text = node.out(Packets.udp(node.frames, udp(40000 + i)));
    ports.add(Number(/UDP (\d+) >/.exec(text)![1]));
  }
  assert.equal([...ports].sort(), [20000, 20001, 20002, 20003, 20004, 20005, 20006, 20007, 20008, 20009]);
  assert.is(node.out(Packets.udp(node.frames, udp(50000))), 'CT_INVALID', 'no port is left');
  const plain = new Node('calico');
  for (const [port, low, high] of [
    [300, 1, 511],
    [700, 600, 1023],
    [5000, 1024, 65535],
  ] as const) {
    const got = Number(/UDP (\d+) >/.exec(plain.out(Packets.udp(plain.frames, udp(port))))![1]);
    assert.ok(got >= low && got <= high && got !== port, `${port} became ${got}`);
  }
});

t('natOutgoingAddress is the source, and the answers find the pod', () => {
  const node = new Node('calico', { natOutgoingAddress: Address.from('192.0.2.1') });
  const text = node.out(Packets.udp(node.frames, udp(40000)));
  const port = Number(/^192\.0\.2\.1 > 192\.168\.20\.100 UDP (\d+) > 53$/.exec(text)![1]);
  const back = { ...answer(port), destination: '192.0.2.1' };
  assert.is(node.in(Packets.udp(node.frames, back)), `${SERVER} > ${POD} UDP 53 > 40000`);
});

t('a destination is translated and its answers back', () => {
  const node = new Node('masquerade');
  node.felix.nat.rules = [
    {
      point: PREROUTING,
      target: { kind: 'dnat', address: Address.from('172.16.34.1'), port: 8080 },
      matches: (view, at) => Ipv4.destination(view, at) === Address.from('10.96.0.10'),
    },
  ];
  const service = { ...udp(40000, 80), destination: '10.96.0.10' };
  assert.is(node.out(Packets.tcp(node.frames, service, Tcp.SYN)), `${POD} > 172.16.34.1 TCP 40000 > 8080`);
  const back = { source: '172.16.34.1', destination: POD, sourcePort: 8080, destinationPort: 40000 };
  assert.is(node.in(Packets.tcp(node.frames, back, Tcp.SYN | Tcp.ACK)), `10.96.0.10 > ${POD} TCP 80 > 40000`);
});

t('a node address of another device is masqueraded into a tunnel, the tunnel address is not', () => {
  const node = new Node('calico');
  const flow = (source: string): Packets.Flow => ({
    source,
    destination: '172.16.34.1',
    sourcePort: 5,
    destinationPort: 6,
  });
  assert.match(
    node.send(Packets.udp(node.frames, flow(NODE)), node.tunl0),
    /^172\.16\.158\.0 > 172\.16\.34\.1 UDP/,
  );
  assert.is(
    node.send(Packets.udp(node.frames, flow('172.16.158.0')), node.tunl0),
    '172.16.158.0 > 172.16.34.1 UDP 5 > 6',
  );
  const outside = { ...flow(NODE), destinationPort: 7 };
  assert.is(node.send(Packets.udp(node.frames, outside), node.eth0), `${NODE} > 172.16.34.1 UDP 5 > 7`);
});

t('new rules leave connections alone; a masqueraded one ends when it leaves elsewhere', () => {
  const node = new Node('masquerade');
  const { frames } = node;
  node.out(Packets.udp(frames, udp(40000)));
  node.felix.program('masquerade', { ...RULES, masqueradePools: [] });
  assert.is(node.out(Packets.udp(frames, udp(40000))), `${NODE} > ${SERVER} UDP 40000 > 53`);
  assert.is(node.out(Packets.udp(frames, udp(40001))), `${POD} > ${SERVER} UDP 40001 > 53`);
  assert.is(node.forward(Packets.udp(frames, udp(40000)), node.cali, node.tunl0), 'CT_INVALID');
  assert.is(node.out(Packets.udp(frames, udp(40000))), `${POD} > ${SERVER} UDP 40000 > 53`);
  node.clock.now = 31 * SECOND;
  assert.is(node.felix.conntrack.list().length, 0);
});

t('no hooks at all with `none`; programming it empties the table', () => {
  const node = new Node('calico');
  node.felix.program('none', RULES);
  for (const point of [PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING] as const)
    assert.is(node.hooks.list(point).length, 0);
  assert.is(node.out(Packets.udp(node.frames, udp(40000))), `${POD} > ${SERVER} UDP 40000 > 53`);
});

t('calico: what each rule drops, and what it lets through', () => {
  const node = new Node('calico', { workloads: ['calice0906292e2'] });
  const { frames } = node;
  const flow = (source: string, destination: string): Packets.Flow => ({ source, destination });
  /** A packet of protocol 4, or to port 4789. */
  const ipip = (source: string, destination: string): Frame => {
    const frame = Packets.udp(frames, flow(source, destination));
    frames.view(frame).setUint8(frames.start[frame]! + 9, 4);
    Ipv4.refreshChecksum(frames.view(frame), frames.start[frame]!);
    return frame;
  };
  const vxlan = (source: string, destination: string): Frame =>
    Packets.udp(frames, { source, destination, sourcePort: 40000, destinationPort: 4789 });

  const spoofed = Packets.udp(frames, { ...udp(1), source: '172.16.158.4' });
  assert.is(node.out(spoofed), 'SPOOFED_SOURCE');
  assert.is(node.deliver(ipip(SERVER, NODE), node.eth0), `${SERVER} > ${NODE} proto 4`);
  assert.is(node.deliver(ipip('10.6.6.6', NODE), node.eth0), 'TUNNEL_PEER_UNKNOWN');
  assert.is(node.deliver(vxlan(SERVER, NODE), node.eth0), `${SERVER} > ${NODE} UDP 40000 > 4789`);
  assert.is(node.deliver(vxlan('10.6.6.6', NODE), node.eth0), 'TUNNEL_PEER_UNKNOWN');
  assert.is(node.out(ipip(POD, SERVER)), 'TUNNEL_PEER_UNKNOWN', 'a pod may not make tunnels');
  assert.is(node.out(vxlan(POD, SERVER)), 'TUNNEL_PEER_UNKNOWN');
  assert.is(node.in(Packets.echo(frames, flow(SERVER, POD), 0, 5)), 'CT_INVALID');
  assert.is(node.deliver(Packets.echo(frames, flow(POD, NODE), 0, 5), node.cali), 'CT_INVALID');
  const gone = device('cali00000000000', 9, '');
  assert.is(node.forward(Packets.udp(frames, udp(1)), node.eth0, gone), 'NO_LOCAL_ENDPOINT');
  assert.equal(
    node.felix.conntrack.list().map(one => one.protocol),
    [4],
    'VXLAN is not tracked, IPIP is, and what was dropped is forgotten',
  );
});

t('an ipset of networks', () => {
  const set = new IpSet('cali40all-ipam-pools', [
    Prefixes.from('172.16.0.0/16'),
    Prefixes.from('10.0.0.1/32'),
    Prefixes.from('200.0.0.0/8'),
  ]);
  for (const [address, expected] of [
    ['172.16.255.255', true],
    ['172.17.0.0', false],
    ['10.0.0.1', true],
    ['10.0.0.2', false],
    ['200.1.1.1', true],
  ] as const)
    assert.is(set.has(Address.from(address)), expected, address);
  set.replace([Prefixes.from('0.0.0.0/0')]);
  assert.ok(set.has(Address.from('172.17.0.0')));
  assert.equal(set.members.map(Prefixes.format), ['0.0.0.0/0']);
});

t.run();
