import { gunzipSync } from 'node:zlib';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { connect } from '../../src/fabric/wiring.ts';
import { EthernetDevice } from '../../src/netstack/ethernet-device.ts';
import { HookTable, OUTPUT, POSTROUTING, PREROUTING } from '../../src/netstack/hooks.ts';
import { IcmpSocket } from '../../src/netstack/icmp-socket.ts';
import type { Namespace } from '../../src/netstack/namespace.ts';
import { formatRoute } from '../../src/netstack/route-text.ts';
import type { SendRequest } from '../../src/netstack/transport.ts';
import { SECOND } from '../../src/sim/time.ts';
import type { DropReason } from '../../src/trace/drop-reason.ts';
import * as Icmpv4 from '../../src/wire/icmpv4.ts';
import * as Wire from '../../src/wire/ipv4.ts';
import { assert, fixture, suite } from '../kit.ts';
import { Lab, LINK, route, TestBench } from './lab.ts';

const t = suite('netstack/namespace');

const dump = (namespace: Namespace): string[] =>
  [...namespace.fib.list('main'), ...namespace.fib.list('local')].map(entry => formatRoute(entry, true));

const recorded = JSON.parse(gunzipSync(fixture('netstack/routes.json.gz')).toString()) as Record<
  string,
  Record<string, string[]>
>;
for (const mode of ['ipip-always', 'ipip-crosssubnet', 'vxlan-always', 'direct-nopeer'] as const) {
  const lab = new Lab(mode);
  for (const [name, routes] of Object.entries(recorded[mode]!)) {
    t(`${mode}: the routes of ${name}, the kernel's own included, are those recorded`, () => {
      assert.equal(dump(lab.namespace(name)), routes);
    });
  }
}

/** The local table of k8s-w1's eth0, and its connected route. */
const ofEth0 = (lab: Lab): string[] =>
  dump(lab.namespace('k8s-w1'))
    .filter(line => line.includes('dev eth0'))
    .map(line => line.split(' ').slice(0, 2).join(' '));

t(
  'a device that goes down loses its routes and keeps its address; up again, only the connected ones return',
  () => {
    const lab = new Lab('ipip-crosssubnet');
    const node = lab.namespace('k8s-w1');
    const eth0 = lab.device('k8s-w1', 'eth0');
    lab.at('k8s-w1', () => node.setUp(eth0, false));
    assert.equal(ofEth0(lab), ['local 192.168.10.101']);
    assert.ok(node.isLocal(Ipv4.from('192.168.10.101')));
    lab.at('k8s-w1', () => node.setUp(eth0, true));
    assert.equal(ofEth0(lab), ['192.168.10.0/24 dev', 'local 192.168.10.101', 'broadcast 192.168.10.255']);
  },
);

t('addresses come and go, the device goes down and up: the routes that Linux 6 was seen to have', () => {
  const bench = new TestBench();
  const host = bench.host('host');
  const namespace = host.namespace('host');
  connect({ process: host, jack: 0 }, { process: bench.host('other'), jack: 0 }, LINK);
  const v0 = new EthernetDevice(namespace, 'v0', { mac: 1, mtu: 1500, jack: 0 });
  const add = (text: string): void => {
    const { address, length } = Prefix.from(text);
    assert.ok(namespace.addAddress(v0, address, length));
    assert.not(namespace.addAddress(v0, address, length));
  };
  const kernel = 'proto kernel scope';
  const local = (address: string, source = address): string =>
    `local ${address} dev v0 table local ${kernel} host src ${source} `;
  const broadcast = `broadcast 10.1.0.255 dev v0 table local ${kernel} link src 10.1.0.1 `;

  add('10.1.0.1/24');
  assert.equal(dump(namespace), [local('10.1.0.1')]);

  namespace.setUp(v0, true);
  namespace.fib.add(route(v0, '10.9.0.0/16', '10.1.0.254'));
  namespace.fib.add(route(v0, '10.8.0.0/16', '10.1.0.254', { source: Ipv4.from('10.1.0.1') }));
  for (const address of ['10.1.0.2/24', '10.2.0.0/31', '10.3.0.1/32']) add(address);
  const connected = [
    `10.1.0.0/24 dev v0 ${kernel} link src 10.1.0.1 `,
    `10.2.0.0/31 dev v0 ${kernel} link src 10.2.0.0 `,
  ];
  const locals = [
    local('10.1.0.1'),
    local('10.1.0.2', '10.1.0.1'),
    broadcast,
    local('10.2.0.0'),
    local('10.3.0.1'),
  ];
  const others = ['10.8.0.0/16 via 10.1.0.254 dev v0 src 10.1.0.1 ', '10.9.0.0/16 via 10.1.0.254 dev v0 '];
  assert.equal(dump(namespace), [...connected, ...others, ...locals]);

  // Without a carrier everything stays, but what leads out is marked.
  host.outputs[0]!.up = false;
  const marked = [...connected, ...others, ...locals];
  assert.equal(
    dump(namespace),
    marked.map(line => (line.startsWith('local') ? line : `${line}linkdown `)),
  );
  host.outputs[0]!.up = true;

  namespace.setUp(v0, false);
  assert.equal(
    dump(namespace),
    locals.filter(line => line !== broadcast),
  );
  namespace.setUp(v0, true);
  assert.equal(dump(namespace), [...connected, ...locals]);

  assert.ok(namespace.removeAddress(v0, Ipv4.from('10.1.0.1')));
  assert.not(namespace.removeAddress(v0, Ipv4.from('10.1.0.1')));
  assert.equal(dump(namespace), [connected[1], local('10.2.0.0'), local('10.3.0.1')]);
  assert.is(v0.addresses.length, 2);
});

