/** The harness itself: a recording does not differ from itself, and every kind of difference is noticed. */
import { assert, suite } from '../kit.ts';
import { compare } from './compare.ts';
import type { Observation } from './observe.ts';
import { bgp, type Hooks, MODES, type Mode, type PacketRow, packets, probes, states } from './recording.ts';

const t = suite('golden/compare');

const mutable = (byProbe: ReadonlyMap<string, readonly PacketRow[]>): Map<string, PacketRow[]> =>
  new Map([...byProbe].map(([probe, rows]) => [probe, [...rows]]));

/** As if the product had done exactly what was recorded. */
function echo(mode: Mode, hooks: Hooks): Observation {
  const segments = bgp(mode).map(row => ({
    ...row,
    'ip.ttl': row['ttl']!,
    'ip.dsfield': row['dsfield']!,
    'ip.flags.df': row['df']!,
    'tcp.flags.str': row['flags']!,
    'tcp.options.mss_val': row['mss']!,
    'tcp.window_size_value': row['window']!,
    // One connection a session.
    'tcp.srcport': '179',
    'tcp.dstport': '50000',
  }));
  return {
    states: new Map(states(mode)),
    outputs: new Map(probes(mode, hooks).map(({ name, output }) => [name, [...output]])),
    packets: new Map([...packets(mode, hooks)].map(([at, byProbe]) => [at, mutable(byProbe)])),
    bgp: segments,
  };
}

const differences = (seen: Observation): string[] =>
  compare('ipip-always', 'none', seen)
    .filter(c => c.differing.length > 0)
    .map(c => c.table);

for (const mode of MODES)
  for (const hooks of ['none', 'masquerade'] as const)
    t(`${mode}, hooks ${hooks}: the recording is like itself`, () => {
      for (const { table, differing } of compare(mode, hooks, echo(mode, hooks)))
        assert.is(`${table}: ${differing.join('\n')}`, `${table}: `);
    });

const edited = (table: string, edit: (text: string) => string): Observation => {
  const seen = echo('ipip-always', 'none');
  seen.states.set(table, edit(seen.states.get(table)!));
  return seen;
};

for (const [what, table, from, to] of [
  ['a next hop', 'converged/k8s-w1.route', 'via 192.168.20.100', 'via 192.168.20.101'],
  ['onlink', 'converged/k8s-w1.route', 'tunl0 proto bird onlink', 'tunl0 proto bird'],
  ['a blank at the end', 'converged/k8s-w1.route', 'onlink \n', 'onlink\n'],
  ['a local address', 'converged/k8s-w1.route-table-all', 'local 172.16.158.0', 'local 172.16.158.1'],
  [
    'a neighbour that failed',
    'after-base/k8s-w1.neigh',
    '192.168.10.77 dev eth0 FAILED',
    '192.168.10.77 dev eth0 STALE',
  ],
  ['a group', 'converged/k8s-w1.fdb', '01:00:5e:00:00:01 dev eth0', '01:00:5e:00:00:02 dev eth0'],
  ['an MTU', 'converged/pod1.link', 'mtu 1480 qdisc noqueue', 'mtu 1500 qdisc noqueue'],
  ['an index', 'converged/k8s-w1.link', '3: tunl0', '5: tunl0'],
  ['a broadcast address', 'converged/k8s-w1.addr', 'brd 192.168.10.255 ', ''],
  ['a session state', 'converged/k8s-w1.bird-protocols', 'Established', 'Active'],
  ['a count of routes', 'converged/k8s-w1.bird-protocols-all', '4 exported', '5 exported'],
  ['an attribute', 'converged/k8s-w1.bird-route-all', 'local_pref: 100', 'local_pref: 101'],
] as const)
  t(`${table}: ${what} is noticed`, () => {
    const seen = edited(table, text => text.replace(from, to));
    assert.is.not(seen.states.get(table), states('ipip-always').get(table), 'nothing was edited');
    assert.equal(differences(seen), [table.slice(table.indexOf('.') + 1)]);
  });

t('routes in another order are noticed, neighbours are not', () => {
  const reversed = (text: string): string =>
    text.replace(/\n$/, '').split('\n').reverse().join('\n').concat('\n');
  assert.equal(differences(edited('converged/k8s-w1.route', reversed)), ['route']);
  assert.equal(differences(edited('converged/k8s-w1.neigh', reversed)), []);
});

t('a line of output is noticed, its times are not', () => {
  const name = 'base.01-ping-pod3-cold';
  const seen = echo('ipip-always', 'none');
  const output = seen.outputs.get(name)!;
  seen.outputs.set(
    name,
    output.map(line => line.replace(/time=[\d.]+/, 'time=99.9')),
  );
  assert.equal(differences(seen), []);
  seen.outputs.set(
    name,
    output.map(line => line.replace('ttl=62', 'ttl=61')),
  );
  assert.equal(differences(seen), ['output']);
});

