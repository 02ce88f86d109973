import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefixes from '../../src/addr/prefix.ts';
import { type FelixHooks, felixHooks, type HookVariant, NO_RULES } from '../../src/netstack/felix-hooks.ts';
import { TcpLayer } from '../../src/netstack/tcp/tcp-layer.ts';
import { udpOf } from '../../src/netstack/udp.ts';
import { MILLISECOND, SECOND } from '../../src/sim/time.ts';
import { describeError } from '../../src/traffic/icmp-words.ts';
import { formatRoundTrips, formatTime, Ping } from '../../src/traffic/ping.ts';
import { parsePing } from '../../src/traffic/ping-options.ts';
import { Probe, type ProbeResult, type ProbeSpec } from '../../src/traffic/probe.ts';
import { type Program, type ProgramContext, UsageError } from '../../src/traffic/program.ts';
import { Traceroute } from '../../src/traffic/traceroute.ts';
import { parseTraceroute } from '../../src/traffic/traceroute-options.ts';
import { assert, suite } from '../kit.ts';
import { Lab } from '../netstack/lab.ts';

const NODES = ['k8s-m', 'k8s-w0', 'k8s-w1', 'k8s-w2'];

interface Run {
  readonly program: Program;
  readonly lines: string[];
  code: number | undefined;
}

/** Start a command; names are those of the lab's pods. */
function start(lab: Lab, where: string, command: string): Run {
  return lab.at(where, () => {
    const context: ProgramContext = {
      namespace: lab.namespace(where),
      tag: 0,
      resolve: name => (name === 'pod3' ? Ipv4.from('172.16.34.1') : undefined),
    };
    const [name, ...args] = command.split(' ');
    const program =
      name === 'ping' ? new Ping(context, parsePing(args)) : new Traceroute(context, parseTraceroute(args));
    const run: Run = { program, lines: [], code: undefined };
    program.onLine = line => run.lines.push(line);
    program.onExit = code => {
      run.code = code;
    };
    program.start();
    return run;
  });
}

function probe(lab: Lab, where: string, spec: Partial<ProbeSpec> & { to: string }): ProbeResult {
  let result: ProbeResult | undefined;
  lab.at(where, () => {
    const { to, ...rest } = spec;
    const whole = { proto: 'icmp', port: 0, size: 56, df: true, tag: 5, timeout: SECOND } as const;
    const asked = { ...whole, ...rest, destination: Ipv4.from(to) };
    new Probe(lab.namespace(where), asked, told => {
      result = told;
    }).start();
  });
  lab.run(2 * SECOND);
  return result!;
}

function programmed(lab: Lab, variant: HookVariant): Map<string, FelixHooks> {
  const pools = [Prefixes.from('172.16.0.0/16')];
  const hosts = [Prefixes.from('192.168.0.0/16')];
  const rules = {
    ...NO_RULES,
    pools,
    masqueradePools: pools,
    hosts,
    ipipEnabled: true,
    tunnelDevices: ['tunl0'],
  };
  return new Map(
    NODES.map(node => {
      const hooks = felixHooks(lab.namespace(node));
      hooks.program(variant, rules);
      return [node, hooks];
    }),
  );
}

const usage = (parse: () => unknown): string => {
  try {
    parse();
  } catch (e) {
    if (e instanceof UsageError) return `${e.exitCode} ${e.message.split('\n')[0]}`;
    throw e;
  }
  return 'accepted';
};

const t = suite('traffic/programs');

for (const [time, text] of [
  [400, '0.000 ms'],
  [500, '0.001 ms'],
  [412_000, '0.412 ms'],
  [999_499, '0.999 ms'],
  [1_374_000, '1.37 ms'],
  [1_975_000, '1.98 ms'],
  [9_994_000, '9.99 ms'],
  [9_995_000, '10.0 ms'],
  [12_262_000, '12.3 ms'],
  [99_949_000, '99.9 ms'],
  [99_950_000, '100 ms'],
  [104_499_000, '104 ms'],
] as const)
  t(`a round trip of ${time} ns is ${text}`, () => assert.is(formatTime(time), text));