t('a secondary address goes alone; routes that prefer a removed address go with it', () => {
  const lab = new Lab('ipip-always');
  const node = lab.namespace('k8s-w1');
  const eth0 = lab.device('k8s-w1', 'eth0');
  const second = Ipv4.from('192.168.10.111');
  node.addAddress(eth0, second, 24);
  node.fib.replace(route(eth0, '10.9.0.0/16', '192.168.10.254', { source: second }));
  assert.ok(node.removeAddress(eth0, second));
  assert.is(node.fib.lookup(Ipv4.from('10.9.1.1'))?.prefix.length, 0);
  assert.not(node.isLocal(second));
  assert.is(node.fib.lookup(Ipv4.from('192.168.10.5'))?.source, Ipv4.from('192.168.10.101'));
});

t('a removed namespace leaves nothing behind, and its node says nothing about it', () => {
  const lab = new Lab('ipip-always');
  assert.is(lab.ping('pod1', '172.16.184.4').reply?.ttl, 62);
  const pod = lab.namespace('pod2');
  const node = lab.namespace('k8s-w2');
  lab.at('k8s-w2', () => {
    node.detach(lab.device('k8s-w2', 'calibd2348b4f67'));
    node.host.removeNamespace(pod);
  });
  const { reply, error } = lab.ping('pod1', '172.16.184.4');
  assert.is(reply, undefined);
  assert.is(error, undefined);
  assert.is(node.host.account.reasons.get('BLACKHOLE_ROUTE'), 1);
  assert.is(lab.imbalance(), 0);
});

const REQUEST: SendRequest = {
  protocol: 1,
  source: 0,
  destination: 0,
  ttl: 64,
  tos: 0,
  pmtu: 'want',
  device: undefined,
  sourcePort: 0,
  destinationPort: 0,
};

for (const [destination, device, via, source] of [
  ['172.16.34.1', 'tunl0', '192.168.20.100', '172.16.158.0'],
  ['172.16.158.3', 'calice0906292e2', '172.16.158.3', '192.168.10.101'],
  ['192.168.10.102', 'eth0', '192.168.10.102', '192.168.10.101'],
  ['8.8.8.8', 'eth0', '192.168.10.254', '192.168.10.101'],
  ['172.16.158.0', 'lo', '172.16.158.0', '172.16.158.0'],
  ['127.0.0.7', 'lo', '127.0.0.7', '127.0.0.1'],
] as const) {
  t(`ip route get ${destination} on k8s-w1: dev ${device} src ${source}`, () => {
    const lab = new Lab('ipip-always');
    const path = lab.namespace('k8s-w1').path({ ...REQUEST, destination: Ipv4.from(destination) });
    if (typeof path === 'string') throw new Error(path);
    assert.equal(
      [path.device.name, Ipv4.format(path.nextHop), Ipv4.format(path.source)],
      [device, via, source],
    );
  });
}

