import { boxTable, calicoctlTable, kubectlTable, wrap } from '../../src/report/table.ts';
import { assert, suite } from '../kit.ts';

const t = suite('report/table');

for (const [what, header, rows, text] of [
  [
    'ippool -o wide',
    ['NAME', 'CIDR', 'NAT', 'IPIPMODE', 'VXLANMODE', 'DISABLED', 'DISABLEBGPEXPORT', 'SELECTOR'],
    [['default-ipv4-ippool', '172.16.0.0/16', 'true', 'CrossSubnet', 'Never', 'false', 'false', 'all()']],
    `NAME                  CIDR            NAT    IPIPMODE      VXLANMODE   DISABLED   DISABLEBGPEXPORT   SELECTOR   
default-ipv4-ippool   172.16.0.0/16   true   CrossSubnet   Never       false      false              all()      

`,
  ],
  [
    'nodes -o wide',
    ['NAME', 'ASN', 'IPV4', 'IPV6'],
    [
      ['k8s-m', '(64512)', '192.168.10.10/24', ''],
      ['k8s-w0', '(64512)', '192.168.20.100/24', ''],
    ],
    `NAME     ASN       IPV4                IPV6   
k8s-m    (64512)   192.168.10.10/24           
k8s-w0   (64512)   192.168.20.100/24          

`,
  ],
  [
    'bgppeer',
    ['NAME', 'PEERIP', 'NODE', 'ASN'],
    [
      ['rack1-tor', '192.168.10.254', "rack == 'rack1'", '64512'],
      ['any', '192.168.10.254', '(global)', '64512'],
    ],
    `NAME        PEERIP           NODE              ASN     
rack1-tor   192.168.10.254   rack == 'rack1'   64512   
any         192.168.10.254   (global)          64512   

`,
  ],
  ['an empty list', ['NAME'], [], 'NAME   \n\n'],
] as const) {
  t(`calicoctl: ${what}`, () => assert.is(calicoctlTable(header, rows), text));
}

t('calicoctl: a column is at least five wide', () =>
  assert.is(calicoctlTable(['A', 'B'], [['x', '']]), 'A    B    \nx         \n\n'),
);

t('kubectl get pods -o wide', () => {
  const header = [
    'NAME',
    'READY',
    'STATUS',
    'RESTARTS',
    'AGE',
    'IP',
    'NODE',
    'NOMINATED NODE',
    'READINESS GATES',
  ];
  const row = (name: string, age: string, ip: string, node: string) => [
    name,
    '1/1',
    'Running',
    '0',
    age,
    ip,
    node,
    '<none>',
    '<none>',
  ];
  const rows = [
    row('pod1', '45s', '172.16.158.3', 'k8s-w1'),
    row('pod2', '45s', '172.16.184.4', 'k8s-w2'),
    row('pod3', '44s', '172.16.34.1', 'k8s-w0'),
  ];
  assert.is(
    kubectlTable(header, rows),
    `NAME   READY   STATUS    RESTARTS   AGE   IP             NODE     NOMINATED NODE   READINESS GATES
pod1   1/1     Running   0          45s   172.16.158.3   k8s-w1   <none>           <none>
pod2   1/1     Running   0          45s   172.16.184.4   k8s-w2   <none>           <none>
pod3   1/1     Running   0          44s   172.16.34.1    k8s-w0   <none>           <none>
`,
  );
});

t('calicoctl node status', () => {
  const rows = [
    ['192.168.20.100', 'node-to-node mesh', 'up', '16:52:54', 'Established'],
    ['192.168.10.101', 'node-to-node mesh', 'up', '16:52:52', 'Established'],
  ];
  assert.is(
    boxTable(['Peer address', 'Peer type', 'State', 'Since', 'Info'], rows),
    `+----------------+-------------------+-------+----------+-------------+
|  PEER ADDRESS  |     PEER TYPE     | STATE |  SINCE   |    INFO     |
+----------------+-------------------+-------+----------+-------------+
| 192.168.20.100 | node-to-node mesh | up    | 16:52:54 | Established |
| 192.168.10.101 | node-to-node mesh | up    | 16:52:52 | Established |
+----------------+-------------------+-------+----------+-------------+
`,
  );
});

t('calicoctl ipam show: numbers to the right', () => {
  const rows = [
    ['IP Pool', '172.16.0.0/16', '65536', '7 (0%)', '65529 (100%)'],
    ['Block', '172.16.116.0/24', '256', '1 (0%)', '255 (100%)'],
    ['Block', '172.16.158.0/24', '256', '4 (2%)', '252 (98%)'],
  ];
  assert.is(
    boxTable(['Grouping', 'CIDR', 'IPs total', 'IPs in use', 'IPs free'], rows),
    `+----------+-----------------+-----------+------------+--------------+
| GROUPING |      CIDR       | IPS TOTAL | IPS IN USE |   IPS FREE   |
+----------+-----------------+-----------+------------+--------------+
| IP Pool  | 172.16.0.0/16   |     65536 | 7 (0%)     | 65529 (100%) |
| Block    | 172.16.116.0/24 |       256 | 1 (0%)     | 255 (100%)   |
| Block    | 172.16.158.0/24 |       256 | 4 (2%)     | 252 (98%)    |
+----------+-----------------+-----------+------------+--------------+
`,
  );
});

t('a long cell goes on in the next line', () => {
  assert.is(
    boxTable(['Peer', 'Info'], [['10.0.0.1', 'Active Socket: Connection refused']]),
    `+----------+---------------------------+
|   PEER   |           INFO            |
+----------+---------------------------+
| 10.0.0.1 | Active Socket: Connection |
|          | refused                   |
+----------+---------------------------+
`,
  );
});

for (const [text, lines] of [
  ['', ['']],
  ['short', ['short']],
  ['a'.repeat(40), ['a'.repeat(40)]],
  ['Connect Socket: Connection closed', ['Connect Socket: Connection', 'closed']],
  ['exactly thirty characters long', ['exactly thirty characters long']],
] as const) {
  t(`wrapping ${JSON.stringify(text.slice(0, 33))}`, () => assert.equal(wrap(text), lines));
}

t.run();
