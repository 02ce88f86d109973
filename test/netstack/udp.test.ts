import * as Address from '../../src/addr/ipv4.ts';
import { flowHash, flowSourcePort } from '../../src/netstack/flow-hash.ts';
import type { NetDevice } from '../../src/netstack/netdevice.ts';
import type {
  IcmpErrorReport,
  IpLayer,
  NamespaceSysctl,
  Path,
  SendError,
  SendRequest,
} from '../../src/netstack/transport.ts';
import { UdpLayer } from '../../src/netstack/udp.ts';
import { octets, read, type UdpDatagram, type UdpSocket } from '../../src/netstack/udp-socket.ts';
import { type Frame, FrameStore } from '../../src/sim/frame-store.ts';
import * as Payload from '../../src/sim/payload.ts';
import { Random } from '../../src/sim/random.ts';
import * as Ipv4 from '../../src/wire/ipv4.ts';
import * as Udp from '../../src/wire/udp.ts';
import { assert, suite } from '../kit.ts';
import * as Packets from './packets.ts';

const A = '10.0.0.1';
const B = '10.0.0.2';
const ETH0 = { name: 'eth0' } as NetDevice;

/** IP with one wire: what one host sends the other receives at once. */
class Ip implements IpLayer {
  readonly name: string;
  readonly clock = { now: 0, timer: () => assert.unreachable() as never };
  readonly frames: FrameStore;
  readonly sysctl = { ipDefaultTtl: 64, ipLocalPortRange: [32768, 60999] } as never as NamespaceSysctl;
  readonly udp: UdpLayer;
  readonly events: string[] = [];
  peer: Ip | undefined;
  refusal: SendError = '';
  lastRequest: SendRequest | undefined;

  constructor(frames: FrameStore, address: string) {
    this.frames = frames;
    this.name = address;
    this.udp = new UdpLayer(this);
  }

  random(purpose: string): Random {
    return new Random(1, `${this.name}/${purpose}`);
  }

  path(request: SendRequest): Path | SendError {
    if (this.refusal !== '') return this.refusal;
    const source = request.source || Address.from(this.name);
    return { device: ETH0, nextHop: request.destination, source, mtu: 1480 } as never as Path;
  }

  send(frame: Frame, request: SendRequest): SendError {
    this.lastRequest = { ...request };
    const at = this.frames.push(frame, Ipv4.MIN_HEADER_LENGTH);
    const { tos, ttl, protocol, source, destination } = request;
    const totalLength = this.frames.length(frame);
    const rest = { identification: 0, flags: 0, fragmentOffset: 0 };
    const view = this.frames.view(frame);
    Ipv4.emit(view, at, { tos, ttl, protocol, source, destination, totalLength, ...rest });
    this.peer!.arrive(frame);
    return '';
  }

  /** A packet (start = IPv4 header) comes in. */
  arrive(frame: Frame): void {
    const at = this.frames.start[frame]!;
    this.frames.pull(frame, Ipv4.MIN_HEADER_LENGTH);
    this.udp.receive(frame, at, ETH0);
  }

  isLocal(address: number): boolean {
    return Address.format(address) === this.name;
  }

  sendIcmpError(frame: Frame, type: number, code: number): void {
    this.events.push(`icmp ${type}/${code} ${Packets.describe(this.frames, frame)}`);
  }

  drop(frame: Frame, reason: string): void {
    this.events.push(reason);
    this.frames.free(frame);
  }

  deliver(frame: Frame): void {
    this.frames.free(frame);
  }
}

class Pair {
  readonly frames = new FrameStore();
  readonly a = new Ip(this.frames, A);
  readonly b = new Ip(this.frames, B);

  constructor() {
    this.a.peer = this.b;
    this.b.peer = this.a;
  }

  /** An ICMP error about a packet that `socket` sent to `remote`. */
  error(socket: UdpSocket, remote: string, remotePort: number, type: number, code: number): IcmpErrorReport {
    const flow = {
      source: A,
      destination: remote,
      sourcePort: socket.localPort,
      destinationPort: remotePort,
    };
    const packet = Packets.udp(this.frames, flow);
    const view = this.frames.view(packet);
    const at = this.frames.start[packet]! + Ipv4.MIN_HEADER_LENGTH;
    const [source, destination] = [Address.from(A), Address.from(remote)];
    return { type, code, mtu: 0, from: Address.from('10.0.0.254'), source, destination, view, at };
  }
}

const text = (datagram: UdpDatagram | undefined): string =>
  datagram === undefined
    ? 'nothing'
    : `${Address.format(datagram.source)}:${datagram.sourcePort} ${Buffer.from(read(datagram)).toString()}`;

const t = suite('netstack/udp');

