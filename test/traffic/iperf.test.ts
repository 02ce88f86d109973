import * as Ipv4 from '../../src/addr/ipv4.ts';
import { connect } from '../../src/fabric/wiring.ts';
import { EthernetDevice } from '../../src/netstack/ethernet-device.ts';
import type { Namespace } from '../../src/netstack/namespace.ts';
import { TcpLayer } from '../../src/netstack/tcp/tcp-layer.ts';
import { MICROSECOND, SECOND } from '../../src/sim/time.ts';
import { IperfClient } from '../../src/traffic/iperf-client.ts';
import { parseIperf } from '../../src/traffic/iperf-options.ts';
import { IperfServer } from '../../src/traffic/iperf-server.ts';
import { formatBitrate, formatBytes, formatRow } from '../../src/traffic/iperf-text.ts';
import { type Program, UsageError } from '../../src/traffic/program.ts';
import { assert, suite } from '../kit.ts';
import { TestBench, type TestHost } from '../netstack/lab.ts';

/** Two hosts on a cable of 20 Mbit/s: the client is 10.0.0.1, the server 10.0.0.2. */
class Cable extends TestBench {
  readonly client: Namespace;
  readonly server: Namespace;

  constructor() {
    super();
    const [a, b] = [this.host('client'), this.host('server')];
    connect(
      { process: a, jack: 0 },
      { process: b, jack: 0 },
      { rateBps: 20e6, delay: 50 * MICROSECOND, queueOctets: 100_000 },
    );
    this.client = this.#equip(a, '10.0.0.1');
    this.server = this.#equip(b, '10.0.0.2');
    for (const process of this.partition.processes) process.start();
  }

  #equip(host: TestHost, address: string): Namespace {
    const namespace = host.namespace(host.name);
    const mac = 0x0200_0000_0000 + Ipv4.from(address);
    const device = new EthernetDevice(namespace, 'eth0', { mac, mtu: 1500, jack: 0 });
    namespace.addAddress(device, Ipv4.from(address), 24);
    namespace.setUp(device, true);
    namespace.transports[6] = new TcpLayer(namespace);
    return namespace;
  }

  start(namespace: Namespace, args: string): { program: Program; lines: string[]; code: number | undefined } {
    return (namespace.host as TestHost).act(this.now, () => {
      const options = parseIperf(args.split(' '));
      const context = { namespace, tag: 0, resolve: () => undefined };
      const program = options.server ? new IperfServer(context, options) : new IperfClient(context, options);
      const run: { program: Program; lines: string[]; code: number | undefined } = {
        program,
        lines: [],
        code: undefined,
      };
      program.onLine = line => run.lines.push(line);
      program.onExit = code => {
        run.code = code;
      };
      program.start();
      return run;
    });
  }
}

/** Ports and the rates' last digits are not the point. */
const plain = (line: string): string =>
  line
    .replace(/port \d{5}/g, 'port P')
    .replace(/ *\d[\d.]* [KMG]?Bytes/g, ' B')
    .replace(/ *\d[\d.]* [KMG]?bits/g, ' b');

const t = suite('traffic/iperf');

for (const [octets, text] of [
  [0, '0.00 Bytes'],
  [1023, '1023 Bytes'],
  [1024, '1.00 KBytes'],
  [11.5 * 2 ** 20, '11.5 MBytes'],
  [115 * 2 ** 20, ' 115 MBytes'],
  [1.09 * 2 ** 30, '1.09 GBytes'],
] as const)
  t(`${octets} octets are ${text}`, () => assert.is(formatBytes(octets), text));