for (const [type, error, reason] of [
  ['blackhole', 'EINVAL', 'BLACKHOLE_ROUTE'],
  ['unreachable', 'EHOSTUNREACH', 'UNREACHABLE_ROUTE'],
  ['prohibit', 'EACCES', 'PROHIBIT_ROUTE'],
  ['throw', 'ENETUNREACH', 'NO_ROUTE'],
] as const) {
  t(`a local sender meets a ${type} route: ${error}`, () => {
    const lab = new Lab('ipip-always');
    const node = lab.namespace('k8s-w1');
    node.fib.replace(route(undefined, '10.1.0.0/16', '', { type }));
    assert.is(lab.ping('k8s-w1', '10.1.2.3').sent, error);
    const frame = lab.partition.frames.allocate();
    const request = { ...REQUEST, source: Ipv4.from('192.168.10.101'), destination: Ipv4.from('10.1.2.3') };
    assert.is(node.send(frame, request), error);
    assert.is(node.host.account.reasons.get(reason), 1);
    assert.is(lab.imbalance(), 0);
  });
}

for (const [type, code, reason] of [
  ['unreachable', Icmpv4.HOST_UNREACHABLE, 'UNREACHABLE_ROUTE'],
  ['prohibit', Icmpv4.COMMUNICATION_PROHIBITED, 'PROHIBIT_ROUTE'],
  ['throw', Icmpv4.NET_UNREACHABLE, 'NO_ROUTE'],
  ['blackhole', undefined, 'BLACKHOLE_ROUTE'],
] as const) {
  t(`what is forwarded meets a ${type} route: ${code === undefined ? 'silence' : `ICMP 3/${code}`}`, () => {
    const lab = new Lab('ipip-always');
    const node = lab.namespace('k8s-w1');
    node.fib.replace(route(undefined, '10.1.0.0/16', '', { type }));
    const { error } = lab.ping('pod1', '10.1.2.3');
    assert.is(error?.code, code);
    if (error !== undefined) assert.is(Ipv4.format(error.from), '192.168.10.101');
    assert.is(node.host.account.reasons.get(reason), 1);
    assert.is(lab.imbalance(), 0);
  });
}

t(
  'without a route at all a pod is told 3/0 by the router four times, then never at one a second (Linux: two limits, one bucket)',
  () => {
    const lab = new Lab('direct-nopeer');
    const codes = [];
    for (let i = 0; i < 8; i++) codes.push(lab.ping('k8s-w1', '10.77.0.1').error?.code);
    assert.equal(codes, [0, 0, 0, 0, ...Array(4).fill(undefined)]);
    lab.run(60 * SECOND);
    assert.is(lab.ping('k8s-w1', '10.77.0.1').error?.code, 0);
  },
);

t('TTL exceeded: a burst of six, then one a second', () => {
  const lab = new Lab('ipip-always');
  lab.ping('pod1', '172.16.34.1');
  let errors = 0;
  const socket = new IcmpSocket(lab.namespace('pod1'), {
    reply: () => undefined,
    error: () => errors++,
  });
  const burst = (count: number): void => {
    for (let sequence = 1; sequence <= count; sequence++) {
      const echo = { destination: Ipv4.from('172.16.34.1'), sequence, dataLength: 56, ttl: 1 };
      lab.at('pod1', () => socket.send(echo));
    }
    lab.run(SECOND);
  };
  burst(20);
  assert.is(errors, 6);
  burst(20);
  assert.is(errors, 7);
});

t('a host that is silent: 3/1 for each packet after three seconds, to senders at home as well', () => {
  const lab = new Lab('ipip-always');
  const { error, rtt } = lab.ping('k8s-w1', '192.168.10.77', {}, 4 * SECOND);
  assert.equal([error?.type, error?.code], [Icmpv4.DESTINATION_UNREACHABLE, Icmpv4.HOST_UNREACHABLE]);
  assert.is(Ipv4.format(error!.from), '192.168.10.101');
  assert.is(rtt, 3 * SECOND);
  const [entry] = lab
    .namespace('k8s-w1')
    .neighbours.list()
    .filter(({ state }) => state === 'FAILED');
  assert.is(Ipv4.format(entry!.address), '192.168.10.77');
  assert.is(lab.imbalance(), 0);
});

