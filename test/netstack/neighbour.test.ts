import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Mac from '../../src/addr/mac.ts';
import { IcmpSocket } from '../../src/netstack/icmp-socket.ts';
import { MILLISECOND, SECOND, type VirtualTime } from '../../src/sim/time.ts';
import * as Arp from '../../src/wire/arp.ts';
import * as Ethernet from '../../src/wire/ethernet.ts';
import { assert, suite } from '../kit.ts';
import { etherType, Lab, route, viewOf } from './lab.ts';

const t = suite('netstack/neighbour');

/** `address dev DEVICE lladdr MAC STATE`, as `ip neigh` has it. */
function neighbours(lab: Lab, namespace: string): string[] {
  return lab
    .namespace(namespace)
    .neighbours.list()
    .map(({ address, device, mac, state }) => {
      const lladdr = mac === 0 ? '' : `lladdr ${Mac.format(mac)} `;
      return `${Ipv4.format(address)} dev ${device.name} ${lladdr}${state}`;
    });
}

const stateOf = (lab: Lab, namespace: string, address: string): string | undefined =>
  neighbours(lab, namespace)
    .find(line => line.startsWith(`${address} `))
    ?.split(' ')
    .at(-1);

/** When ARP requests left a device, and whether they were for everybody. */
function requests(lab: Lab, namespace: string, device: string): [VirtualTime, 'broadcast' | 'unicast'][] {
  const seen: [VirtualTime, 'broadcast' | 'unicast'][] = [];
  const { clock, frames } = lab.namespace(namespace);
  lab.device(namespace, device).tap((frame, direction) => {
    const octets = frames.materialise(frame);
    if (direction !== 'transmit' || etherType(octets) !== Ethernet.TYPE_ARP) return;
    if (Arp.operation(viewOf(octets), 14) !== Arp.REQUEST) return;
    const everybody = Ethernet.destination(viewOf(octets), 0) === Mac.BROADCAST;
    seen.push([clock.now, everybody ? 'broadcast' : 'unicast']);
  });
  return seen;
}

t('after one cold ping everybody knows whom the recording says they know', () => {
  const lab = new Lab('ipip-always');
  lab.ping('pod1', '172.16.34.1');
  assert.equal(neighbours(lab, 'pod1'), ['169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee REACHABLE']);
  // pod3 learnt its node from the node's question, and has never spoken to it.
  assert.equal(neighbours(lab, 'pod3').sort(), [
    '169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee REACHABLE',
    '192.168.20.100 dev eth0 lladdr ee:ee:ee:ee:ee:ee STALE',
  ]);
  assert.equal(neighbours(lab, 'k8s-w1').sort(), [
    // The pod asked first: the answer went to what its question taught, and has to be confirmed.
    '172.16.158.3 dev calice0906292e2 lladdr 0a:58:ac:10:9e:03 DELAY',
    '192.168.10.254 dev eth0 lladdr 02:00:c0:a8:0a:fe REACHABLE',
  ]);
});

t(
  'REACHABLE turns STALE after 15 to 45 s; the next packet makes it DELAY; 5 s later it is asked, unicast',
  () => {
    const lab = new Lab('ipip-always');
    lab.ping('k8s-w1', '192.168.10.102');
    const asked = requests(lab, 'k8s-w1', 'eth0');
    assert.is(stateOf(lab, 'k8s-w1', '192.168.10.102'), 'REACHABLE');
    lab.run(13 * SECOND);
    assert.is(stateOf(lab, 'k8s-w1', '192.168.10.102'), 'REACHABLE');
    lab.run(32 * SECOND);
    assert.is(stateOf(lab, 'k8s-w1', '192.168.10.102'), 'STALE');
    const at = lab.now;
    lab.ping('k8s-w1', '192.168.10.102');
    assert.is(stateOf(lab, 'k8s-w1', '192.168.10.102'), 'DELAY');
    lab.run(5 * SECOND);
    assert.is(stateOf(lab, 'k8s-w1', '192.168.10.102'), 'REACHABLE');
    assert.equal(asked, [[at + 5 * SECOND, 'unicast']]);
  },
);

t('what transport confirms during DELAY is not asked', () => {
  const lab = new Lab('ipip-always');
  lab.ping('k8s-w1', '192.168.10.102');
  lab.run(50 * SECOND);
  const asked = requests(lab, 'k8s-w1', 'eth0');
  lab.ping('k8s-w1', '192.168.10.102');
  const node = lab.namespace('k8s-w1');
  lab.at('k8s-w1', () => node.confirm(Ipv4.from('192.168.10.102')));
  lab.run(10 * SECOND);
  assert.equal(asked, []);
  assert.is(stateOf(lab, 'k8s-w1', '192.168.10.102'), 'REACHABLE');
});

