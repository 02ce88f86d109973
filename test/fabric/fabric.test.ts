import { ANY } from '../../src/addr/address-word.ts';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Mac from '../../src/addr/mac.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { judge, OPEN_PORT, type PortRules, portRules } from '../../src/fabric/cloud.ts';
import { parseTraffic, trafficText } from '../../src/fabric/traffic.ts';
import { type EchoReply, IcmpSocket } from '../../src/netstack/icmp-socket.ts';
import { MILLISECOND, SECOND } from '../../src/sim/time.ts';
import * as Arp from '../../src/wire/arp.ts';
import * as Ethernet from '../../src/wire/ethernet.ts';
import * as Wire from '../../src/wire/ipv4.ts';
import * as Udp from '../../src/wire/udp.ts';
import { assert, suite } from '../kit.ts';
import { Lab, type Mode, viewOf } from '../netstack/lab.ts';

const t = suite('fabric');

t('the switch floods what it does not know, learns who is where, and then sends to that port alone', () => {
  const lab = new Lab('ipip-always');
  const bystander = lab.capture('k8s-m', 'eth0', 'receive');
  lab.ping('k8s-w1', '192.168.10.102');
  lab.ping('k8s-w1', '192.168.10.102');
  assert.is(bystander.length, 1); // the ARP request
  assert.equal(
    lab.switches.swA.addresses().map(({ mac, jack }) => `${Mac.format(mac)} ${jack}`),
    ['02:00:c0:a8:0a:65 1', '02:00:c0:a8:0a:66 2'],
  );
  lab.run(400 * SECOND);
  lab.switches.swA.command(lab.now, { do: 'look' }); // a process looks at its clock when it has something to do
  assert.equal(lab.switches.swA.addresses(), []);
  lab.ping('k8s-w1', '192.168.10.102', {}, 1000);
  assert.is(lab.imbalance(), 0);
});

t('a flooded frame is as many frames as there are ports to send it to, all accounted for', () => {
  const lab = new Lab('ipip-always');
  lab.ping('k8s-w1', '192.168.10.77', {}, 100_000_000);
  // One request: to k8s-m, k8s-w2 and the router.
  assert.is(lab.switches.swA.account.originated, 2);
  assert.is(lab.imbalance(), 0);
});

t('a frame for somebody behind the port it came from goes nowhere', () => {
  const lab = new Lab('ipip-always');
  lab.ping('k8s-w1', '192.168.10.102');
  const node = lab.namespace('k8s-w1');
  lab.at('k8s-w1', () => {
    const { frames } = node;
    const frame = frames.allocate();
    node.host.account.originated++;
    const at = frames.append(frame, 60);
    const own = lab.device('k8s-w1', 'eth0').mac;
    Ethernet.emit(frames.view(frame), at, { destination: own, source: own, etherType: 0x88b5 });
    lab.device('k8s-w1', 'eth0').transmit(frame, ANY);
  });
  lab.run(SECOND);
  assert.is(lab.switches.swA.account.reasons.get('NOT_FOR_ME'), 1);
  assert.is(lab.imbalance(), 0);
});

t('a link that is down loses what is sent into it, at the sender', () => {
  const lab = new Lab('ipip-always');
  lab.ping('pod1', '172.16.34.1');
  const { host } = lab.namespace('k8s-w1');
  host.outputs[0]!.up = false;
  assert.is(lab.device('k8s-w1', 'eth0').carrier, false);
  assert.is(lab.ping('pod1', '172.16.34.1').reply, undefined);
  assert.is(lab.device('k8s-w1', 'eth0').drops?.get('LINK_DOWN'), 1);
  lab.switches.swA.forget(1);
  host.outputs[0]!.up = true;
  assert.is(lab.ping('pod1', '172.16.34.1').reply?.ttl, 62);
  assert.is(lab.imbalance(), 0);
});