for (const [what, from, to, filter, reason] of [
  ['strict filter, source that is routed elsewhere', 'pod1', '172.16.184.4', 1, 'RPF_STRICT'],
  ['loose filter, source that is routed elsewhere', 'pod1', '172.16.184.4', 2, undefined],
  ['no filter, source that is routed elsewhere', 'pod1', '172.16.184.4', 0, undefined],
] as const) {
  t(`rp_filter: ${what}: ${reason ?? 'passes'}`, () => {
    const lab = new Lab('ipip-always');
    lab.device('k8s-w1', 'calice0906292e2').sysctl.rpFilter = filter;
    lab.device('pod1', 'eth0').sysctl.acceptLocal = true;
    const forged = Ipv4.from('8.8.8.8');
    const replies = lab.capture('k8s-w2', 'calibd2348b4f67', 'transmit');
    lab.ping(from, to, { source: forged });
    assert.is(lab.namespace('k8s-w1').host.account.reasons.get('RPF_STRICT'), reason && 1);
    const reached = replies.some(octets => Wire.source(new DataView(octets.buffer), 14) === forged);
    assert.is(reached, reason === undefined);
  });
}

for (const [source, destination, reason] of [
  ['224.0.0.1', '172.16.184.4', 'MARTIAN_SOURCE'],
  ['255.255.255.255', '172.16.184.4', 'MARTIAN_SOURCE'],
  ['0.0.0.7', '172.16.184.4', 'MARTIAN_SOURCE'],
  ['127.0.0.1', '172.16.184.4', 'MARTIAN_SOURCE'],
  ['192.168.10.101', '172.16.184.4', 'MARTIAN_SOURCE'],
  ['172.16.158.3', '127.0.0.1', 'MARTIAN_DESTINATION'],
  ['172.16.158.3', '0.1.2.3', 'MARTIAN_DESTINATION'],
  ['172.16.158.3', '224.0.0.5', 'NOT_FOR_ME'],
] as const) {
  t(`a packet ${source} -> ${destination} from a pod dies on the node: ${reason}`, () => {
    const lab = new Lab('ipip-always');
    const pod = lab.namespace('pod1');
    lab.ping('pod1', '172.16.184.4');
    pod.fib.replace(route(lab.device('pod1', 'eth0'), `${destination}/32`, '169.254.1.1'));
    if (destination === '127.0.0.1')
      pod.fib.remove({ prefix: { address: Ipv4.from(destination), length: 32 }, type: 'local' });
    lab.ping('pod1', destination, { source: Ipv4.from(source) });
    const drops: [DropReason, number][] = [...lab.namespace('k8s-w1').host.account.reasons];
    assert.equal(drops, [[reason, 1]]);
    assert.is(lab.imbalance(), 0);
  });
}

t('a host that does not forward drops what is not for it, without a word', () => {
  const lab = new Lab('ipip-always');
  lab.namespace('k8s-w2').sysctl.ipForward = false;
  const { error } = lab.ping('pod1', '172.16.184.4');
  assert.is(error, undefined);
  assert.is(lab.namespace('k8s-w2').host.account.reasons.get('NOT_FORWARDING'), 1);
});

t('lo: a host reaches its own addresses, with its own TTL', () => {
  const lab = new Lab('ipip-always');
  for (const address of ['127.0.0.1', '192.168.10.101', '172.16.158.0'])
    assert.is(lab.ping('k8s-w1', address).reply?.ttl, 64);
  assert.is(lab.imbalance(), 0);
});

t('hooks see a packet in the order of netfilter, and one that drops it ends the row', () => {
  const lab = new Lab('ipip-always');
  const node = lab.namespace('k8s-w1');
  const order: string[] = [];
  const names = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];
  for (const point of [0, 1, 2, 3, 4] as const) {
    for (const priority of [5, -5])
      node.hooks.add(point, {
        name: 'log',
        priority,
        run: (_frame, input, output) => {
          order.push(`${names[point]} ${priority} ${input?.name ?? '-'} ${output?.name ?? '-'}`);
          return '';
        },
      });
  }
  lab.ping('pod1', '172.16.34.1');
  assert.equal(order.slice(0, 10), [
    'PREROUTING -5 calice0906292e2 -',
    'PREROUTING 5 calice0906292e2 -',
    'FORWARD -5 calice0906292e2 tunl0',
    'FORWARD 5 calice0906292e2 tunl0',
    'POSTROUTING -5 calice0906292e2 tunl0',
    'POSTROUTING 5 calice0906292e2 tunl0',
    'OUTPUT -5 - eth0',
    'OUTPUT 5 - eth0',
    'POSTROUTING -5 - eth0',
    'POSTROUTING 5 - eth0',
  ]);
  assert.equal(order.slice(10, 20), [
    'PREROUTING -5 eth0 -',
    'PREROUTING 5 eth0 -',
    'INPUT -5 eth0 -',
    'INPUT 5 eth0 -',
    'PREROUTING -5 tunl0 -',
    'PREROUTING 5 tunl0 -',
    'FORWARD -5 tunl0 calice0906292e2',
    'FORWARD 5 tunl0 calice0906292e2',
    'POSTROUTING -5 tunl0 calice0906292e2',
    'POSTROUTING 5 tunl0 calice0906292e2',
  ]);
  node.hooks.remove('log');
  node.hooks.add(PREROUTING, { name: 'wall', priority: 0, run: () => 'SPOOFED_SOURCE' });
  assert.is(lab.ping('pod1', '172.16.34.1').reply, undefined);
  assert.is(node.host.account.reasons.get('SPOOFED_SOURCE'), 1);
  assert.is(lab.imbalance(), 0);
});