// The recorded ping of three replies; its middle line is only known to 10 us, the sum of the three from the average.
t('the statistics line is computed in whole microseconds', () => {
  const us = (value: number): number => value * 1000;
  assert.is(formatRoundTrips([5_383, 1_171].map(us)), 'rtt min/avg/max/mdev = 1.171/3.277/5.383/2.106 ms');
  assert.is(
    formatRoundTrips([12_262, 1_374, 1_982].map(us)),
    'rtt min/avg/max/mdev = 1.374/5.206/12.262/4.995 ms',
  );
});

for (const [args, expected] of [
  ['', '1 ping: usage error: Destination address required'],
  ['-c x 10.0.0.1', "1 ping: invalid argument: 'x'"],
  ['-c 0 10.0.0.1', "1 ping: invalid argument: '0': out of range: 1 <= value <= 9223372036854775807"],
  ['-t 256 10.0.0.1', "1 ping: invalid argument: '256': out of range: 0 <= value <= 255"],
  ['-M never 10.0.0.1', '2 ping: invalid -M argument: never'],
  ['-Q 0x100 10.0.0.1', '2 ping: the decimal value of TOS bits must be in range 0-255: 256'],
  ['-i soon 10.0.0.1', '2 ping: option argument contains garbage: soon'],
  ['-Z 10.0.0.1', "2 ping: invalid option -- 'Z'"],
  ['-f 10.0.0.1', '2 ping -f: not emulated in this lab'],
  ['-p ff 10.0.0.1', '2 ping -p: not emulated in this lab'],
  ['-V', '0 ping from iputils 20221126'],
  ['-4 -n -b 10.0.0.1', 'accepted'],
  ['10.0.0.1 -c', "2 ping: option requires an argument -- 'c'"],
  ['-nqc3 -W 0.5 -- 10.0.0.1', 'accepted'],
] as const)
  t(`ping ${args}`, () =>
    assert.is(
      usage(() => parsePing(args.split(' ').filter(Boolean))),
      expected,
    ),
  );

for (const [args, expected] of [
  ['-n', '2 Specify "host" missing argument.'],
  ['-s 10.0.0.1 h', '2 traceroute -s: not emulated in this lab'],
  ['-m 300 h', '2 max hops cannot be more than 255'],
  ['-q 11 h', '2 no more than 10 probes per hop'],
  ['-f 9 -m 5 h', '2 first hop out of range'],
  ['-w x h', "2 bad wait specifications `x' used"],
  ['-q two h', '2 Cannot handle "-q" option with arg `two\''],
  ['-nI -w 1,2,3 h 100', 'accepted'],
] as const)
  t(`traceroute ${args}`, () =>
    assert.is(
      usage(() => parseTraceroute(args.split(' '))),
      expected,
    ),
  );

t('options: values with and without a blank, defaults', () => {
  const options = parsePing(['-c3', '-s', '100', 'host', '-i.2', '-I', 'tunl0', '-Q', '0xb8']);
  assert.equal(options, {
    target: 'host',
    count: 3,
    interval: 200 * MILLISECOND,
    size: 100,
    pmtu: 'want',
    from: 'tunl0',
    ttl: 0,
    tos: 0xb8,
    linger: 10 * SECOND,
    deadline: 0,
    quiet: false,
    stamped: false,
    outstanding: false,
  });
});

t('every ICMP error has its words', () => {
  const words = (type: number, code: number): string => describeError({ type, code, mtu: 1400 });
  assert.is(words(3, 4), 'Frag needed and DF set (mtu = 1400)');
  assert.is(words(3, 13), 'Packet filtered');
  assert.is(words(3, 77), 'Dest Unreachable, Bad Code: 77');
  assert.is(words(11, 1), 'Frag reassembly time exceeded');
  assert.is(words(12, 0), 'Parameter problem: pointer = 0');
});

