/** `ethtool`: its layout, words and exit codes as ethtool 6.1 has them on Linux; its values as the lab's devices are. */

import { complete } from '../../src/shell/completion.ts';
import { assert, suite } from '../kit.ts';
import { sitDown, type Typist } from './typist.ts';

const t = suite<{ typist: Typist }>('shell/ethtool', undefined, 30_000);

t.before(async context => {
  context.typist = await sitDown('scenarios/kans.yaml');
});
t.after(({ typist }) => typist.leave());

const NO_DEVICE = 'netlink error: no device matches name (offset 24)\nnetlink error: No such device\n';
const BAD_LINE = 'ethtool: bad command line argument(s)\nFor more information run ethtool -h\n';
const FEATURES = `Features for eth1:
rx-checksumming: on [fixed]
tx-checksumming: on
	tx-checksum-ipv4: off [fixed]
	tx-checksum-ip-generic: on [fixed]
	tx-checksum-ipv6: off [fixed]
	tx-checksum-fcoe-crc: off [fixed]
	tx-checksum-sctp: off [fixed]
scatter-gather: off
	tx-scatter-gather: off [fixed]
	tx-scatter-gather-fraglist: off [fixed]
tcp-segmentation-offload: off
	tx-tcp-segmentation: off [fixed]
	tx-tcp-ecn-segmentation: off [fixed]
	tx-tcp-mangleid-segmentation: off [fixed]
	tx-tcp6-segmentation: off [fixed]
generic-segmentation-offload: off [fixed]
generic-receive-offload: off [fixed]
large-receive-offload: off [fixed]
rx-vlan-offload: off [fixed]
tx-vlan-offload: off [fixed]
ntuple-filters: off [fixed]
receive-hashing: off [fixed]
highdma: off [fixed]
`;

/** Line, what it prints (a pattern is searched for), exit code. */
const TABLE: readonly (readonly [line: string, output: string | RegExp, exitCode?: number])[] = [
  ['ethtool lo', 'Settings for lo:\n\tLink detected: yes\n'],
  ['ethtool tunl0', 'No data available\n', 75],
  ['ethtool nope', `No data available\n${NO_DEVICE.repeat(5)}`, 75],
  ['ethtool', BAD_LINE, 1],
  ['ethtool -k', BAD_LINE, 1],
  ['ethtool -K', BAD_LINE, 1],
  ['ethtool -S lo', 'ethtool -S: not emulated in this lab\n', 2],
  ['ethtool --version', 'ethtool version 6.1\n'],
  ['ethtool -k nope', NO_DEVICE, 1],
  ['ethtool -k lo extra', "ethtool: unexpected parameter 'extra'\n", 1],
  ['ethtool -k lo', /^Features for lo:\nrx-checksumming: on \[fixed\]\n/],
  ['ethtool -k lo | grep on', /^vlan-challenged: on \[fixed\]\ntx-lockless: on .*\nnetns-local: on /m],
  ['ethtool --show-offload tunl0 | grep generic-', /^generic-segmentation-offload: off \[fixed\]$/m],
  ['ethtool -K lo rx on tx-checksum-ip-generic on tso off', ''],
  [
    'ethtool -K lo rx off',
    'Actual changes:\nrx-checksum: on [requested off]\nCould not change any device features\n',
    1,
  ],
  // Of several asked for one is so already.
  ['ethtool -K lo tx off', 'Actual changes:\ntx-checksum-ip-generic: on [requested off]\n'],
  ['ethtool -K lo lro on tso off', 'Actual changes:\nrx-lro: off [requested on]\n'],
  [
    'ethtool -K lo lro on gro-hw on',
    'netlink error: bit name not found (offset 72)\nnetlink error: Operation not supported\n',
    92,
  ],
  [
    'ethtool -K tunl0 frob on',
    'netlink error: bit name not found (offset 56)\nnetlink error: Operation not supported\n',
    92,
  ],
  ['ethtool -K nope frob on', NO_DEVICE, 92],
  [
    'ethtool -K lo tx',
    "ethtool (-K): flag '(null)' for parameter '(null)' is not followed by 'on' or 'off'\n",
    1,
  ],
  [
    'ethtool -K lo tx maybe',
    "ethtool (-K): flag 'maybe' for parameter '(null)' is not followed by 'on' or 'off'\n",
    1,
  ],
];

for (const [line, output, exitCode = 0] of TABLE) {
  t(line, async ({ typist }) => {
    const printed = await typist.type(line);
    if (typeof output === 'string') assert.is(printed, output);
    else assert.match(printed, output);
    assert.is(typist.exitCode, exitCode);
  });
}

t('a network card: checksums are computed, nothing is segmented', async ({ typist }) => {
  const name = /(?<=dev )\S+/.exec(await typist.run('ip route get 192.168.10.101'))![0];
  const text = await typist.run(`ethtool -k ${name}`);
  assert.is(text.slice(0, FEATURES.length), FEATURES.replace('eth1', name));
  assert.is(text.split('\n').length, 67);
  const settings = await typist.run(`ethtool ${name}`);
  assert.match(settings, '\tSpeed: Unknown!\n\tDuplex: Unknown! (255)\n');
  await typist.run(`ip link set ${name} down`);
  assert.match(await typist.run(`ethtool ${name}`), '\tLink detected: no\n');
  await typist.run(`ip link set ${name} up`);
});

t('in a pod', async ({ typist }) => {
  const text = await typist.run('kubectl exec pod1 -- ethtool eth0');
  assert.match(text, /^Settings for eth0:\n(.*\n)*\tSpeed: 10000Mb\/s\n(.*\n)*\tLink detected: yes\n$/);
  assert.match(await typist.run('kubectl exec pod1 -- ethtool -k eth0'), /^tx-lockless: on \[fixed\]$/m);
});

t('Tab offers the devices', async ({ typist: { shell, lab } }) => {
  assert.equal(await complete(shell, lab.cluster, 'ethtool -k tun'), [['tunl0 '], 'tun']);
});

t.run();