t('a datagram and its answer, with what the header says', () => {
  const { a, b, frames } = new Pair();
  const server = b.udp.socket();
  assert.is(server.bind(0, 53), '');
  server.onReceive = datagram => {
    assert.is(datagram.ttl, 9);
    assert.is(datagram.tos, 0x28);
    assert.is(datagram.tag, 77);
    server.sendTo(datagram.source, datagram.sourcePort, octets(Buffer.from(`re: ${text(datagram)}`)));
  };
  const client = a.udp.socket();
  client.ttl = 9;
  client.tos = 0x28;
  client.tag = 77;
  assert.is(client.sendTo(Address.from(B), 53, octets(Buffer.from('hello'))), '');
  assert.ok(client.localPort >= 32768 && client.localPort <= 60999);
  assert.is(text(client.take()), `${B}:53 re: ${A}:${client.localPort} hello`);
  assert.is(client.take(), undefined);
  assert.is(frames.inUse, 0);
});

t('virtual payloads arrive as they are, with a checksum over what they stand for', () => {
  const { a, b } = new Pair();
  const server = b.udp.socket();
  server.bind(0, 9);
  const client = a.udp.socket();
  client.sendTo(Address.from(B), 9, { pattern: Payload.RAMP, offset: 5, length: 1001, bytes: null });
  const got = server.take()!;
  assert.equal([got.pattern, got.offset, got.length, got.bytes], [Payload.RAMP, 5, 1001, null]);
  assert.is(read(got)[1000], (5 + 1000) & 255);
});

t('a closed port is answered with 3/3, a wrong checksum and a cut header are not', () => {
  const { a, b, frames } = new Pair();
  const flow = { source: A, destination: B, sourcePort: 5, destinationPort: 9 };
  b.arrive(Packets.udp(frames, flow));
  assert.equal(b.events, [`icmp 3/3 ${A} > ${B} UDP 5 > 9`, 'NO_SOCKET']);
  b.udp.socket().bind(0, 9);
  const wrong = Packets.udp(frames, flow);
  Udp.setChecksum(frames.view(wrong), frames.start[wrong]! + 20, 1);
  b.arrive(wrong);
  const cut = Packets.udp(frames, flow);
  frames.view(cut).setUint16(frames.start[cut]! + 24, 100);
  b.arrive(cut);
  assert.equal(b.events.slice(2), ['BAD_CHECKSUM', 'MALFORMED']);
  assert.is(
    a.udp.socket().sendTo(Address.from(B), 9, { ...octets(new Uint8Array(1)), length: 65_508 }),
    'EMSGSIZE',
  );
  assert.is(frames.inUse, 0);
});

t('a datagram shorter than its packet is trimmed; real octets behind the header are data', () => {
  const { b, frames } = new Pair();
  const server = b.udp.socket();
  server.bind(0, 9);
  const frame = frames.allocate();
  const at = frames.append(frame, 20 + 8 + 5);
  const view = frames.view(frame);
  frames.bytes(frame).set(Buffer.from('hey'), at + 28);
  const header = { sourcePort: 5, destinationPort: 9, length: 11, checksum: 0 };
  Udp.emit(view, at + 20, header);
  const [source, destination] = [Address.from(A), Address.from(B)];
  const sum = 0x6865 + 0x7900;
  Udp.setChecksum(view, at + 20, Udp.checksum(view, at + 20, source, destination, 11, sum));
  const rest = { tos: 0, identification: 0, flags: 0, fragmentOffset: 0, ttl: 64, protocol: 17 };
  Ipv4.emit(view, at, { ...rest, totalLength: 33, source, destination });
  b.arrive(frame);
  assert.equal(b.events, []);
  assert.is(text(server.take()), `${A}:5 hey`);
});

t('a packet to port 0 is nobody’s, whoever heard the last one and came or went since', () => {
  const { a, b, frames } = new Pair();
  const server = b.udp.socket();
  server.bind(0, 9);
  server.onReceive = () => b.events.push('heard');
  const flow = { source: A, destination: B, sourcePort: 5, destinationPort: 9 };
  b.arrive(Packets.udp(frames, flow));
  b.udp.socket().bind(0, 10);
  b.arrive(Packets.udp(frames, { ...flow, destinationPort: 0 }));
  assert.equal(b.events, ['heard', `icmp 3/3 ${A} > ${B} UDP 5 > 0`, 'NO_SOCKET']);
  assert.is(a.udp.list().length, 0);
});

t('connected to the sender beats bound to the address beats bound to the port', () => {
  const { a, b } = new Pair();
  const names = new Map<UdpSocket, string>();
  const open = (name: string, address: number): UdpSocket => {
    const socket = b.udp.socket();
    names.set(socket, name);
    socket.bind(address, 53);
    return socket;
  };
  const bound = open('bound', Address.from(B));
  assert.is(b.udp.socket().bind(0, 53), 'EADDRINUSE');
  assert.is(b.udp.socket().bind(Address.from(A), 53), 'EADDRNOTAVAIL');
  const client = a.udp.socket();
  client.bind(0, 4000);
  client.sendTo(Address.from(B), 53, octets(Buffer.from('1')));
  assert.is(text(bound.take()), `${A}:4000 1`);
  bound.connect(Address.from(A), 4001);
  client.sendTo(Address.from(B), 53, octets(Buffer.from('2')));
  assert.is(bound.take(), undefined, 'connected to somebody else');
  assert.match(b.events[0]!, /^icmp 3\/3/);
  bound.close();
  assert.is(b.udp.list().length, 0);
  assert.is(open('again', 0).localPort, 53);
});