t('rows as iperf3 prints them', () => {
  const row = { id: 5, from: 0, to: SECOND, octets: 1.1725e9 };
  assert.is(formatBitrate(row.octets, SECOND), '9.38 Gbits/sec');
  assert.is(
    formatRow({ ...row, retransmits: 0, cwnd: 3.02 * 2 ** 20 }),
    '[  5]   0.00-1.00   sec  1.09 GBytes  9.38 Gbits/sec    0   3.02 MBytes       ',
  );
  assert.is(
    formatRow({ ...row, to: 10 * SECOND, octets: 1.1725e10, retransmits: 12, role: 'sender' }),
    '[  5]   0.00-10.00  sec  10.9 GBytes  9.38 Gbits/sec   12             sender',
  );
  assert.is(
    formatRow({ ...row, id: 'SUM', role: 'receiver' }),
    '[SUM]   0.00-1.00   sec  1.09 GBytes  9.38 Gbits/sec                  receiver',
  );
});

t('rows of datagrams', () => {
  const row = { id: 5, from: 0, to: SECOND, octets: 131768, datagrams: 91 };
  assert.is(formatRow(row), '[  5]   0.00-1.00   sec   129 KBytes  1.05 Mbits/sec  91  ');
  for (const [lost, share] of [
    [0, '0'],
    [1, '1.1'],
    [17, '19'],
    [91, '1e+02'],
  ] as const)
    assert.is(
      formatRow({ ...row, lost, jitter: 0.000_036, role: 'receiver' }),
      `[  5]   0.00-1.00   sec   129 KBytes  1.05 Mbits/sec  0.036 ms  ${lost}/91 (${share}%)  receiver`,
    );
});

t('UDP: at the rate that was asked for nothing is lost', () => {
  const cable = new Cable();
  cable.start(cable.server, '-s');
  const client = cable.start(cable.client, '-c 10.0.0.2 -u -b 10M -t 2');
  cable.run(4 * SECOND);
  assert.is(client.code, 0);
  // 10^7 bit/s in datagrams of 1448 octets: 863.3 a second.
  const { sent, received } = (client.program as IperfClient).report!;
  assert.equal([sent[0]!.packets, received[0]!.packets, received[0]!.errors], [1726, 1726, 0]);
  assert.equal(client.lines.slice(2), [
    '[ ID] Interval           Transfer     Bitrate         Total Datagrams',
    '[  5]   0.00-1.00   sec  1.19 MBytes  10.0 Mbits/sec  863  ',
    '[  5]   1.00-2.00   sec  1.19 MBytes  10.0 Mbits/sec  863  ',
    '- - - - - - - - - - - - - - - - - - - - - - - - -',
    '[ ID] Interval           Transfer     Bitrate         Jitter    Lost/Total Datagrams',
    '[  5]   0.00-2.00   sec  2.38 MBytes  10.0 Mbits/sec  0.000 ms  0/1726 (0%)  sender',
    client.lines.at(-3)!,
    '',
    'iperf Done.',
  ]);
  assert.match(client.lines.at(-3)!, /0\.\d{3} ms {2}0\/1726 \(0%\) {2}receiver$/);
  assert.is(cable.imbalance(), 0);
});

t('UDP: what the cable cannot carry is lost, and counted by the receiver', () => {
  const cable = new Cable();
  cable.start(cable.server, '-s');
  const client = cable.start(cable.client, '-c 10.0.0.2 -u -b 40M -t 2 -l 1000');
  cable.run(6 * SECOND);
  const { sent, received } = (client.program as IperfClient).report!;
  // Five a millisecond, as often as the sender looked.
  assert.ok(Math.abs(sent[0]!.packets - 10_000) <= 5, `${sent[0]!.packets}`);
  // 1000 of 1066 octets on the wire, and what the queue of 100,000 octets still holds at the end.
  const arrived = received[0]!.packets - received[0]!.errors;
  const carried = (20e6 * 2) / 8 / 1066;
  assert.ok(Math.abs(arrived - carried) < 130, `${arrived} of about ${carried}`);
  assert.is(received[0]!.bytes, arrived * 1000);
});

