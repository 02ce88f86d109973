/**
 * `ethtool DEV`, `ethtool -k DEV`, `ethtool -K DEV FEATURE on|off` (ethtool 6.1 over netlink, recorded on Linux; the
 * feature list is that of Linux 6.5). The lab's devices compute checksums and carry every packet as it is on the wire:
 * nothing is cut or joined on the way, so every offload that would is off and fixed.
 */
import type { DeviceView } from '../../node/command.ts';
import { type Command, failed, printed, type ShellResult } from '../command.ts';

type Driver = DeviceView['driver'];

/** Either a heading of several features, or one feature under ethtool's own name; else the kernel's names. */
interface Group {
  readonly short: string;
  readonly long: string;
  readonly features: readonly string[];
}

const one = (short: string, long: string, feature: string): Group => ({ short, long, features: [feature] });

const GROUPS: readonly Group[] = [
  one('rx', 'rx-checksumming', 'rx-checksum'),
  {
    short: 'tx',
    long: 'tx-checksumming',
    features: 'ipv4 ip-generic ipv6 fcoe-crc sctp'.split(' ').map(name => `tx-checksum-${name}`),
  },
  {
    short: 'sg',
    long: 'scatter-gather',
    features: ['tx-scatter-gather', 'tx-scatter-gather-fraglist'],
  },
  {
    short: 'tso',
    long: 'tcp-segmentation-offload',
    features: 'tcp tcp-ecn tcp-mangleid tcp6'.split(' ').map(name => `tx-${name}-segmentation`),
  },
  one('gso', 'generic-segmentation-offload', 'tx-generic-segmentation'),
  one('gro', 'generic-receive-offload', 'rx-gro'),
  one('lro', 'large-receive-offload', 'rx-lro'),
  one('rxvlan', 'rx-vlan-offload', 'rx-vlan-hw-parse'),
  one('txvlan', 'tx-vlan-offload', 'tx-vlan-hw-insert'),
  one('ntuple', 'ntuple-filters', 'rx-ntuple-filter'),
  one('rxhash', 'receive-hashing', 'rx-hashing'),
];

const OTHERS = (
  'highdma rx-vlan-filter vlan-challenged tx-lockless netns-local tx-gso-robust tx-fcoe-segmentation ' +
  'tx-gre-segmentation tx-gre-csum-segmentation tx-ipxip4-segmentation tx-ipxip6-segmentation ' +
  'tx-udp_tnl-segmentation tx-udp_tnl-csum-segmentation tx-gso-partial tx-tunnel-remcsum-segmentation ' +
  'tx-sctp-segmentation tx-esp-segmentation tx-udp-segmentation tx-gso-list fcoe-mtu tx-nocache-copy loopback ' +
  'rx-fcs rx-all tx-vlan-stag-hw-insert rx-vlan-stag-hw-parse rx-vlan-stag-filter l2-fwd-offload hw-tc-offload ' +
  'esp-hw-offload esp-tx-csum-hw-offload rx-udp_tunnel-port-offload tls-hw-tx-offload tls-hw-rx-offload rx-gro-hw ' +
  'tls-hw-record rx-gro-list macsec-hw-offload rx-udp-gro-forwarding hsr-tag-ins-offload hsr-tag-rm-offload ' +
  'hsr-fwd-offload hsr-dup-offload'
).split(' ');

const KERNEL_NAMES = new Set([...GROUPS.flatMap(group => group.features), ...OTHERS]);

const CHECKSUMS = ['rx-checksum', 'tx-checksum-ip-generic'];
/** What is on: none of it can be switched off. A device without queues needs no lock; two of them never move. */
const ON: Readonly<Record<Driver, ReadonlySet<string>>> = {
  loopback: new Set([...CHECKSUMS, 'vlan-challenged', 'tx-lockless', 'netns-local', 'loopback']),
  nic: new Set(CHECKSUMS),
  veth: new Set([...CHECKSUMS, 'tx-lockless']),
  ipip: new Set([...CHECKSUMS, 'tx-lockless', 'netns-local']),
  vxlan: new Set([...CHECKSUMS, 'tx-lockless']),
};

const BAD_LINE = failed('ethtool: bad command line argument(s)\nFor more information run ethtool -h\n');
const NO_DEVICE = 'netlink error: no device matches name (offset 24)\nnetlink error: No such device\n';
/** Bare `ethtool DEV` asks five times: link modes, link, wake-on-LAN, messages, state. */
const SETTINGS_REQUESTS = 5;

const SHOW = ['-k', '--show-features', '--show-offload'];
const CHANGE = ['-K', '--features', '--offload'];