t('ping runs until it is interrupted, then says what it counted; killed it says nothing', () => {
  const lab = new Lab('ipip-always');
  const run = start(lab, 'pod1', 'ping 172.16.34.1');
  lab.run(2.5 * SECOND);
  assert.is(run.code, undefined);
  lab.at('pod1', () => run.program.stop());
  assert.is(run.code, 0);
  assert.is(run.lines.length, 8);
  assert.is(run.lines[6], '3 packets transmitted, 3 received, 0% packet loss, time 2000ms');
  assert.equal((run.program as Ping).statistics.roundTrips.length, 3);
  const killed = start(lab, 'pod1', 'ping 172.16.34.1');
  lab.at('pod1', () => killed.program.stop('SIGKILL'));
  lab.run(3 * SECOND);
  assert.equal([killed.lines.length, killed.code], [1, 137]);
  assert.is(lab.imbalance(), 0);
});

t('a lost reply: percent as %g, and the wait behind the last request', () => {
  const lab = new Lab('ipip-always');
  const run = start(lab, 'pod1', 'ping -c 3 172.16.34.1');
  lab.run(1.5 * SECOND);
  lab.at('k8s-w0', () => lab.namespace('k8s-w0').setUp(lab.device('k8s-w0', 'cali49778cadcf1'), false));
  lab.run(1.4 * SECOND);
  assert.is(run.code, undefined, 'waits as long as the interval');
  lab.run(0.2 * SECOND);
  assert.is(run.code, 0);
  assert.is(run.lines.at(-2), '3 packets transmitted, 2 received, 33.3333% packet loss, time 2000ms');
});

t('a deadline ends it, and decides about the exit code', () => {
  const lab = new Lab('ipip-always');
  const run = start(lab, 'pod1', 'ping -w 3 -i 0.5 172.16.34.50');
  lab.run(4 * SECOND);
  assert.is(run.code, 1);
  assert.match(run.lines.at(-2)!, /^[67] packets transmitted, 0 received, 100% packet loss, time \d+ms$/);
});

t('-I: through a device, from an address, from nowhere', () => {
  const lab = new Lab('ipip-always');
  assert.is(
    start(lab, 'k8s-w1', 'ping -c 1 -I tunl0 172.16.34.1').lines[0],
    'PING 172.16.34.1 (172.16.34.1) from 172.16.158.0 tunl0: 56(84) bytes of data.',
  );
  const own = start(lab, 'k8s-w1', 'ping -c 1 -I 192.168.10.101 pod3');
  assert.is(own.lines[0], 'PING pod3 (172.16.34.1) from 192.168.10.101 : 56(84) bytes of data.');
  lab.run(SECOND);
  assert.is(own.code, 0);
  const unknown = start(lab, 'k8s-w1', 'ping -I eth9 172.16.34.1');
  assert.equal([unknown.lines, unknown.code], [['ping: unknown iface: eth9'], 2]);
  const foreign = start(lab, 'k8s-w1', 'ping -I 10.0.0.9 172.16.34.1');
  assert.equal([foreign.lines, foreign.code], [['ping: bind: Cannot assign requested address'], 2]);
  const nobody = start(lab, 'k8s-w1', 'ping nobody');
  assert.equal([nobody.lines, nobody.code], [['ping: nobody: Name or service not known'], 2]);
});

t('a node finds its own blackhole invalid', () => {
  const lab = new Lab('ipip-always');
  const run = start(lab, 'k8s-w1', 'ping -c 1 172.16.158.50');
  assert.equal([run.lines, run.code], [['ping: connect: Invalid argument'], 2]);
});

t('without room for a time stamp there are no times', () => {
  const lab = new Lab('ipip-always');
  const run = start(lab, 'pod1', 'ping -c 1 -s 8 172.16.34.1');
  lab.run(SECOND);
  assert.is(run.lines[1], '16 bytes from 172.16.34.1: icmp_seq=1 ttl=62');
  assert.is(run.lines.at(-1), '');
});

