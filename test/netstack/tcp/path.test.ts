/**
 * TCP over the whole stack, in the laboratory of the recordings: pod to pod through each mode, with pods whose MTU is
 * right and too large, to closed ports, silent nets and dead neighbours.
 */
import * as Ipv4 from '../../../src/addr/ipv4.ts';
import { type Connection, TcpLayer } from '../../../src/netstack/tcp/tcp-layer.ts';
import * as Payload from '../../../src/sim/payload.ts';
import * as Ip from '../../../src/wire/ipv4.ts';
import * as Tcp from '../../../src/wire/tcp.ts';
import { assert, suite } from '../../kit.ts';
import { Lab, type Mode, viewOf } from '../lab.ts';
import { flagText, Log, MS } from './harness.ts';

const t = suite('netstack/tcp/path');
const OCTETS = 200_000;

function tcp(lab: Lab, name: string): TcpLayer {
  const { transports } = lab.namespace(name);
  transports[6] ??= new TcpLayer(lab.namespace(name));
  return transports[6] as TcpLayer;
}

interface Transfer {
  readonly client: Connection;
  readonly clientLog: Log;
  readonly serverLog: Log;
  readonly received: () => number;
}

/** 200000 octets from `from` to port 5000 of `to`, then FIN, as the recorded uploads. */
function upload(lab: Lab, from: string, to: string, address: string): Transfer {
  const clientLog = new Log();
  const serverLog = new Log();
  let received = 0;
  Object.assign(serverLog, { receivedVirtual: (_stream: unknown, length: number) => (received += length) });
  Object.assign(clientLog, {
    established: (stream: Connection) => {
      stream.writeVirtual(Payload.ZERO, OCTETS);
      stream.shutdown();
    },
  });
  tcp(lab, to).listen(5000, () => serverLog);
  const client = lab.at(from, () =>
    tcp(lab, from).connect({ remoteAddress: Ipv4.from(address), remotePort: 5000 }, clientLog),
  );
  lab.run(3000 * MS);
  return { client, clientLog, serverLog, received: () => received };
}

/** What tcp-mss.md and the probes recorded: MSS option, and octets in a full segment. */
for (const [mode, pod, address, option, full] of [
  ['ipip-always', 'pod3', '172.16.34.1', 1440, 1428],
  ['ipip-always', 'pod2', '172.16.184.4', 1440, 1428],
  ['ipip-crosssubnet', 'pod3', '172.16.34.1', 1440, 1428],
  ['ipip-crosssubnet', 'pod2', '172.16.184.4', 1440, 1428],
  ['vxlan-always', 'pod3', '172.16.34.1', 1410, 1398],
  ['direct-nopeer', 'pod2', '172.16.184.4', 1460, 1448],
] as const satisfies readonly (readonly [Mode, string, string, number, number])[]) {
  t(`${mode}: an upload to ${pod} has MSS ${option} and arrives whole`, () => {
    const lab = new Lab(mode);
    const syns: Tcp.TcpOptions[] = [];
    lab.device('pod1', 'eth0').tap((frame, direction) => {
      const octets = lab.partition.frames.materialise(frame, 120);
      const view = viewOf(octets);
      if (octets.length < 54 || view.getUint16(12) !== 0x0800 || Ip.protocol(view, 14) !== 6) return;
      if (Tcp.flags(view, 34) & Tcp.SYN && direction !== undefined)
        syns.push(Tcp.parseOptions(view, 34, Tcp.headerLength(view, 34)));
    });
    const { client, clientLog, serverLog, received } = upload(lab, 'pod1', pod, address);
    assert.is(received(), OCTETS);
    assert.equal(
      syns.map(({ mss }) => mss),
      [option, option],
    );
    assert.is(client.info().mss, full);
    assert.is(client.info().retransmits, 0);
    assert.equal(serverLog.entries, ['established', 'closed', 'finished']);
    assert.equal(clientLog.entries, ['finished', 'closed']);
    assert.is(lab.imbalance(), 0);
  });
}