t(
  'a neighbour that went away: three unicast questions a second apart, FAILED, and asked anew by everybody',
  () => {
    const lab = new Lab('ipip-always');
    lab.ping('k8s-w1', '192.168.10.102');
    lab.run(50 * SECOND);
    const peer = lab.namespace('k8s-w2');
    lab.at('k8s-w2', () => peer.setUp(lab.device('k8s-w2', 'eth0'), false));
    const asked = requests(lab, 'k8s-w1', 'eth0');
    const at = lab.now;
    lab.ping('k8s-w1', '192.168.10.102');
    lab.run(8 * SECOND);
    assert.equal(
      asked,
      [5, 6, 7].map(second => [at + second * SECOND, 'unicast']),
    );
    assert.is(stateOf(lab, 'k8s-w1', '192.168.10.102'), 'FAILED');
    asked.length = 0;
    const again = lab.now;
    const { error } = lab.ping('k8s-w1', '192.168.10.102', {}, 4 * SECOND);
    assert.equal(
      asked,
      [0, 1, 2].map(second => [again + second * SECOND, 'broadcast']),
    );
    assert.equal([error?.type, error?.code], [3, 1]);
    assert.is(lab.imbalance(), 0);
  },
);

t('at most 101 packets wait for an answer; the oldest give way', () => {
  const lab = new Lab('ipip-always');
  const node = lab.namespace('k8s-w1');
  const failed: number[] = [];
  const socket = new IcmpSocket(node, {
    reply: () => undefined,
    error: (_, sequence) => failed.push(sequence),
  });
  lab.at('k8s-w1', () => {
    for (let sequence = 1; sequence <= 110; sequence++)
      socket.send({ destination: Ipv4.from('192.168.10.77'), sequence, dataLength: 56 });
  });
  assert.is(node.host.account.reasons.get('NEIGH_QUEUE_FULL'), 9);
  lab.run(4 * SECOND);
  assert.is(failed[0], 10);
  assert.is(failed.at(-1), 110);
  assert.is(node.host.account.reasons.get('NEIGH_FAILED'), 101);
  assert.is(lab.imbalance(), 0);
});

t('packets that waited leave in order when the answer comes', () => {
  const lab = new Lab('ipip-always');
  const got: number[] = [];
  const socket = new IcmpSocket(lab.namespace('k8s-w1'), {
    reply: reply => got.push(reply.sequence),
    error: () => undefined,
  });
  lab.at('k8s-w1', () => {
    for (let sequence = 1; sequence <= 5; sequence++)
      socket.send({ destination: Ipv4.from('192.168.10.102'), sequence, dataLength: 56 });
  });
  lab.run(10 * MILLISECOND);
  assert.equal(got, [1, 2, 3, 4, 5]);
});

t(
  'a permanent entry is never asked about, survives loss of carrier but not of the device, and can be replaced',
  () => {
    const lab = new Lab('vxlan-always');
    const node = lab.namespace('k8s-w1');
    const device = lab.device('k8s-w1', 'vxlan.calico');
    const asked = requests(lab, 'k8s-w1', 'vxlan.calico');
    lab.ping('k8s-w1', '172.16.34.1');
    assert.equal(asked, []);
    const permanent = (): number =>
      neighbours(lab, 'k8s-w1').filter(line => line.endsWith('PERMANENT')).length;
    assert.is(permanent(), 3);
    node.carrierLost(device);
    assert.is(permanent(), 3);
    const before = node.neighbours.changed;
    node.neighbours.setPermanent(device, Ipv4.from('172.16.34.0'), 0x66_0000_0000_01);
    node.neighbours.setPermanent(device, Ipv4.from('172.16.34.0'), 0x66_0000_0000_01);
    assert.is(node.neighbours.changed, before + 1);
    assert.ok(node.neighbours.remove(device, Ipv4.from('172.16.34.0')));
    assert.not(node.neighbours.remove(device, Ipv4.from('172.16.34.0')));
    lab.at('k8s-w1', () => node.setUp(device, false));
    assert.is(permanent(), 0);
  },
);

for (const [what, change, answered, reason] of [
  ['as set up by the CNI plugin', () => undefined, true, undefined],
  [
    'proxy_arp off',
    (lab: Lab) => {
      lab.device('k8s-w1', 'calice0906292e2').sysctl.proxyArp = false;
    },
    false,
    undefined,
  ],
  [
    'no default route',
    (lab: Lab) => {
      lab.namespace('k8s-w1').fib.remove({ prefix: { address: 0, length: 0 } });
    },
    false,
    'PROXY_ARP_NO_ROUTE',
  ],
  [
    'the route to it leads back to the pod',
    (lab: Lab) => {
      lab.namespace('k8s-w1').fib.replace(route(lab.device('k8s-w1', 'calice0906292e2'), '169.254.1.1/32'));
    },
    false,
    undefined,
  ],
  [
    'forwarding off',
    (lab: Lab) => {
      lab.namespace('k8s-w1').sysctl.ipForward = false;
    },
    false,
    undefined,
  ],
] as const) {
  t(`a pod asks for 169.254.1.1, ${what}: ${answered ? 'answered' : 'silence'}`, () => {
    const lab = new Lab('ipip-always');
    (change as (lab: Lab) => void)(lab);
    lab.ping('pod1', '172.16.184.4');
    assert.is(stateOf(lab, 'pod1', '169.254.1.1'), answered ? 'REACHABLE' : 'INCOMPLETE');
    const { reasons } = lab.namespace('k8s-w1').host.account;
    assert.is(reasons.get('PROXY_ARP_NO_ROUTE') !== undefined, reason !== undefined);
  });
}

