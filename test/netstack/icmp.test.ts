import * as Ipv4 from '../../src/addr/ipv4.ts';
import type { EthernetDevice } from '../../src/netstack/ethernet-device.ts';
import { IcmpSocket } from '../../src/netstack/icmp-socket.ts';
import { PathMtuCache } from '../../src/netstack/path-mtu.ts';
import { PeerLimits } from '../../src/netstack/peer-limits.ts';
import { octets } from '../../src/netstack/udp-socket.ts';
import * as Payload from '../../src/sim/payload.ts';
import { MILLISECOND, SECOND } from '../../src/sim/time.ts';
import * as Ethernet from '../../src/wire/ethernet.ts';
import * as Icmpv4 from '../../src/wire/icmpv4.ts';
import * as Wire from '../../src/wire/ipv4.ts';
import { assert, suite } from '../kit.ts';
import { Lab, route, viewOf } from './lab.ts';

const t = suite('netstack/icmp');

/** Have `namespace` receive an ICMP message on `device`, addressed to its MAC. */
function inject(
  lab: Lab,
  namespace: string,
  device: string,
  source: string,
  destination: string,
  message: Uint8Array,
  checksum?: number,
): void {
  const { frames, host } = lab.namespace(namespace);
  lab.at(namespace, () => {
    const frame = frames.allocate();
    host.account.originated++;
    const at = frames.append(frame, 34 + Math.min(message.length, 100));
    const view = frames.view(frame);
    const { mac } = lab.device(namespace, device);
    Ethernet.emit(view, at, { destination: mac, source: 2, etherType: Ethernet.TYPE_IPV4 });
    Wire.emit(view, at + 14, {
      tos: 0,
      totalLength: 20 + message.length,
      identification: 9,
      flags: 0,
      fragmentOffset: 0,
      ttl: 9,
      protocol: Wire.PROTOCOL_ICMP,
      source: Ipv4.from(source),
      destination: Ipv4.from(destination),
    });
    frames.bytes(frame).set(message.subarray(0, 100), at + 34);
    if (message.length > 100) frames.setPayload(frame, Payload.REAL, 100, message.length - 100, message);
    const sum = Icmpv4.checksum(view, at + 34, frames.end[frame]!, frames.payloadSum(frame));
    Icmpv4.setChecksum(view, at + 34, checksum ?? sum);
    lab.device(namespace, device).ingress(frame);
  });
}

/** An ICMP error that quotes a packet. */
function errorAbout(type: number, code: number, rest: number, quote: Uint8Array): Uint8Array {
  const message = new Uint8Array(8 + quote.length);
  Icmpv4.emit(viewOf(message), 0, { type, code, checksum: 0, rest });
  message.set(quote, 8);
  return message;
}

function quoted(source: string, destination: string, protocol: number, transport: number[]): Uint8Array {
  const packet = new Uint8Array(20 + transport.length);
  Wire.emit(viewOf(packet), 0, {
    tos: 0,
    totalLength: 1500,
    identification: 1,
    flags: Wire.FLAG_DF,
    fragmentOffset: 0,
    ttl: 60,
    protocol,
    source: Ipv4.from(source),
    destination: Ipv4.from(destination),
  });
  packet.set(transport, 20);
  return packet;
}

for (const [tos, expected] of [
  [0x00, 0xc0],
  [0xb8, 0xd8],
  [0x03, 0xc2],
  [0xff, 0xde],
] as const)
  t(
    `an error about a packet with TOS 0x${tos.toString(16)} has TOS 0x${expected.toString(16)}, as seen of Linux`,
    () => {
      const lab = new Lab('ipip-always');
      const heard = lab.capture('pod1', 'eth0', 'receive');
      lab.ping('pod1', '172.16.34.1', { ttl: 1, tos });
      assert.is(Wire.tos(viewOf(heard.at(-1)!), 14), expected);
    },
  );