t('traceroute with its defaults: names, three probes a hop, sixteen on their way', () => {
  const lab = new Lab('vxlan-always');
  const run = start(lab, 'pod1', 'traceroute pod3');
  lab.run(20 * SECOND);
  assert.is(run.code, 0);
  assert.is(run.lines[0], 'traceroute to pod3 (172.16.34.1), 30 hops max, 60 byte packets');
  assert.is(run.lines.length, 4);
  assert.match(run.lines[1]!, /^ 1 {2}192\.168\.10\.101 \(192\.168\.10\.101\)( {2}\d+\.\d{3} ms){3}$/);
  assert.match(run.lines[3]!, /^ 3 {2}172\.16\.34\.1 \(172\.16\.34\.1\)( {2}\d+\.\d{3} ms){3}$/);
  assert.equal(
    (run.program as Traceroute).hops.slice(0, 9).map(hop => `${hop.ttl} ${Ipv4.format(hop.from)}`),
    [1, 1, 1, 2, 2, 2, 3, 3, 3].map(
      ttl => `${ttl} ${['', '192.168.10.101', '172.16.34.0', '172.16.34.1'][ttl]}`,
    ),
  );
  assert.is(lab.imbalance(), 0);
});

t('traceroute: the port behind 65535 is 0, and each answer is for its probe', () => {
  const lab = new Lab('vxlan-always');
  const run = start(lab, 'pod1', 'traceroute -n -p 65533 172.16.34.1');
  lab.run(20 * SECOND);
  assert.is(run.lines.length, 4);
  for (const line of run.lines.slice(1)) assert.match(line, /^ \d {2}[\d.]+( {2}\d+\.\d{3} ms){3}$/);
});

t('traceroute marks what ends it: !N from the router, and a route that leads nowhere', () => {
  const lab = new Lab('direct-nopeer');
  const run = start(lab, 'k8s-w1', 'traceroute -n -q 1 172.16.34.1');
  lab.run(10 * SECOND);
  assert.match(run.lines[1]!, /^ 1 {2}192\.168\.10\.254 {2}\d+\.\d{3} ms !N$/);
  assert.is(run.lines.length, 2);
  const nowhere = start(lab, 'k8s-rtr', 'traceroute -n 172.16.34.1');
  assert.equal(nowhere.lines.slice(1), ['connect: Network is unreachable']);
  assert.is(nowhere.code, 1);
});

for (const [mode, hop2] of [
  ['vxlan-always', '172.16.34.0'],
  ['ipip-always', '*'],
] as const)
  t(`traceroute -T in ${mode}: SYNs, answered by a closed port and by a service`, () => {
    const lab = new Lab(mode);
    for (const name of ['pod1', 'pod3'])
      lab.namespace(name).transports[6] = new TcpLayer(lab.namespace(name));
    const tcp = lab.namespace('pod3').transports[6] as TcpLayer;
    tcp.listen(443, () => undefined);
    for (const port of [80, 443]) {
      const run = start(lab, 'pod1', `traceroute -T -n -q 1 -w 1 -p ${port} 172.16.34.1`);
      lab.run(10 * SECOND);
      const hops = run.lines.slice(1).map(line => line.replace(/ {2}\d+\.\d{3} ms/, ''));
      assert.is(run.lines[0], 'traceroute to 172.16.34.1 (172.16.34.1), 30 hops max, 60 byte packets');
      assert.equal(hops, [' 1  192.168.10.101', ` 2  ${hop2}`, ' 3  172.16.34.1']);
      assert.is(run.code, 0);
    }
    lab.run(200 * SECOND);
    assert.equal(
      tcp.sockets().map(socket => socket.state),
      ['LISTEN'],
    );
    assert.is(lab.namespace('pod1').hooks.list(1).length, 0);
    assert.is(lab.imbalance(), 0);
  });