for (const [mode, full] of [
  ['ipip-always', 1428],
  ['vxlan-always', 1398],
] as const) {
  t(`${mode}: pods at MTU 1500 fall back to ${full} octets after the first 3/4`, () => {
    const lab = new Lab(mode, 1500);
    const { client, received } = upload(lab, 'pod1', 'pod3', '172.16.34.1');
    assert.is(received(), OCTETS);
    const info = client.info();
    assert.is(info.mss, full);
    assert.is(info.timeouts, 0, 'the error brings the repair, not the timer');
    assert.ok(info.retransmits >= 10, 'the first flight is sent again');
    assert.is(lab.imbalance(), 0);
  });
}

t('a closed port refuses: RST with ACK, TTL 64, DF, IP ID 0, 40 octets', () => {
  const lab = new Lab('ipip-always');
  tcp(lab, 'pod3');
  const packets = lab.capture('pod1', 'eth0', 'receive');
  const log = new Log();
  const options = { remoteAddress: Ipv4.from('172.16.34.1'), remotePort: 81 };
  lab.at('pod1', () => tcp(lab, 'pod1').connect(options, log));
  lab.run(1000 * MS);
  assert.equal(log.entries, ['closed Connection refused']);
  const reset = packets
    .map(viewOf)
    .find(
      (view, i) => packets[i]!.length >= 54 && view.getUint16(12) === 0x0800 && Ip.protocol(view, 14) === 6,
    )!;
  assert.is(flagText(Tcp.flags(reset, 34)), 'R.');
  assert.equal(
    [Ip.totalLength(reset, 14), Ip.ttl(reset, 14), Ip.dontFragment(reset, 14), Ip.identification(reset, 14)],
    [40, 62, true, 0],
  );
});

t('a router without a route is silent to a pod: the SYN is repeated until it times out', () => {
  const lab = new Lab('direct-nopeer');
  const log = new Log();
  const options = { remoteAddress: Ipv4.from('172.16.34.1'), remotePort: 5000 };
  lab.at('pod1', () => tcp(lab, 'pod1').connect(options, log));
  lab.run(126_000 * MS);
  assert.equal(log.entries, []);
  lab.run(2_000 * MS);
  assert.equal(log.entries, ['closed Connection timed out']);
});

t('a dead neighbour is "No route to host" after three seconds of ARP', () => {
  const lab = new Lab('ipip-always');
  const log = new Log();
  const options = { remoteAddress: Ipv4.from('192.168.10.77'), remotePort: 179 };
  lab.at('k8s-w1', () => tcp(lab, 'k8s-w1').connect(options, log));
  lab.run(2_900 * MS);
  assert.equal(log.entries, []);
  lab.run(400 * MS);
  assert.equal(log.entries, ['closed No route to host']);
});

t('a namespace without routes is "Network is unreachable" at once', () => {
  const lab = new Lab('ipip-always');
  const namespace = lab.namespace('pod1');
  namespace.setUp(lab.device('pod1', 'eth0'), false);
  const log = new Log();
  const options = { remoteAddress: Ipv4.from('8.8.8.8'), remotePort: 53 };
  lab.at('pod1', () => tcp(lab, 'pod1').connect(options, log));
  lab.run(1 * MS);
  assert.equal(log.entries, ['closed Network is unreachable']);
});

t('a connection to an own address goes over the loopback device', () => {
  const lab = new Lab('ipip-always');
  const { client, received } = upload(lab, 'pod1', 'pod1', '172.16.158.3');
  assert.is(received(), OCTETS);
  assert.is(client.localAddress, Ipv4.from('172.16.158.3'));
  assert.is(
    client.info().mss,
    32_768,
    'half of the largest window, as `ss` shows it of loopback connections',
  );
  assert.is(lab.imbalance(), 0);
});

t('a node opens from its tunnel address to a remote pod, from its own to a node', () => {
  const lab = new Lab('ipip-always');
  const toPod = upload(lab, 'k8s-w1', 'pod3', '172.16.34.1');
  assert.is(Ipv4.format(toPod.client.localAddress), '172.16.158.0');
  assert.is(toPod.received(), OCTETS);
  const toNode = upload(lab, 'k8s-w1', 'k8s-w0', '192.168.20.100');
  assert.is(Ipv4.format(toNode.client.localAddress), '192.168.10.101');
  assert.is(toNode.received(), OCTETS);
});

t.run();