/** Have `namespace` receive an ARP packet as if from the link of `device`. */
function inject(
  lab: Lab,
  namespace: string,
  device: string,
  packet: Arp.ArpPacket,
  to: Mac.MacAddress,
): void {
  const { frames, host } = lab.namespace(namespace);
  lab.at(namespace, () => {
    const frame = frames.allocate();
    host.account.originated++;
    const at = frames.append(frame, Ethernet.HEADER_LENGTH + Arp.PACKET_LENGTH);
    const view = frames.view(frame);
    Ethernet.emit(view, at, { destination: to, source: packet.senderMac, etherType: Ethernet.TYPE_ARP });
    Arp.emit(view, at + Ethernet.HEADER_LENGTH, packet);
    lab.device(namespace, device).ingress(frame);
  });
}

const STRANGER = 0x0200_0000_0099;
for (const [what, operation, target, state] of [
  ['a request that is for us teaches its sender', Arp.REQUEST, '192.168.10.101', 'STALE'],
  ['a request for somebody else teaches nothing new', Arp.REQUEST, '192.168.10.102', undefined],
  ['a gratuitous request teaches nothing new', Arp.REQUEST, '192.168.10.99', undefined],
  ['an answer nobody asked for teaches nothing new', Arp.REPLY, '192.168.10.101', undefined],
] as const) {
  t(what, () => {
    const lab = new Lab('ipip-always');
    const packet = {
      operation,
      senderMac: STRANGER,
      senderAddress: Ipv4.from('192.168.10.99'),
      targetMac: 0,
      targetAddress: Ipv4.from(target),
    };
    inject(lab, 'k8s-w1', 'eth0', packet, Mac.BROADCAST);
    assert.is(stateOf(lab, 'k8s-w1', '192.168.10.99'), state);
    assert.is(lab.imbalance(), 0);
  });
}

t('a gratuitous ARP moves a known address to its new MAC, but not within a second of the last change', () => {
  const lab = new Lab('ipip-always');
  lab.ping('k8s-w1', '192.168.10.102', {}, 10 * MILLISECOND);
  const address = Ipv4.from('192.168.10.102');
  const packet = {
    operation: Arp.REQUEST,
    senderMac: STRANGER,
    senderAddress: address,
    targetMac: 0,
    targetAddress: address,
  };
  const known = (): string => neighbours(lab, 'k8s-w1').find(line => line.startsWith('192.168.10.102'))!;
  inject(lab, 'k8s-w1', 'eth0', packet, Mac.BROADCAST);
  assert.match(known(), 'lladdr 02:00:c0:a8:0a:66 REACHABLE');
  lab.run(2 * SECOND);
  inject(lab, 'k8s-w1', 'eth0', packet, Mac.BROADCAST);
  assert.match(known(), 'lladdr 02:00:00:00:00:99 STALE');
});

t('a probe for a duplicate address (sender 0.0.0.0) is answered and teaches nothing', () => {
  const lab = new Lab('ipip-always');
  const sent = lab.capture('k8s-w1', 'eth0', 'transmit');
  const packet = {
    operation: Arp.REQUEST,
    senderMac: STRANGER,
    senderAddress: 0,
    targetMac: 0,
    targetAddress: Ipv4.from('192.168.10.101'),
  };
  inject(lab, 'k8s-w1', 'eth0', packet, Mac.BROADCAST);
  assert.is(sent.length, 1);
  assert.is(Arp.operation(viewOf(sent[0]!), 14), Arp.REPLY);
  assert.equal(neighbours(lab, 'k8s-w1'), []);
});

t('more than 128 entries: the failed and the long stale ones are collected', () => {
  const lab = new Lab('ipip-always');
  const node = lab.namespace('k8s-w1');
  const socket = new IcmpSocket(node, { reply: () => undefined, error: () => undefined });
  const ask = (from: number, to: number): void => {
    lab.at('k8s-w1', () => {
      for (let host = from; host < to; host++)
        socket.send({ destination: Ipv4.from(`192.168.10.${host}`), sequence: 1, dataLength: 8 });
    });
    lab.run(4 * SECOND);
  };
  ask(110, 230);
  assert.is(neighbours(lab, 'k8s-w1').length, 120);
  ask(230, 245);
  // The ninth newcomer found the table full of failures.
  assert.is(neighbours(lab, 'k8s-w1').length, 15);
  assert.is(lab.imbalance(), 0);
});

t.run();