t(
  'a better first hop on the same link: a redirect for the first packet, then ever more seldom, nine in all',
  () => {
    const lab = new Lab('direct-nopeer');
    // k8s-m sends by the router what k8s-w1 has: the times are those that Linux 6 was seen to send at.
    lab
      .namespace('k8s-rtr')
      .fib.replace(route(lab.device('k8s-rtr', 'eth1'), '10.5.0.0/16', '192.168.10.101'));
    lab.namespace('k8s-w1').fib.replace(route(undefined, '10.5.0.0/16'));
    lab.ping('k8s-m', '192.168.10.254');
    lab.ping('k8s-rtr', '192.168.10.101');
    lab.run(10 * SECOND);
    const times: number[] = [];
    const { clock, frames } = lab.namespace('k8s-m');
    const start = lab.now;
    lab.device('k8s-m', 'eth0').tap((frame, direction) => {
      const view = viewOf(frames.materialise(frame));
      if (direction !== 'receive' || Ethernet.etherType(view, 0) !== Ethernet.TYPE_IPV4) return;
      if (Wire.protocol(view, 14) !== 1 || Icmpv4.type(view, 34) !== Icmpv4.REDIRECT) return;
      assert.is(Ipv4.format(Icmpv4.gateway(view, 34)), '192.168.10.101');
      assert.is(Ipv4.format(Wire.source(view, 14)), '192.168.10.254');
      times.push(Math.round((clock.now - start) / (100 * MILLISECOND)) / 10);
    });
    const socket = new IcmpSocket(lab.namespace('k8s-m'), { reply: () => undefined, error: () => undefined });
    for (let sequence = 1; sequence <= 200; sequence++) {
      const echo = { destination: Ipv4.from('10.5.0.1'), sequence, dataLength: 56, ttl: 3 };
      lab.at('k8s-m', () => socket.send(echo));
      lab.run(100 * MILLISECOND);
    }
    assert.equal(times, [0, 0.1, 0.2, 0.4, 0.8, 1.5, 2.8, 5.4, 10.6]);
    assert.is(lab.imbalance(), 0);
  },
);

t('no redirect with send_redirects off, nor to a sender that is not on the link', () => {
  for (const [sender, off] of [
    ['k8s-m', true],
    ['pod1', false],
  ] as const) {
    const lab = new Lab('direct-nopeer');
    const eth1 = lab.device('k8s-rtr', 'eth1');
    eth1.sysctl.sendRedirects = !off;
    lab.namespace('k8s-rtr').fib.replace(route(eth1, '10.5.0.0/16', '192.168.10.102'));
    const heard = lab.capture('k8s-rtr', 'eth1', 'transmit');
    lab.ping(sender, '10.5.0.1', { ttl: 5 });
    const redirects = heard
      .map(viewOf)
      .filter(view => Wire.protocol(view, 14) === 1 && Icmpv4.type(view, 34) === 5);
    assert.equal(redirects, []);
  }
});

t('a message with a wrong checksum is dropped', () => {
  const lab = new Lab('ipip-always');
  const message = Uint8Array.of(8, 0, 0, 0, 0, 1, 0, 1);
  inject(lab, 'k8s-w1', 'eth0', '192.168.10.102', '192.168.10.101', message, 0x1234);
  assert.equal([...lab.namespace('k8s-w1').host.account.reasons], [['BAD_CHECKSUM', 1]]);
});

for (const [what, destination, message, reason] of [
  ['an echo request to the subnet broadcast', '192.168.10.255', [8, 0, 0, 0, 0, 1, 0, 1], 'NOT_FOR_ME'],
  ['an echo request to 255.255.255.255', '255.255.255.255', [8, 0, 0, 0, 0, 1, 0, 1], 'NOT_FOR_ME'],
  ['a reply that nobody waits for', '192.168.10.101', [0, 0, 0, 0, 0, 1, 0, 1], 'PROCESS_GONE'],
  ['a time-stamp request', '192.168.10.101', [13, 0, 0, 0, 0, 1, 0, 1], 'UNKNOWN_PROTOCOL'],
  ['a message of four octets', '192.168.10.101', [8, 0, 0, 0], 'MALFORMED'],
] as const)
  t(`${what} is dropped: ${reason}`, () => {
    const lab = new Lab('ipip-always');
    inject(lab, 'k8s-w1', 'eth0', '192.168.10.102', destination, Uint8Array.from(message));
    assert.equal([...lab.namespace('k8s-w1').host.account.reasons], [[reason, 1]]);
    assert.is(lab.imbalance(), 0);
  });