t('what is for somebody behind a link that is down dies there, and is flooded to the others', () => {
  const lab = new Lab('ipip-always');
  lab.ping('k8s-w1', '192.168.10.102');
  const { swA } = lab.switches;
  const { mac } = lab.device('k8s-w2', 'eth0');
  const bystander = lab.capture('k8s-m', 'eth0', 'receive');
  const { jack } = swA.addresses().find(entry => entry.mac === mac)!;
  swA.command(lab.now, { do: 'carrier', jack, up: false });
  assert.is(lab.ping('k8s-w1', '192.168.10.102').reply, undefined);
  assert.is(swA.account.reasons.get('LINK_DOWN'), 1);
  assert.is(bystander.length, 1);
  assert.is(lab.imbalance(), 0);
  // Mended, and heard of again: nothing dies there any more.
  swA.command(lab.now, { do: 'carrier', jack, up: true });
  assert.is(lab.ping('k8s-w1', '192.168.10.102').reply?.ttl, 64);
  swA.command(lab.now, { do: 'carrier', jack: 3, up: false });
  assert.is(lab.ping('k8s-w1', '192.168.10.102').reply?.ttl, 64);
  assert.is(swA.account.reasons.get('LINK_DOWN'), 1);
  assert.is(lab.imbalance(), 0);
});

t('a lossy link loses its share, counted as a loss', () => {
  const lab = new Lab('direct-nopeer');
  lab.ping('pod1', '172.16.184.4');
  lab.namespace('k8s-w1').host.outputs[0]!.loss = 0.5;
  let answered = 0;
  for (let i = 0; i < 100; i++) if (lab.ping('pod1', '172.16.184.4').reply !== undefined) answered++;
  assert.ok(answered > 30 && answered < 70);
  assert.ok(lab.device('k8s-w1', 'eth0').drops!.get('LINK_LOSS')! >= 100 - answered);
  assert.is(lab.imbalance(), 0);
});

