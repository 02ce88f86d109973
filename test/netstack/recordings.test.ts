/** Every ping and ICMP traceroute of the recordings, packet by packet at every capture point. */
import { gunzipSync } from 'node:zlib';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import type { Echo } from '../../src/netstack/icmp-socket.ts';
import { SECOND } from '../../src/sim/time.ts';
import * as Icmpv4 from '../../src/wire/icmpv4.ts';
import { assert, fixture, suite } from '../kit.ts';
import { Lab, type Mode, type Outcome } from './lab.ts';
import { summary } from './summary.ts';

interface Probe {
  readonly namespace: string;
  readonly command: string;
  /** What the program printed, times left out. */
  readonly said: readonly string[];
  readonly seen: Readonly<Record<string, readonly string[]>>;
}

const POINTS: readonly [point: string, namespace: string, device: string][] = [
  ['m-eth0', 'k8s-m', 'eth0'],
  ['rtr-eth1', 'k8s-rtr', 'eth1'],
  ['rtr-eth2', 'k8s-rtr', 'eth2'],
  ['w0-eth0', 'k8s-w0', 'eth0'],
  ['w0-tunl0', 'k8s-w0', 'tunl0'],
  ['w0-vxlan.calico', 'k8s-w0', 'vxlan.calico'],
  ['w0-cali-pod3', 'k8s-w0', 'cali49778cadcf1'],
  ['w1-eth0', 'k8s-w1', 'eth0'],
  ['w1-tunl0', 'k8s-w1', 'tunl0'],
  ['w1-vxlan.calico', 'k8s-w1', 'vxlan.calico'],
  ['w1-cali-pod1', 'k8s-w1', 'calice0906292e2'],
  ['w2-eth0', 'k8s-w2', 'eth0'],
  ['w2-cali-pod2', 'k8s-w2', 'calibd2348b4f67'],
];

/** A lab in which every capture point writes down what passes. */
class Observatory {
  readonly lab: Lab;
  seen: Record<string, string[]> = {};

  constructor(mode: Mode, podMtu?: number) {
    this.lab = new Lab(mode, podMtu);
    for (const [point, namespace, name] of POINTS) {
      const device = this.lab.namespace(namespace).device(name);
      device?.tap(frame => {
        const line = summary(this.lab.partition.frames.materialise(frame), device.kind !== 'ipip');
        this.seen[point] ??= [];
        this.seen[point].push(line);
      });
    }
  }

  /**
   * Past all timers of the neighbour table, with no path MTU remembered: as before every recorded probe. BGP kept the
   * switches' tables fresh there, a ping does here.
   */
  calmDown(): void {
    this.lab.ping('k8s-w2', '192.168.10.101');
    this.lab.run(20 * SECOND);
    for (const namespace of this.lab.namespaces.values()) namespace.pathMtu.flush();
    this.seen = {};
  }
}

/** `ping`'s words for an outcome. */
function said(lab: Lab, from: string, echo: Echo, { sent, reply, error }: Outcome): string[] {
  if (sent === 'EMSGSIZE') {
    const path = lab.namespace(from).path({
      protocol: 1,
      source: 0,
      destination: echo.destination,
      ttl: 64,
      tos: 0,
      pmtu: 'do',
      device: undefined,
      sourcePort: 0,
      destinationPort: 0,
    });
    return [`local error: message too long, mtu=${typeof path === 'string' ? path : path.mtu}`];
  }
  if (sent === 'ENETUNREACH') return ['connect: Network is unreachable'];
  if (error !== undefined)
    return [
      `from ${Ipv4.format(error.from)} seq ${echo.sequence} ${complaint(error.type, error.code, error.mtu)}`,
    ];
  if (reply !== undefined)
    return [`${reply.length} bytes from ${Ipv4.format(reply.from)} seq ${reply.sequence} ttl ${reply.ttl}`];
  return [];
}