const NARROW = [3, 4, 1300] as const;
for (const [what, quote, learnt] of [
  [
    'an echo request of a program here',
    quoted('192.168.10.101', '10.7.0.1', 1, [8, 0, 0, 0, 0, 77, 0, 1]),
    true,
  ],
  ['an echo request of nobody', quoted('192.168.10.101', '10.7.0.1', 1, [8, 0, 0, 0, 0, 78, 0, 1]), false],
  ['an echo reply of ours', quoted('192.168.10.101', '10.7.0.1', 1, [0, 0, 0, 0, 0, 78, 0, 1]), true],
  ['an IPIP packet of ours', quoted('192.168.10.101', '10.7.0.1', 4, [0, 0, 0, 0, 0, 0, 0, 0]), true],
  ['a packet from another host', quoted('192.168.10.102', '10.7.0.1', 4, [0, 0, 0, 0, 0, 0, 0, 0]), false],
  ['a UDP datagram of no socket', quoted('192.168.10.101', '10.7.0.1', 17, [1, 1, 2, 2, 0, 8, 0, 0]), false],
  ['seven octets of a header', quoted('192.168.10.101', '10.7.0.1', 4, [0, 0, 0, 0, 0, 0, 0]), false],
  ['no whole IP header', new Uint8Array(19).fill(0x45), false],
  ['IP version 6', new Uint8Array(48).fill(0x60), false],
] as const)
  t(`Fragmentation Needed that quotes ${what} is ${learnt ? 'believed' : 'not believed'}`, () => {
    const lab = new Lab('ipip-always');
    const node = lab.namespace('k8s-w1');
    new IcmpSocket(node, { reply: () => undefined, error: () => undefined }, 77);
    lab.udp('k8s-w1');
    const [type, code, mtu] = NARROW;
    inject(lab, 'k8s-w1', 'eth0', '10.3.0.1', '192.168.10.101', errorAbout(type, code, mtu, quote));
    assert.is(node.pathMtu.get(Ipv4.from('10.7.0.1'), 1500), learnt ? 1300 : 1500);
    assert.is(lab.imbalance(), 0);
  });

t('a UDP socket learns the path MTU from a narrow router and fits its next datagram to it', () => {
  const lab = new Lab('direct-nopeer');
  lab.ping('k8s-w1', '192.168.20.100');
  lab.device('k8s-rtr', 'eth2').mtu = 1400;
  const socket = lab.udp('k8s-w1').socket();
  lab.at('k8s-w1', () => {
    socket.connect(Ipv4.from('192.168.20.100'), 9);
    socket.send(octets(new Uint8Array(1472)));
  });
  lab.run(SECOND);
  assert.is(socket.mtu, 1400);
  const wire = lab.capture('k8s-w1', 'eth0', 'transmit');
  // The connected socket is told by its next call; the one after that sends.
  for (let i = 0; i < 2; i++) lab.at('k8s-w1', () => socket.send(octets(new Uint8Array(1472))));
  assert.equal(wire.map(frame => frame.length - 14).slice(-2), [1396, 124]);
});

t(
  'an error long enough to be cut keeps what identifies the packet, also in the middle of real octets',
  () => {
    const lab = new Lab('ipip-always');
    const heard = lab.capture('pod1', 'eth0', 'receive');
    const { error } = lab.ping('pod1', '172.16.34.1', {
      ttl: 1,
      dataLength: 1400,
      head: new Uint8Array(64).fill(7),
    });
    assert.is(error?.type, Icmpv4.TIME_EXCEEDED);
    const view = viewOf(heard.at(-1)!);
    assert.is(view.byteLength - 14, 576);
    assert.ok(Icmpv4.isValid(view, 34, view.byteLength));
    assert.is(Wire.totalLength(view, 42), 1428);
  },
);

t('a program bound to a device uses it, whatever the routes say', () => {
  const lab = new Lab('ipip-always');
  const node = lab.namespace('k8s-w1');
  const tunl0 = lab.device('k8s-w1', 'tunl0');
  const path = node.path({
    protocol: 1,
    source: 0,
    destination: Ipv4.from('192.168.10.102'),
    ttl: 64,
    tos: 0,
    pmtu: 'want',
    device: tunl0,
    sourcePort: 0,
    destinationPort: 0,
  });
  if (typeof path === 'string') throw new Error(path);
  assert.equal([path.device, Ipv4.format(path.source)], [tunl0, '172.16.158.0']);
  const wire = lab.capture('k8s-w1', 'eth0', 'transmit');
  assert.is(lab.ping('k8s-w1', '172.16.34.1', { device: lab.device('k8s-w1', 'eth0') }).reply, undefined);
  assert.is(Wire.protocol(viewOf(wire.at(-1)!), 14), 1);
});