t('jitter makes frames late, each by another amount, and none overtakes another, also when it ends', () => {
  const lab = new Lab('direct-nopeer');
  lab.ping('k8s-w1', '192.168.10.102');
  const output = lab.namespace('k8s-w1').host.outputs[0]!;
  const delays = new Set<number>();
  output.jitter = MILLISECOND;
  for (let i = 0; i < 20; i++) delays.add(lab.ping('k8s-w1', '192.168.10.102').rtt);
  assert.ok(delays.size > 15);
  for (const delay of delays) assert.ok(delay >= 200_000 && delay < 1_300_000);
  const order: number[] = [];
  const events = { reply: ({ sequence }: EchoReply) => order.push(sequence), error: () => undefined };
  const socket = new IcmpSocket(lab.namespace('k8s-w1'), events);
  for (let sequence = 1; sequence <= 40; sequence++) {
    if (sequence === 21) output.jitter = 0;
    const echo = { destination: Ipv4.from('192.168.10.102'), sequence, dataLength: 56 };
    lab.at('k8s-w1', () => socket.send(echo));
    lab.run(MILLISECOND / 20);
  }
  lab.run(SECOND);
  assert.equal(
    order,
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
});

/** Give every node's port the rules of a cloud. Nodes are plugged in in the order m, w1, w2 and the router last. */
function inCloud(
  mode: Mode,
  change: (rules: PortRules) => PortRules,
  cloud: Parameters<typeof portRules>[0],
): Lab {
  const lab = new Lab(mode);
  const ports: [keyof Lab['switches'], number, string][] = [
    ['swA', 0, 'k8s-m'],
    ['swA', 1, 'k8s-w1'],
    ['swA', 2, 'k8s-w2'],
    ['swB', 0, 'k8s-w0'],
  ];
  for (const [name, jack, node] of ports) {
    const eth0 = lab.device(node, 'eth0');
    const addresses = eth0.addresses.map(({ address }) => address);
    lab.switches[name].ports[jack] = change(portRules(cloud, addresses, eth0.mac));
  }
  return lab;
}

const VXLAN = parseTraffic('vxlan')!;
const same = (rules: PortRules): PortRules => rules;
const unchecked = (rules: PortRules): PortRules => ({ ...rules, sourceDestinationCheck: false });
const podsAllowed = (rules: PortRules): PortRules => ({
  ...rules,
  allowedAddressPairs: [Prefix.from('172.16.0.0/16')],
});

for (const [cloud, what, change, mode, to, reason] of [
  ['aws-vpc', '', same, 'ipip-always', '172.16.34.1', undefined],
  ['aws-vpc', '', same, 'vxlan-always', '172.16.184.4', undefined],
  ['aws-vpc', '', same, 'ipip-crosssubnet', '172.16.34.1', undefined],
  ['aws-vpc', '', same, 'ipip-crosssubnet', '172.16.184.4', 'FABRIC_SRC_DST_CHECK'],
  ['aws-vpc', 'check off, ', unchecked, 'ipip-crosssubnet', '172.16.184.4', undefined],
  ['azure-vnet', '', same, 'ipip-always', '172.16.34.1', 'FABRIC_PROTO4_BLOCKED'],
  ['azure-vnet', '', same, 'vxlan-always', '172.16.34.1', undefined],
  [
    'azure-vnet',
    'UDP 4789 closed, ',
    (rules: PortRules) => ({ ...rules, blocked: [VXLAN] }),
    'vxlan-always',
    '172.16.34.1',
    'FABRIC_UDP4789_BLOCKED',
  ],
  ['port-security', '', same, 'ipip-always', '172.16.34.1', undefined],
  ['port-security', '', same, 'direct-nopeer', '172.16.184.4', 'FABRIC_PORT_SECURITY'],
  ['port-security', 'pods allowed, ', podsAllowed, 'direct-nopeer', '172.16.184.4', undefined],
  ['none', '', same, 'direct-nopeer', '172.16.184.4', undefined],
] as const)
  t(`${cloud}, ${what}${mode}: pod1 to ${to}: ${reason ?? 'carried'}`, () => {
    const lab = inCloud(mode, change, cloud);
    lab.partition.takeReports();
    const { reply, error } = lab.ping('pod1', to, { tag: 9 });
    assert.is(reply !== undefined, reason === undefined);
    assert.is(error, undefined);
    const { reasons } = lab.switches.swA.account;
    assert.is(reason === undefined ? 0 : reasons.get(reason), reason === undefined ? 0 : 1);
    const deaths = lab.partition
      .takeReports()
      .map(({ record }) => record as Record<string, unknown>)
      .filter(({ type }) => type === 'drop')
      .map(({ namespace, device, reason: why }) => `${namespace} ${device} ${why}`);
    assert.equal(deaths, reason === undefined ? [] : [`swA port1 ${reason}`]);
    assert.is(lab.imbalance(), 0);
  });

t('a check that is on at the receiver alone drops there', () => {
  const lab = inCloud('ipip-crosssubnet', unchecked, 'aws-vpc');
  const { swA } = lab.switches;
  swA.ports[2] = { ...swA.ports[2]!, sourceDestinationCheck: true };
  assert.is(lab.ping('pod1', '172.16.184.4').reply, undefined);
  assert.is(swA.account.reasons.get('FABRIC_SRC_DST_CHECK'), 1);
});

/** An Ethernet frame with an IPv4 packet, as bytes. */
function frameOf(source: string, destination: string, protocol: number, fragmentOffset = 0): DataView {
  const view = viewOf(new Uint8Array(60));
  Ethernet.emit(view, 0, { destination: 2, source: 1, etherType: Ethernet.TYPE_IPV4 });
  const rest = { tos: 0, totalLength: 46, identification: 1, flags: 0, fragmentOffset, ttl: 9, protocol };
  Wire.emit(view, 14, { ...rest, source: Ipv4.from(source), destination: Ipv4.from(destination) });
  Udp.emit(view, 34, { sourcePort: 40000, destinationPort: 4789, length: 26, checksum: 0 });
  return view;
}

function arpOf(senderMac: number, sender: string): DataView {
  const view = viewOf(new Uint8Array(42));
  Ethernet.emit(view, 0, { destination: Mac.BROADCAST, source: senderMac, etherType: Ethernet.TYPE_ARP });
  const target = { targetMac: 0, targetAddress: Ipv4.from('10.0.0.9') };
  Arp.emit(view, 14, { operation: 1, senderMac, senderAddress: Ipv4.from(sender), ...target });
  return view;
}

const AWS = portRules('aws-vpc', [Ipv4.from('10.0.0.1')], 1);
const SECURE = portRules('port-security', [Ipv4.from('10.0.0.1')], 1);
for (const [what, rules, direction, view, verdict] of [
  ['own source', SECURE, 'fromNode', frameOf('10.0.0.1', '8.8.8.8', 1), ''],
  ['another source', SECURE, 'fromNode', frameOf('10.0.0.2', '8.8.8.8', 1), 'FABRIC_PORT_SECURITY'],
  [
    'another MAC',
    { ...SECURE, mac: 7 },
    'fromNode',
    frameOf('10.0.0.1', '8.8.8.8', 1),
    'FABRIC_PORT_SECURITY',
  ],
  ['what comes in', SECURE, 'toNode', frameOf('10.0.0.2', '8.8.8.8', 1), ''],
  ['own ARP', SECURE, 'fromNode', arpOf(1, '10.0.0.1'), ''],
  ['an ARP probe', SECURE, 'fromNode', arpOf(1, '0.0.0.0'), ''],
  ['ARP in the name of another', SECURE, 'fromNode', arpOf(1, '10.0.0.2'), 'FABRIC_PORT_SECURITY'],
  ['ARP with another MAC', SECURE, 'fromNode', arpOf(3, '10.0.0.1'), 'FABRIC_PORT_SECURITY'],
  [
    'VXLAN',
    { ...OPEN_PORT, blocked: [VXLAN] },
    'fromNode',
    frameOf('1.1.1.1', '2.2.2.2', 17),
    'FABRIC_UDP4789_BLOCKED',
  ],
  [
    'a later fragment of VXLAN',
    { ...OPEN_PORT, blocked: [VXLAN] },
    'fromNode',
    frameOf('1.1.1.1', '2.2.2.2', 17, 1480),
    '',
  ],
  [
    'IPIP towards it, kept from leaving only',
    { ...OPEN_PORT, blocked: [parseTraffic('ipip out')!] },
    'toNode',
    frameOf('1.1.1.1', '2.2.2.2', 4),
    '',
  ],
  [
    'a protocol by its number, on its way in',
    { ...OPEN_PORT, blocked: [parseTraffic('proto/17 in')!] },
    'toNode',
    frameOf('1.1.1.1', '2.2.2.2', 17),
    'FABRIC_FILTERED',
  ],
  ['its own packet', AWS, 'fromNode', frameOf('10.0.0.1', '8.8.8.8', 1), ''],
  ['a pod’s packet', AWS, 'fromNode', frameOf('172.16.1.1', '8.8.8.8', 1), 'FABRIC_SRC_DST_CHECK'],
  ['a packet for it', AWS, 'toNode', frameOf('8.8.8.8', '10.0.0.1', 1), ''],
  ['a packet for a pod', AWS, 'toNode', frameOf('10.0.0.2', '172.16.1.1', 1), 'FABRIC_SRC_DST_CHECK'],
  ['anything', OPEN_PORT, 'fromNode', frameOf('1.1.1.1', '2.2.2.2', 4), ''],
] as const)
  t(`a port judges ${what}: ${verdict === '' ? 'passes' : verdict}`, () => {
    assert.is(judge(rules, direction, view, 0, view.byteLength), verdict);
  });

for (const text of ['ipip', 'vxlan', 'bgp', 'icmp', 'tcp', 'tcp/80', 'udp/53 in', 'proto/50 out'])
  t(`traffic "${text}" is read and written`, () => {
    assert.is(trafficText(parseTraffic(text)!), text);
  });

for (const text of [
  '',
  'ipx',
  'icmp/8',
  'tcp/65536',
  'tcp/x',
  'proto',
  'proto/256',
  'bgp up',
  'tcp/1/2',
  'bgp in out',
])
  t(`"${text}" is no traffic`, () => {
    assert.is(parseTraffic(text), undefined);
  });

t.run();
