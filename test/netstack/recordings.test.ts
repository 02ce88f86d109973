/** Every ping, traceroute and UDP probe of the recordings, packet by packet at every capture point. */
import { gunzipSync } from 'node:zlib';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { felixHooks, NO_RULES } from '../../src/netstack/felix-hooks.ts';
import { type Echo, IcmpSocket } from '../../src/netstack/icmp-socket.ts';
import type { IcmpErrorReport } from '../../src/netstack/transport.ts';
import { octets } from '../../src/netstack/udp-socket.ts';
import { SECOND } from '../../src/sim/time.ts';
import * as Icmpv4 from '../../src/wire/icmpv4.ts';
import { assert, fixture, suite } from '../kit.ts';
import { Lab, type Mode } from './lab.ts';
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

/** What a program said, in the order of events. */
class Talk {
  readonly lines: string[] = [];
  readonly lab: Lab;
  readonly probe: Probe;
  readonly destination: number;

  constructor(lab: Lab, probe: Probe) {
    this.lab = lab;
    this.probe = probe;
    this.destination = Ipv4.from(/ (\d+\.\d+\.\d+\.\d+)/.exec(probe.command)![1]!);
  }

  option(letter: string): string | undefined {
    return new RegExp(` -${letter} (\\S+)`).exec(this.probe.command)?.[1];
  }

  ping(): void {
    const { lab, probe, lines } = this;
    const socket = new IcmpSocket(lab.namespace(probe.namespace), {
      reply: ({ length, from, sequence, ttl }) =>
        lines.push(`${length} bytes from ${Ipv4.format(from)} seq ${sequence} ttl ${ttl}`),
      error: (report, sequence) =>
        lines.push(`from ${Ipv4.format(report.from)} seq ${sequence} ${complaint(report)}`),
    });
    const count = Number(this.option('c'));
    for (let sequence = 1; sequence <= count; sequence++) {
      const echo: Echo = {
        destination: this.destination,
        sequence,
        dataLength: Number(this.option('s') ?? 56),
        ttl: Number(this.option('t') ?? 64),
        tos: Number(this.option('Q') ?? 0),
        pmtu: (this.option('M') ?? 'want') as NonNullable<Echo['pmtu']>,
      };
      const sent = lab.at(probe.namespace, () => socket.send(echo));
      if (sent === 'EMSGSIZE') lines.push(`local error: message too long, mtu=${socket.mtu(echo)}`);
      if (sent === 'ENETUNREACH') {
        lines.push('connect: Network is unreachable');
        break; // the program gives up at once
      }
      lab.run(sequence < count ? SECOND : Number(this.option('W') ?? 1) * SECOND);
    }
    socket.close();
  }

  tracerouteIcmp(): void {
    let sequence = 0;
    this.#hops(ttl => {
      const echo = { sequence: ++sequence, dataLength: 32, ttl, pmtu: 'dont' } as const;
      const { reply, error } = this.lab.ping(this.probe.namespace, Ipv4.format(this.destination), echo);
      return { from: reply?.from ?? error?.from, arrived: reply !== undefined };
    });
  }

  tracerouteUdp(): void {
    let port = 33434;
    this.#hops(ttl => this.datagram(port++, 32, ttl, false));
  }

  #hops(query: (ttl: number) => { from: number | undefined; arrived: boolean }): void {
    for (let ttl = 1; ttl <= 6; ttl++) {
      const answers = [query(ttl), query(ttl)];
      const from = answers.find(answer => answer.from !== undefined)?.from;
      this.lines.push(`hop ${ttl} ${from === undefined ? '*' : Ipv4.format(from)}`);
      if (answers.some(answer => answer.arrived)) return;
    }
  }

  /** One UDP datagram to a closed port, and who complained about it. */
  datagram(
    port: number,
    length: number,
    ttl: number,
    connected: boolean,
  ): { from: number | undefined; arrived: boolean } {
    const { lab, probe, destination } = this;
    const socket = lab.udp(probe.namespace).socket();
    const answer = { from: undefined as number | undefined, arrived: false };
    socket.receivesErrors = true;
    socket.ttl = ttl;
    socket.pmtu = connected ? 'want' : 'dont';
    socket.onError = (_error, report) => {
      answer.from = report.from;
      answer.arrived = report.type === Icmpv4.DESTINATION_UNREACHABLE;
    };
    lab.at(probe.namespace, () => {
      if (connected) socket.connect(destination, port);
      socket.sendTo(destination, port, octets(new Uint8Array(length)));
    });
    lab.run(SECOND);
    socket.close();
    return answer;
  }

  run(): void {
    const { command } = this.probe;
    if (command.startsWith('ping')) this.ping();
    else if (command.includes('-I')) this.tracerouteIcmp();
    else if (command.startsWith('traceroute')) this.tracerouteUdp();
    else this.datagram(9, 5, 64, true);
  }
}

function complaint({ type, code, mtu }: IcmpErrorReport): string {
  if (type === Icmpv4.TIME_EXCEEDED) return 'Time to live exceeded';
  if (code === Icmpv4.FRAGMENTATION_NEEDED) return `Frag needed and DF set (mtu = ${mtu})`;
  return code === Icmpv4.NET_UNREACHABLE ? 'Destination Net Unreachable' : 'Destination Host Unreachable';
}

const t = suite('netstack/recordings');

/** What BGP sessions and the probes before did for the recorded lab: everybody knows everybody. */
function warm(observatory: Observatory): Observatory {
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
}

/** natOutgoing as recorded: on every node, one plain MASQUERADE rule. */
function masquerade(observatory: Observatory): Observatory {
  const pools = [Prefix.from('172.16.0.0/16')];
  for (const node of ['k8s-m', 'k8s-w1', 'k8s-w2', 'k8s-w0']) {
    const hooks = felixHooks(observatory.lab.namespace(node));
    hooks.program('masquerade', { ...NO_RULES, pools, masqueradePools: pools });
  }
  return observatory;
}

const later = / icmp .* seq [2-9]/;

for (const mode of ['ipip-always', 'ipip-crosssubnet', 'vxlan-always', 'direct-nopeer'] as const) {
  const recording = (name: string): Record<string, Probe> =>
    JSON.parse(gunzipSync(fixture(`netstack/${name}.json.gz`)).toString()) as Record<string, Probe>;
  const probes = { ...recording(mode), ...recording(`${mode}-nat`) };
  const labs = new Map<string, Observatory>();
  const make: Record<string, () => Observatory> = {
    base: () => warm(new Observatory(mode)),
    podmtu1500: () => warm(new Observatory(mode, 1500)),
    nat: () => masquerade(warm(new Observatory(mode))),
  };
  for (const [name, probe] of Object.entries(probes)) {
    t(`${mode} ${name}: ${probe.command}`, () => {
      const cold = name.includes('-cold');
      const kind = name.split('.')[0]!;
      const observatory = cold ? new Observatory(mode) : (labs.get(kind) ?? make[kind]!());
      if (!cold) {
        labs.set(kind, observatory);
        observatory.calmDown();
      }
      const talk = new Talk(observatory.lab, probe);
      talk.run();
      assert.equal(talk.lines, probe.said);
      for (const [point] of POINTS) {
        const passed = (observatory.seen[point] ?? []).filter(line =>
          cold ? !later.test(line) : !line.includes(' arp '),
        );
        assert.equal(passed, probe.seen[point] ?? [], point);
      }
      assert.is(observatory.lab.imbalance(), 0);
    });
  }
}

t.run();