t('what is sent to everybody goes out to everybody, through the device of the default route', () => {
  const lab = new Lab('direct-nopeer');
  for (const [destination, mac] of [
    ['255.255.255.255', 0xffff_ffff_ffff],
    ['192.168.10.255', 0xffff_ffff_ffff],
    ['224.0.0.5', 0x0100_5e00_0005],
  ] as const) {
    const wire = lab.capture('k8s-w1', 'eth0', 'transmit');
    lab.ping('k8s-w1', destination);
    assert.is(wire.length, 1);
    assert.is(Ethernet.destination(viewOf(wire[0]!), 0), mac);
  }
});

t('two sockets cannot have one identifier; a closed one gives it back', () => {
  const lab = new Lab('ipip-always');
  const events = { reply: () => undefined, error: () => undefined };
  const first = new IcmpSocket(lab.namespace('pod1'), events, 5);
  assert.throws(() => new IcmpSocket(lab.namespace('pod1'), events, 5), 'identifier 5 is in use');
  first.close();
  new IcmpSocket(lab.namespace('pod1'), events, 5);
});

t('a cable that is pulled out and put in again', () => {
  const lab = new Lab('ipip-always');
  lab.ping('pod1', '172.16.34.1');
  const eth0 = lab.device('k8s-w1', 'eth0') as EthernetDevice;
  lab.at('k8s-w1', () => eth0.setCarrier(false));
  assert.not(eth0.carrier);
  assert.is(
    lab
      .namespace('k8s-w1')
      .neighbours.list()
      .filter(({ device }) => device === eth0).length,
    0,
  );
  assert.is(lab.ping('pod1', '172.16.34.1').reply, undefined);
  lab.at('k8s-w1', () => eth0.setCarrier(true));
  assert.is(lab.ping('pod1', '172.16.34.1', {}, 4 * SECOND).reply?.ttl, 62);
});

t('a node that is switched off takes nothing and says nothing', () => {
  const lab = new Lab('ipip-always');
  lab.ping('pod1', '172.16.34.1');
  const { host } = lab.namespace('k8s-w0');
  lab.at('k8s-w0', () => host.halt());
  assert.is(lab.ping('pod1', '172.16.34.1').reply, undefined);
  assert.is(host.account.reasons.get('NODE_STOPPED'), 1);
  assert.is(lab.imbalance(), 0);
});

t('path MTU: only downwards, not below 552, forgotten after ten minutes', () => {
  const clock = { now: 0, timer: () => assert.unreachable('no timers') as never };
  const cache = new PathMtuCache(clock);
  cache.learn(1, 1400, 1500);
  assert.is(cache.get(1, 1500), 1400);
  assert.is(cache.get(1, 1300), 1300);
  assert.is(cache.get(2, 1500), 1500);
  cache.learn(1, 1450, 1400);
  assert.is(cache.get(1, 1500), 1400);
  assert.not(cache.isLocked(1));
  cache.learn(1, 68, 1400);
  assert.is(cache.get(1, 1500), 552);
  assert.ok(cache.isLocked(1));
  cache.learn(1, 300, 552);
  clock.now = 600 * SECOND - 1;
  assert.is(cache.get(1, 1500), 552);
  clock.now = 600 * SECOND;
  assert.is(cache.get(1, 1500), 1500);
  cache.learn(3, 1000, 1500);
  cache.flush();
  assert.is(cache.get(3, 1500), 1500);
});

t('error tokens: six at once to each peer, one more each second', () => {
  const clock = { now: 5 * SECOND, timer: () => assert.unreachable('no timers') as never };
  const limits = new PeerLimits(clock);
  const burst = (peer: number): number => {
    let allowed = 0;
    while (allowed < 100 && limits.allowError(peer, SECOND)) allowed++;
    return allowed;
  };
  assert.equal([burst(1), burst(2), burst(1)], [6, 6, 0]);
  clock.now += 2.5 * SECOND;
  assert.is(burst(1), 2);
  clock.now += 60 * SECOND;
  assert.is(burst(1), 6);
});

t.run();