export const ethtool: Command = async (args, { cluster, place }) => {
  const [first, ...rest] = args;
  if (first === undefined) return BAD_LINE;
  if (first === '--version') return printed('ethtool version 6.1\n');
  const isShow = SHOW.includes(first);
  const isChange = CHANGE.includes(first);
  if (first.startsWith('-') && !isShow && !isChange)
    return /^-([aAcCgGidDeEhImnNpPQrsStTuUvVwWxXfjlL]|-[a-z][a-z-]+)$/.test(first)
      ? failed(`ethtool ${first}: not emulated in this lab\n`, 2)
      : BAD_LINE;
  const name = isShow || isChange ? rest.shift() : first;
  if (name === undefined) return BAD_LINE;
  const device = (await cluster.devices(place)).find(d => d.name === name || d.altnames.includes(name));
  if (isShow) {
    if (rest[0] !== undefined) return failed(`ethtool: unexpected parameter '${rest[0]}'\n`);
    return device === undefined ? failed(NO_DEVICE) : printed(features(device));
  }
  if (isChange) return change(device, name, rest);
  if (device === undefined)
    return {
      stdout: 'No data available\n',
      stderr: NO_DEVICE.repeat(SETTINGS_REQUESTS),
      exitCode: 75,
    };
  return settings(device);
};

const isOn = ({ driver }: DeviceView, feature: string): boolean => ON[driver].has(feature);
const onOff = (on: boolean): string => (on ? 'on' : 'off');

function features(device: DeviceView): string {
  const line = (name: string, feature: string): string =>
    `${name}: ${onOff(isOn(device, feature))} [fixed]\n`;
  const grouped = GROUPS.map(({ long, features }) => {
    if (features.length === 1) return line(long, features[0]!);
    const any = features.some(feature => isOn(device, feature));
    return `${long}: ${onOff(any)}\n${features.map(feature => `\t${line(feature, feature)}`).join('')}`;
  });
  return `Features for ${device.name}:\n${grouped.join('')}${OTHERS.map(name => line(name, name)).join('')}`;
}

/** Nothing changes; what was asked for and is not so is listed, and it is an error where nothing of it is so. */
function change(device: DeviceView | undefined, name: string, words: readonly string[]): ShellResult {
  const asked = new Map<string, boolean>();
  for (let i = 0; i < words.length; i += 2) {
    const [word = '', value] = words.slice(i, i + 2);
    if (value !== 'on' && value !== 'off') {
      const flag = value ?? '(null)';
      return failed(`ethtool (-K): flag '${flag}' for parameter '(null)' is not followed by 'on' or 'off'\n`);
    }
    const group = GROUPS.find(each => each.short === word || each.long === word);
    for (const feature of group?.features ?? [word]) asked.set(feature, value === 'on');
  }
  if (device === undefined) return failed(NO_DEVICE, 92);
  let offset = 48 + attribute(name);
  for (const [feature, on] of asked) {
    if (!KERNEL_NAMES.has(feature))
      return failed(
        `netlink error: bit name not found (offset ${offset})\nnetlink error: Operation not supported\n`,
        92,
      );
    offset += 8 + attribute(feature) + (on ? 4 : 0);
  }
  const refused = [...asked].filter(([feature, on]) => isOn(device, feature) !== on);
  const nothing = refused.length === asked.size;
  return {
    stdout:
      refused.length === 0
        ? ''
        : `Actual changes:\n${refused
            .map(([feature, on]) => `${feature}: ${onOff(!on)} [requested ${onOff(on)}]\n`)
            .join('')}`,
    stderr: nothing ? 'Could not change any device features\n' : '',
    exitCode: nothing ? 1 : 0,
  };
}

/** Octets of a string in a netlink attribute: its zero, filled up to four. */
const attribute = (text: string): number => (text.length + 4) & ~3;

const NOT_REPORTED = `	Supported ports: [  ]
	Supported link modes:   Not reported
	Supported pause frame use: No
	Supports auto-negotiation: No
	Supported FEC modes: Not reported
	Advertised link modes:  Not reported
	Advertised pause frame use: No
	Advertised auto-negotiation: No
	Advertised FEC modes: Not reported
`;
const UNKNOWN_SPEED = `${NOT_REPORTED}	Speed: Unknown!
	Duplex: Unknown! (255)
	Auto-negotiation: off
	Port: Other
	PHYAD: 0
	Transceiver: internal
`;
/** What each driver tells about itself; a network card is a virtual one. An IPIP tunnel answers nothing at all. */
const DRIVER_SETTINGS: Readonly<Record<Exclude<Driver, 'ipip'>, string>> = {
  loopback: '',
  nic: UNKNOWN_SPEED,
  vxlan: UNKNOWN_SPEED,
  veth: `${NOT_REPORTED}	Speed: 10000Mb/s
	Duplex: Full
	Auto-negotiation: off
	Port: Twisted Pair
	PHYAD: 0
	Transceiver: internal
	MDI-X: Unknown
`,
};

function settings({ name, driver, up, carrier }: DeviceView): ShellResult {
  if (driver === 'ipip') return printed('No data available\n', 75);
  const link = up && carrier ? 'yes' : 'no';
  return printed(`Settings for ${name}:\n${DRIVER_SETTINGS[driver]}\tLink detected: ${link}\n`);
}
