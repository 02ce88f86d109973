/** What test/golden does not reach: devices without carrier, that are down, with another name; filters of a device. */
import type { DeviceView, NeighbourView } from '../../src/node/command.ts';
import { addressText } from '../../src/report/address-text.ts';
import { fdbText } from '../../src/report/fdb-text.ts';
import { linkText } from '../../src/report/link-text.ts';
import { neighbourText } from '../../src/report/neighbour-text.ts';
import { assert, suite } from '../kit.ts';

const t = suite('report/iproute-text');

const NIC: DeviceView = {
  name: 'ens5',
  altnames: ['enp0s5'],
  index: 2,
  kind: 'ether',
  driver: 'nic',
  mtu: 9001,
  up: true,
  wasUp: true,
  carrier: true,
  mac: 0x0200_c0a8_0a65,
  counters: { rxPackets: 0, rxOctets: 0, rxDropped: 0, txPackets: 0, txOctets: 0, txDropped: 0 },
  addresses: [{ address: 0xc0a80a65, length: 24, scope: 'global', broadcast: 0xc0a80aff, secondary: false }],
  peer: undefined,
  vxlan: undefined,
};
const CALI: DeviceView = {
  ...NIC,
  name: 'calice0906292e2',
  altnames: [],
  index: 7,
  driver: 'veth',
  mtu: 1480,
  mac: 0xeeee_eeee_eeee,
  addresses: [],
  peer: { index: 3, up: true, netns: 'cni-1', netnsId: 0 },
};
const plain = { details: false, object: 'link' } as const;

for (const [what, device, first] of [
  [
    'a card',
    NIC,
    '2: ens5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 9001 qdisc noqueue state UP mode DEFAULT group default qlen 1000',
  ],
  [
    'a card without cable',
    { ...NIC, carrier: false },
    '2: ens5: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 9001 qdisc noqueue state DOWN mode DEFAULT group default qlen 1000',
  ],
  [
    'a card that was never up',
    { ...NIC, up: false, wasUp: false },
    '2: ens5: <BROADCAST,MULTICAST> mtu 9001 qdisc noop state DOWN mode DEFAULT group default qlen 1000',
  ],
  [
    'a veth whose other end is down',
    { ...CALI, carrier: false, peer: { index: 3, up: false, netns: 'cni-1', netnsId: 0 } },
    '7: calice0906292e2@if3: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1480 qdisc noqueue state LOWERLAYERDOWN mode DEFAULT group default qlen 1000',
  ],
] as const)
  t(`ip link: ${what}`, () => {
    assert.is(linkText([device], plain).split('\n')[0], first);
  });

t('ip link without -d: hardware and other names', () => {
  assert.is(
    linkText([NIC, CALI], plain).split('\n').slice(1).join('\n'),
    '    link/ether 02:00:c0:a8:0a:65 brd ff:ff:ff:ff:ff:ff\n' +
      '    altname enp0s5\n' +
      '7: calice0906292e2@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1480 qdisc noqueue state UP mode DEFAULT group default qlen 1000\n' +
      '    link/ether ee:ee:ee:ee:ee:ee brd ff:ff:ff:ff:ff:ff link-netns cni-1\n',
  );
});

t('from inside a pod the other namespace has a number only', () => {
  const eth0 = { ...CALI, name: 'eth0', peer: { index: 7, up: true, netns: undefined, netnsId: 0 } };
  assert.match(linkText([eth0], plain), / link-netnsid 0\n/);
});

t('ip -4 addr: devices that have an address, without hardware and IPv6', () => {
  assert.is(
    addressText([NIC, CALI], { details: false, family: 4 }),
    '2: ens5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 9001 qdisc noqueue state UP group default qlen 1000\n' +
      '    altname enp0s5\n' +
      '    inet 192.168.10.101/24 brd 192.168.10.255 scope global ens5\n' +
      '       valid_lft forever preferred_lft forever\n',
  );
});

t('ip addr: nothing of IPv6 while a device is down', () => {
  const text = addressText([{ ...CALI, up: false }], { details: false, family: undefined });
  assert.not.match(text, /inet6/);
});

const AGES = { used: 20, confirmed: 20, updated: 4, probes: 1 };

t('ip neigh: one that failed has no MAC address; `dev` leaves the device out', () => {
  const neighbours: NeighbourView[] = [
    { ...AGES, address: 0xc0a80a4d, device: 'eth0', mac: 0, state: 'FAILED' },
    { ...AGES, address: 0xac109e03, device: 'cali1', mac: 0x0a58_ac10_9e03, state: 'STALE' },
  ];
  assert.is(
    neighbourText(neighbours),
    '192.168.10.77 dev eth0 FAILED \n172.16.158.3 dev cali1 lladdr 0a:58:ac:10:9e:03 STALE \n',
  );
  assert.is(neighbourText(neighbours, 'cali1'), '172.16.158.3 lladdr 0a:58:ac:10:9e:03 STALE \n');
});

t('bridge fdb show dev: without the device', () => {
  const entries = [{ mac: 0x668d_dab4_581a, device: 'vxlan.calico', destination: 0xc0a81464 }];
  assert.is(fdbText(entries, 'vxlan.calico'), '66:8d:da:b4:58:1a dst 192.168.20.100 self permanent\n');
  assert.is(fdbText(entries, 'eth0'), '');
});

t.run();