function complaint(type: number, code: number, mtu: number): string {
  if (type === Icmpv4.TIME_EXCEEDED) return 'Time to live exceeded';
  if (code === Icmpv4.FRAGMENTATION_NEEDED) return `Frag needed and DF set (mtu = ${mtu})`;
  return code === Icmpv4.NET_UNREACHABLE ? 'Destination Net Unreachable' : `Destination ${type}/${code}`;
}

function ping(lab: Lab, { namespace, command }: Probe): string[] {
  const option = (letter: string): string | undefined => new RegExp(` -${letter} (\\S+)`).exec(command)?.[1];
  const lines: string[] = [];
  for (let sequence = 1; sequence <= Number(option('c')); sequence++) {
    const echo: Echo = {
      destination: Ipv4.from(command.split(' ').at(-1)!),
      sequence,
      dataLength: Number(option('s') ?? 56),
      ttl: Number(option('t') ?? 64),
      tos: Number(option('Q') ?? 0),
      pmtu: (option('M') ?? 'want') as NonNullable<Echo['pmtu']>,
    };
    const outcome = lab.ping(namespace, command.split(' ').at(-1)!, echo);
    lines.push(...said(lab, namespace, echo, outcome));
    // Without a route the program gives up at once.
    if (outcome.sent === 'ENETUNREACH') break;
  }
  return lines;
}

function traceroute(lab: Lab, { namespace, command }: Probe): string[] {
  const lines: string[] = [];
  let sequence = 0;
  for (let ttl = 1; ttl <= 6; ttl++) {
    let answerer = '*';
    let arrived = false;
    for (let query = 0; query < 2; query++) {
      const echo = { sequence: ++sequence, dataLength: 32, ttl, pmtu: 'dont' } as const;
      const { reply, error } = lab.ping(namespace, command.split(' ').at(-1)!, echo);
      if (reply !== undefined) arrived = true;
      const from = reply?.from ?? error?.from;
      if (from !== undefined) answerer = Ipv4.format(from);
    }
    lines.push(`hop ${ttl} ${answerer}`);
    if (arrived) break;
  }
  return lines;
}

const t = suite('netstack/recordings');

for (const mode of ['ipip-always', 'ipip-crosssubnet', 'vxlan-always', 'direct-nopeer'] as const) {
  const probes = JSON.parse(gunzipSync(fixture(`netstack/${mode}.json.gz`)).toString()) as Record<
    string,
    Probe
  >;
  let warm: Observatory | undefined;
  let warm1500: Observatory | undefined;
  const warmed = (podMtu?: number): Observatory => {
    const observatory = new Observatory(mode, podMtu);
    for (const [from, to] of [
      ['pod1', '172.16.34.1'],
      ['pod1', '172.16.184.4'],
      ['k8s-m', '192.168.10.101'],
      ['k8s-m', '192.168.20.100'],
      ['k8s-w1', '192.168.10.102'],
      ['k8s-w2', '192.168.10.254'],
    ] as const)
      observatory.lab.ping(from, to);
    return observatory;
  };
  for (const [name, probe] of Object.entries(probes)) {
    t(`${mode} ${name}: ${probe.command}`, () => {
      const cold = name.includes('-cold');
      let observatory: Observatory;
      if (cold) observatory = new Observatory(mode);
      else {
        warm ??= warmed();
        if (name.startsWith('podmtu1500')) warm1500 ??= warmed(1500);
        observatory = name.startsWith('podmtu1500') ? warm1500! : warm;
        observatory.calmDown();
      }
      const { lab } = observatory;
      const lines = probe.command.startsWith('ping') ? ping(lab, probe) : traceroute(lab, probe);
      assert.equal(lines, probe.said);
      const later = / icmp .* seq [2-9]/;
      for (const [point] of POINTS) {
        const passed = (observatory.seen[point] ?? []).filter(line =>
          cold ? !later.test(line) : !line.includes(' arp '),
        );
        assert.equal(passed, probe.seen[point] ?? [], point);
      }
      assert.is(lab.imbalance(), 0);
    });
  }
}

t.run();