t('probes: echo, its errors, silence', () => {
  const lab = new Lab('ipip-always');
  const answered = probe(lab, 'pod1', { to: '172.16.34.1' });
  assert.ok(answered.answered && answered.rtt > 0);
  assert.is(answered.ttl, 62);
  const silent = probe(lab, 'pod1', { to: '172.16.34.50' });
  assert.equal(silent, { answered: false, rtt: 0, ttl: 0, error: undefined });
  assert.is(probe(lab, 'pod1', { to: '172.16.34.1', size: 1453 }).error, 'EMSGSIZE');
  const direct = new Lab('direct-nopeer');
  const refused = probe(direct, 'k8s-w1', { to: '172.16.34.1' });
  assert.equal(refused.error, { from: Ipv4.from('192.168.10.254'), type: 3, code: 0 });
  assert.not(refused.answered);
});

t('probes: UDP and TCP are answered by a service and by a closed port alike', () => {
  const lab = new Lab('ipip-always');
  for (const name of ['pod1', 'pod3']) lab.namespace(name).transports[6] = new TcpLayer(lab.namespace(name));
  const to = '172.16.34.1';
  const closed = probe(lab, 'pod1', { to, proto: 'udp', port: 9 });
  assert.equal([closed.answered, closed.error], [true, { from: Ipv4.from(to), type: 3, code: 3 }]);
  const service = udpOf(lab.namespace('pod3')).socket();
  service.bind(0, 9);
  service.onReceive = datagram => service.sendTo(datagram.source, datagram.sourcePort, datagram);
  const served = probe(lab, 'pod1', { to, proto: 'udp', port: 9 });
  assert.equal([served.answered, served.ttl, served.error], [true, 62, undefined]);
  const refused = probe(lab, 'pod1', { to, proto: 'tcp', port: 81 });
  assert.equal([refused.answered, refused.error], [true, 'Connection refused']);
  const tcp = lab.namespace('pod3').transports[6] as TcpLayer;
  tcp.listen(80, () => ({ established: () => {}, received: () => {}, closed: () => {} }));
  const accepted = probe(lab, 'pod1', { to, proto: 'tcp', port: 80 });
  assert.equal([accepted.answered, accepted.error], [true, undefined]);
  const nobody = probe(lab, 'pod1', { to: '172.16.34.50', proto: 'tcp', port: 80 });
  assert.equal([nobody.answered, nobody.error], [false, undefined]);
  lab.run(200 * SECOND);
  assert.is(lab.imbalance(), 0);
});

t('with all of Calico’s hooks: pods, nodes and fragments pass, the outside sees the node', () => {
  const lab = new Lab('ipip-always');
  const hooks = programmed(lab, 'calico');
  for (const [from, to, ttl] of [
    ['pod1', '172.16.34.1', 62],
    ['pod1', '172.16.184.4', 62],
    ['pod1', '192.168.10.254', 63],
    ['pod1', '192.168.20.100', 62],
    ['k8s-w1', '172.16.34.1', 63],
    ['pod1', '192.168.10.101', 64],
  ] as const)
    assert.is(probe(lab, from, { to }).ttl, ttl, `${from} > ${to}`);
  assert.ok(
    probe(lab, 'pod1', { to: '172.16.34.1', size: 4000, df: false }).answered,
    'gathered, tracked, cut again',
  );
  assert.ok(probe(lab, 'pod1', { to: '192.168.10.254', size: 4000, df: false }).answered);
  const masqueraded = hooks
    .get('k8s-w1')!
    .conntrack.list()
    .filter(one => one.sourceNat)
    .map(one => Ipv4.format(one.tuples[1].destination));
  assert.equal(new Set(masqueraded), new Set(['192.168.10.101']));
  assert.is(masqueraded.length, 3);
  assert.is(lab.imbalance(), 0);
});

t('with Calico’s hooks a tunnel packet from a stranger dies at the node', () => {
  const lab = new Lab('ipip-always');
  const hooks = programmed(lab, 'calico').get('k8s-w0')!;
  hooks.program('calico', { ...hooks.rules, hosts: [Prefixes.from('192.168.20.100/32')] });
  assert.not(probe(lab, 'pod1', { to: '172.16.34.1' }).answered);
  assert.is(lab.namespace('k8s-w0').host.account.reasons.get('TUNNEL_PEER_UNKNOWN'), 1);
});

t.run();