t('UDP reversed, and several streams: each has its own', () => {
  const cable = new Cable();
  cable.start(cable.server, '-s -1');
  const client = cable.start(cable.client, '-c 10.0.0.2 -u -b 1M -t 1 -R -P 2');
  cable.run(3 * SECOND);
  const { received } = (client.program as IperfClient).report!;
  const counts = received.map(one => one.packets);
  // 86.3 a second, and what the server still sends until it hears of the end.
  assert.ok(
    counts.every(count => count >= 87 && count <= 91),
    `${counts}`,
  );
  assert.match(client.lines.at(-3)!, `0/${counts[0]! + counts[1]!} (0%)  receiver`);
  assert.is(cable.imbalance(), 0);
});

t('-b holds TCP back; -J is one object that says the same as the table', () => {
  const cable = new Cable();
  cable.start(cable.server, '-s');
  const client = cable.start(cable.client, '-c 10.0.0.2 -b 4M -t 2 -J');
  cable.run(4 * SECOND);
  assert.is(client.lines.length, 1);
  const report = JSON.parse(client.lines[0]!);
  assert.is(report.start.connecting_to.host, '10.0.0.2');
  assert.is(report.intervals.length, 2);
  const rate = report.end.sum_received.bits_per_second;
  assert.ok(rate > 3.8e6 && rate < 4.6e6, `${rate}`);
  const { received } = (client.program as IperfClient).report!;
  assert.is(report.end.sum_received.bytes, received[0]!.bytes);
  assert.match(client.lines[0]!, '{\n\t"start":\t{\n\t\t"connected":\t[{\n\t\t\t\t"socket":\t5,\n');
});

t('a test of two seconds: both ends agree, at the rate of the wire', () => {
  const cable = new Cable();
  const server = cable.start(cable.server, '-s');
  const client = cable.start(cable.client, '-c 10.0.0.2 -t 2');
  cable.run(4 * SECOND);
  assert.is(client.code, 0);
  assert.equal(client.lines.map(plain), [
    'Connecting to host 10.0.0.2, port 5201',
    '[  5] local 10.0.0.1 port P connected to 10.0.0.2 port 5201',
    '[ ID] Interval           Transfer     Bitrate         Retr  Cwnd',
    client.lines.map(plain)[3]!,
    client.lines.map(plain)[4]!,
    '- - - - - - - - - - - - - - - - - - - - - - - - -',
    '[ ID] Interval           Transfer     Bitrate         Retr',
    client.lines.map(plain)[7]!,
    client.lines.map(plain)[8]!,
    '',
    'iperf Done.',
  ]);
  assert.match(
    client.lines[3]!,
    /^\[ {2}5\] {3}0\.00-1\.00 {3}sec {2}2\.\d\d MBytes {2}18\.\d Mbits\/sec {2,4}\d+ {3}.* KBytes {7}$/,
  );
  assert.match(client.lines[4]!, /^\[ {2}5\] {3}1\.00-2\.00 {3}sec/);
  assert.match(client.lines[7]!, /^\[ {2}5\] {3}0\.00-2\.00 {3}sec .* sender$/);
  assert.match(client.lines[8]!, /^\[ {2}5\] {3}0\.00-2\.0\d {3}sec .* receiver$/);
  // 1448 octets of 1538 on the wire: 18.83 Mbit/s is the most.
  const { sent, received } = (client.program as IperfClient).report!;
  const rate = (received[0]!.bytes * 8) / received[0]!.end_time;
  assert.ok(rate > 18.3e6 && rate < 18.832e6, `${rate}`);
  assert.ok(received[0]!.bytes >= sent[0]!.bytes);
  assert.is(server.code, undefined);
  assert.equal(server.lines.slice(0, 4).map(plain), [
    '-----------------------------------------------------------',
    'Server listening on 5201 (test #1)',
    '-----------------------------------------------------------',
    'Accepted connection from 10.0.0.1, port P',
  ]);
  assert.ok(server.lines.includes('Server listening on 5201 (test #2)'));
  assert.is(cable.imbalance(), 0);
});