t('an OUTPUT hook that changes the destination has the packet routed anew', () => {
  const lab = new Lab('ipip-always');
  const node = lab.namespace('k8s-w1');
  const { frames } = lab.partition;
  node.hooks.add(OUTPUT, {
    name: 'dnat',
    priority: -100,
    run: frame => {
      const at = frames.start[frame]!;
      const view = frames.view(frame);
      if (Ipv4.format(Wire.destination(view, at)) === '10.96.0.1')
        Wire.setDestination(view, at, Ipv4.from('172.16.34.1'));
      return '';
    },
  });
  const through: string[] = [];
  node.hooks.add(POSTROUTING, {
    name: 'log',
    priority: 0,
    run: (_frame, _input, output) => {
      through.push(output!.name);
      return '';
    },
  });
  const inside = lab.capture('k8s-w0', 'cali49778cadcf1', 'transmit');
  lab.ping('k8s-w1', '10.96.0.1');
  assert.equal(through.slice(0, 2), ['tunl0', 'eth0']);
  assert.ok(inside.length > 0);
});

t('equal priorities keep the order in which they were added; removing a name removes it everywhere', () => {
  const table = new HookTable();
  const run = (): '' => '';
  for (const name of ['a', 'b', 'a']) table.add(PREROUTING, { name, priority: 0, run });
  assert.equal(
    table.list(PREROUTING).map(hook => hook.name),
    ['a', 'b', 'a'],
  );
  table.remove('a');
  assert.equal(
    table.list(PREROUTING).map(hook => hook.name),
    ['b'],
  );
});

t('a tagged probe leaves its trail: every device it passed, and where it died', () => {
  const lab = new Lab('ipip-always');
  lab.ping('pod1', '172.16.34.1');
  lab.partition.takeReports();
  lab.ping('pod1', '172.16.34.50', { tag: 7 });
  const trail = lab.partition.takeReports().map(({ record }) => {
    const { type, tag, namespace, device, direction, reason } = record as Record<string, unknown>;
    return `${type} ${tag} ${namespace} ${device} ${direction ?? reason}`;
  });
  assert.equal(trail, [
    'hop 7 pod1 eth0 transmit',
    'hop 7 k8s-w1 calice0906292e2 receive',
    'hop 7 k8s-w1 tunl0 transmit',
    'hop 7 k8s-w1 eth0 transmit',
    'hop 7 k8s-rtr eth1 receive',
    'hop 7 k8s-rtr eth2 transmit',
    'hop 7 k8s-w0 eth0 receive',
    'hop 7 k8s-w0 tunl0 receive',
    'drop 7 k8s-w0 tunl0 BLACKHOLE_ROUTE',
  ]);
});

t('a tracer hears of every device and every death, and costs nothing when it is gone', () => {
  const lab = new Lab('ipip-always');
  const node = lab.namespace('k8s-w1');
  const heard: string[] = [];
  node.host.trace({
    pass: (device, _frame, direction) => heard.push(`${device.name} ${direction}`),
    drop: (namespace, device, reason) => heard.push(`${namespace.name} ${device?.name} ${reason}`),
  });
  lab.ping('pod1', '172.16.158.50');
  assert.ok(heard.includes('calice0906292e2 receive'));
  assert.ok(heard.includes('k8s-w1 calice0906292e2 BLACKHOLE_ROUTE'));
  node.host.trace(undefined);
  const { length } = heard;
  lab.ping('pod1', '172.16.158.50');
  assert.is(heard.length, length);
  assert.is(lab.device('k8s-w1', 'calice0906292e2').drops?.get('BLACKHOLE_ROUTE'), 2);
});

t.run();