t('a connected socket hears of hard errors only, once; IP_RECVERR of all', () => {
  const pair = new Pair();
  const { a } = pair;
  const socket = a.udp.socket();
  assert.is(socket.connect(Address.from(B), 9), '');
  const send = (): string => socket.send(octets(Buffer.from('x')));
  for (const [type, code, expected] of [
    [3, 3, 'ECONNREFUSED'],
    [3, 2, 'ENOPROTOOPT'],
    [3, 4, 'EMSGSIZE'],
    [3, 13, 'EHOSTUNREACH'],
    [12, 0, 'EPROTO'],
    [3, 0, ''],
    [3, 1, ''],
    [11, 0, ''],
  ] as const) {
    const report = pair.error(socket, B, 9, type, code);
    assert.ok(a.udp.owns(report));
    a.udp.error(report);
    assert.is(send(), expected, `${type}/${code}`);
    assert.is(send(), '', `${type}/${code} is told once`);
  }
  const stranger = pair.error(socket, '10.0.0.3', 9, 3, 3);
  assert.not(a.udp.owns(stranger), 'a packet that it did not send');
  a.udp.error(stranger);
  assert.is(send(), '');
  const heard: string[] = [];
  socket.receivesErrors = true;
  socket.onError = (error, report) => heard.push(`${error} ${report.type}/${report.code}`);
  a.udp.error(pair.error(socket, B, 9, 11, 0));
  a.udp.error(pair.error(socket, B, 9, 3, 1));
  assert.equal(heard, ['EHOSTUNREACH 11/0', 'EHOSTUNREACH 3/1']);
});

t('not connected: errors are nobody’s but with IP_RECVERR', () => {
  const pair = new Pair();
  const socket = pair.a.udp.socket();
  pair.b.udp.socket().bind(0, 9);
  socket.sendTo(Address.from(B), 9, octets(Buffer.from('x')));
  pair.a.udp.error(pair.error(socket, B, 9, 3, 3));
  assert.is(socket.sendTo(Address.from(B), 9, octets(Buffer.from('x'))), '');
});

t('routes that lead nowhere are the sender’s error', () => {
  const { a } = new Pair();
  a.refusal = 'ENETUNREACH';
  const socket = a.udp.socket();
  assert.is(socket.connect(Address.from(B), 9), 'ENETUNREACH');
  assert.is(socket.sendTo(Address.from(B), 9, octets(Buffer.from('x'))), 'ENETUNREACH');
  assert.is(socket.mtu, 0);
});

t('the receive buffer has a bound', () => {
  const { a, b } = new Pair();
  const server = b.udp.socket();
  server.bind(0, 9);
  const client = a.udp.socket();
  const payload = { pattern: Payload.ZERO, offset: 0, length: 1400, bytes: null } as const;
  for (let i = 0; i < 100; i++) client.sendTo(Address.from(B), 9, payload);
  assert.equal(b.events, Array(2).fill('SOCKET_BUFFER_FULL'));
  server.take();
  client.sendTo(Address.from(B), 9, payload);
  assert.is(b.events.length, 2);
});

t('ephemeral ports: all different, all in the range, until none is left', () => {
  const { a } = new Pair();
  Object.assign(a.sysctl, { ipLocalPortRange: [50_000, 50_009] });
  const ports = Array.from({ length: 10 }, () => {
    const socket = a.udp.socket();
    assert.is(socket.bind(0, 0), '');
    return socket.localPort;
  });
  assert.equal(ports.sort(), [50000, 50001, 50002, 50003, 50004, 50005, 50006, 50007, 50008, 50009]);
  assert.is(a.udp.socket().bind(0, 0), 'EADDRINUSE');
});

t('flow hash: ICMP and fragments by address and the same both ways, ports for the others', () => {
  const frames = new FrameStore();
  const hash = (frame: Frame): number => flowHash(42, frames.view(frame), frames.start[frame]!);
  const flow = { source: A, destination: B, sourcePort: 5, destinationPort: 9 };
  const ping = hash(Packets.echo(frames, flow, 8, 1));
  assert.is(hash(Packets.echo(frames, Packets.back(flow), 0, 2)), ping);
  const fragment = Packets.udp(frames, flow);
  frames.view(fragment).setUint16(frames.start[fragment]! + 6, 0x2000);
  assert.is(hash(fragment), ping);
  const datagram = hash(Packets.udp(frames, flow));
  assert.is(hash(Packets.udp(frames, flow)), datagram);
  assert.not(hash(Packets.udp(frames, Packets.back(flow))) === datagram);
  assert.not(hash(Packets.udp(frames, { ...flow, sourcePort: 6 })) === datagram);
  assert.is(flowSourcePort(0, 32768, 60999), 32768);
  assert.is(flowSourcePort(0xffff_ffff, 32768, 60999), 60998);
});

t.run();