t('parallel streams, reversed, a number of octets, a server for one test', () => {
  const cable = new Cable();
  const server = cable.start(cable.server, '-s -1');
  const client = cable.start(cable.client, '-c 10.0.0.2 -P 3 -R -n 3M');
  cable.run(10 * SECOND);
  assert.equal([client.code, server.code], [0, 0]);
  assert.is(client.lines[1], 'Reverse mode, remote host 10.0.0.2 is sending');
  assert.equal(
    client.lines.slice(2, 5).map(line => line.slice(0, 6)),
    ['[  5] ', '[  7] ', '[  9] '],
  );
  const { sent, received } = (client.program as IperfClient).report!;
  assert.equal(
    received.map(one => one.bytes),
    Array(3).fill(2 ** 20),
  );
  assert.ok(sent.every(one => one.bytes <= 2 ** 20 && one.retransmits >= 0));
  const sums = client.lines.filter(line => line.startsWith('[SUM]'));
  assert.match(sums.at(-1)!, /3\.00 MBytes .* receiver$/);
  cable.run(200 * SECOND);
  assert.equal((cable.server.transports[6] as TcpLayer).sockets(), []);
  assert.is(cable.imbalance(), 0);
});

t('no server, a busy server, a port in use, ^C', () => {
  const cable = new Cable();
  const refused = cable.start(cable.client, '-c 10.0.0.2');
  cable.run(SECOND);
  assert.equal(refused.lines.at(-1), 'iperf3: error - unable to connect to server: Connection refused');
  assert.is(refused.code, 1);
  const server = cable.start(cable.server, '-s');
  const second = cable.start(cable.server, '-s');
  assert.equal(second.lines, [
    'iperf3: error - unable to start listener for connections: Address already in use',
  ]);
  const client = cable.start(cable.client, '-c 10.0.0.2 -t 2');
  cable.run(SECOND / 2);
  const busy = cable.start(cable.client, '-c 10.0.0.2');
  cable.run(SECOND / 2);
  assert.is(busy.lines.at(-1), 'iperf3: error - the server is busy running a test. try again later');
  (cable.client.host as TestHost).act(cable.now, () => client.program.stop());
  assert.equal([client.code, client.lines.at(-1)], [1, 'iperf3: interrupt - the client has terminated']);
  cable.run(SECOND);
  assert.ok(server.lines.includes('Server listening on 5201 (test #2)'), 'the server takes the next test');
  (cable.server.host as TestHost).act(cable.now, () => server.program.stop());
  assert.is(server.code, 1);
  cable.run(200 * SECOND);
  assert.is(cable.imbalance(), 0);
});

for (const [args, expected] of [
  ['', 'iperf3: parameter error - must either be a client (-c) or server (-s)'],
  ['-s -c x', 'iperf3: parameter error - cannot be both server and client'],
  ['-c x -p 0', 'iperf3: parameter error - bad port number: 0 (1 to 65535)'],
  ['-c x -n some', 'iperf3: parameter error - bad number of bytes: some'],
  ['-c x -u -b 0', 'iperf3 -u -b 0: not emulated in this lab, give it a bitrate'],
  ['-c x -u -l 70000', 'iperf3: parameter error - block size too large (maximum = 65507 bytes)'],
  ['-c x -b fast', 'iperf3: parameter error - bad bitrate: fast'],
  ['-s -u', 'iperf3: parameter error - some option you are trying to set is client only'],
  ['-c x -w 64K', 'iperf3 -w: not emulated in this lab'],
  ['-c x --omit=2', 'iperf3 --omit=2: not emulated in this lab'],
  ['-c x --frob', "iperf3: unrecognized option '--frob'"],
  ['-c x -y', "iperf3: invalid option -- 'y'"],
  ['--version', 'iperf 3.9 (cJSON 1.7.13)'],
] as const)
  t(`iperf3 ${args}`, () => {
    try {
      parseIperf(args.split(' ').filter(Boolean));
      assert.unreachable();
    } catch (e) {
      assert.instance(e, UsageError);
      assert.is((e as UsageError).message.split('\n')[0], expected);
    }
  });

t.run();