/** The observation with rows of one probe at one interface replaced. */
const rowsEdited = (probe: string, edit: (rows: PacketRow[]) => PacketRow[]): Observation => {
  const seen = echo('ipip-always', 'none');
  const byProbe = seen.packets.get('w1-eth0')!;
  byProbe.set(probe, edit(byProbe.get(probe)!));
  return seen;
};

const COLD = 'base.01-ping-pod3-cold';
for (const [what, probe, column, from, to] of [
  ['the outer TTL', COLD, 'ip.ttl', '63|63', '64|63'],
  ['the inner DF', COLD, 'ip.flags.df', '1|1', '1|0'],
  ['a TOS', 'base.70-tos-0xb8-pod3', 'ip.dsfield', '0x00|0xb8', '0xb8|0xb8'],
  ['a MAC address', COLD, 'eth.dst', '02:00:c0:a8:0a:fe', '02:00:c0:a8:0a:66'],
  ['an ARP target', COLD, 'arp.dst.proto_ipv4', '192.168.10.254', '192.168.10.253'],
  ['an identification that must not be 0', COLD, 'ip.id', '0xc91a|0x3e87', '0x0000|0x3e87'],
  ['fragments of different datagrams', 'base.12-frag-4000-pod3', 'ip.id', '0xeed1|0x6ad8', '0xeed1|0x6ad9'],
  ['an offset', 'base.12-frag-4000-pod3', 'ip.frag_offset', '0|182', '0|183'],
  ['the sequence of echoes', COLD, 'icmp.seq', '2', '1'],
  ['another echo identifier', COLD, 'icmp.ident', '398', '399'],
  ['a code', 'base.04-traceroute-udp-pod3', 'icmp.code', '3', '2'],
  ['a port that is not random', 'base.04-traceroute-udp-pod3', 'udp.dstport', '33436', '33437'],
  ['a port from before', 'base.04-traceroute-udp-pod3', 'udp.srcport', '37188', '41421'],
  ['no checksum', 'base.04-traceroute-udp-pod3', 'udp.checksum', '0xce09', '0x0000'],
  ['an MSS', 'base.42-tcp-upload-pod3', 'tcp.options.mss_val', '1440', '1460'],
  ['the TTL of data', 'base.42-tcp-upload-pod3', 'ip.ttl', '63|63', '64|63'],
] as const)
  t(`packets: ${what} is noticed`, () => {
    let edits = 0;
    const seen = rowsEdited(probe, rows =>
      rows.map(row => {
        if (row[column] !== from || edits > 0) return row;
        edits++;
        return { ...row, [column]: to };
      }),
    );
    assert.is(edits, 1);
    assert.equal(differences(seen), ['packets w1-eth0']);
  });

t('packets: one too few, one too many, two in the wrong order are noticed', () => {
  const missing = rowsEdited(COLD, rows => rows.slice(0, -1));
  const more = rowsEdited(COLD, rows => [...rows, rows.at(-1)!]);
  const swapped = rowsEdited(COLD, rows => [rows[1]!, rows[0]!, ...rows.slice(2)]);
  for (const seen of [missing, more, swapped]) assert.equal(differences(seen), ['packets w1-eth0']);
});

t('packets: ARP of somebody else is noticed', () => {
  const seen = rowsEdited('base.04-traceroute-udp-pod3', rows =>
    rows.map(row => (row['arp.opcode'] === '2' ? { ...row, 'eth.src': '02:00:c0:a8:0a:99' } : row)),
  );
  assert.equal(differences(seen), ['packets w1-eth0']);
});

t('packets: what is random may be another', () => {
  const seen = rowsEdited('base.04-traceroute-udp-pod3', rows =>
    rows.map(row => ({
      ...row,
      'ip.id': row['ip.id']!.replaceAll(/0x./g, '0xf'),
      'udp.srcport': row['udp.srcport']!.replace('41421', '50000'),
    })),
  );
  assert.equal(differences(seen), []);
});

for (const [what, edit] of [
  [
    'an octet of a message',
    row => ({ ...row, payload: row['payload']!.replace('40050400000064', '40050400000065') }),
  ],
  ['TOS', row => ({ ...row, 'ip.dsfield': '0x00' })],
  ['the TTL of the SYN-ACK', row => (row['ip.ttl'] === '255' ? { ...row, 'ip.ttl': '64' } : row)],
] as const satisfies readonly (readonly [string, (row: PacketRow) => PacketRow])[])
  t(`bgp: ${what} is noticed`, () => {
    const seen = echo('ipip-always', 'none');
    assert.equal(differences({ ...seen, bgp: seen.bgp.map(edit) }), ['bgp']);
  });

t.run();
