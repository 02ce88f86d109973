/** The recorded experiments, done again in the product: the same states, probes and captures, in the same forms. */
import * as Ipv4 from '../../src/addr/ipv4.ts';
import type { Observed } from '../../src/controller/controller.ts';
import { Lab } from '../../src/lab.ts';
import type {
  DeviceView,
  FdbView,
  MachineCommand,
  NeighbourView,
  ProgramSpec,
  RouteView,
} from '../../src/node/command.ts';
import { addressText } from '../../src/report/address-text.ts';
import { fdbText } from '../../src/report/fdb-text.ts';
import { linkText } from '../../src/report/link-text.ts';
import { neighbourText } from '../../src/report/neighbour-text.ts';
import { MILLISECOND, SECOND } from '../../src/sim/time.ts';
import type { PacketRecord } from '../../src/trace/record.ts';
import type { ProbeResult } from '../../src/traffic/probe.ts';
import type { TransferResult } from '../../src/traffic/transfer.ts';
import { fromRoot } from '../kit.ts';
import { dissect } from './dissect.ts';
import {
  type Hooks,
  interfacesOf,
  type Mode,
  type PacketRow,
  probes,
  type RecordedProbe,
} from './recording.ts';

interface Place {
  readonly machine: string;
  readonly namespace: string;
}

const inPod = (pod: string, machine: string): Place => ({ machine, namespace: `default/${pod}` });
const onMachine = (machine: string): Place => ({ machine, namespace: '' });

/** The recordings' namespaces. */
const PLACES: Readonly<Record<string, Place>> = {
  'k8s-m': onMachine('k8s-m'),
  'k8s-w1': onMachine('k8s-w1'),
  'k8s-w2': onMachine('k8s-w2'),
  'k8s-w0': onMachine('k8s-w0'),
  'k8s-rtr': onMachine('k8s-rtr'),
  pod1: inPod('pod1', 'k8s-w1'),
  pod2: inPod('pod2', 'k8s-w2'),
  pod3: inPod('pod3', 'k8s-w0'),
};
const BIRD = ['k8s-m', 'k8s-w1', 'k8s-w2', 'k8s-w0'];
/** `w1-cali-pod1` is the name of a capture there, of this device here. */
const VETH: Readonly<Record<string, string>> = {
  pod1: 'calice0906292e2',
  pod2: 'calibd2348b4f67',
  pod3: 'cali49778cadcf1',
};
const BGP_PORT = '179';
/** Longer than the neighbour table waits before it asks a stale neighbour again. */
const CALM = 6 * SECOND;
/** What is captured while no probe runs. */
const BEFORE = 'before';
const BETWEEN = 'between';
const TRANSFER_PORT = 5000;
const TRANSFER_OCTETS = 200_000;

export interface Observation {
  /** By `moment/namespace.table`, as in the recording. */
  readonly states: Map<string, string>;
  readonly outputs: Map<string, string[]>;
  readonly packets: Map<string, Map<string, PacketRow[]>>;
  /** Segments to and from port 179 at k8s-w1's eth0, from the start on; with the payload in hex. */
  readonly bgp: PacketRow[];
}

/** One mode's experiment: `converge`, then `perform` until nothing is left, then `close`. */
export class Experiment {
  readonly seen: Observation = {
    states: new Map(),
    outputs: new Map(),
    packets: new Map(),
    bgp: [],
  };
  readonly #lab: Lab;
  readonly #mode: Mode;
  readonly #hooks: Hooks;
  readonly #probes: readonly RecordedProbe[];
  readonly #captures = new Map<number, string>();
  #probe = BEFORE;
  #next = 0;
  /** From the recording's clock to virtual time. */
  #offset = 0;

  /** `seed`: instead of the scenario's; nothing that is compared depends on it. */
  static async begin(mode: Mode, hooks: Hooks, seed?: number): Promise<Experiment> {
    const file = fromRoot(`test/golden/scenarios/${mode}${hooks === 'none' ? '' : '-nat'}.yaml`);
    const options = { workers: 0, ...(seed !== undefined && { seed }) } as const;
    return new Experiment(await Lab.load(file, options), mode, hooks);
  }

  private constructor(lab: Lab, mode: Mode, hooks: Hooks) {
    this.#lab = lab;
    this.#mode = mode;
    this.#hooks = hooks;
    this.#probes = probes(mode, hooks);
  }

  close(): Promise<void> {
    return this.#lab.close();
  }

  /** Boot, converge, read the tables, begin to capture. */
  async converge(): Promise<void> {
    const { controller } = this.#lab;
    controller.on('packet', observed => this.#captured(observed));
    const early = await controller.startCapture('k8s-w1', '', 'eth0', 65_535);
    this.#captures.set(early, 'w1-eth0');
    const convergence = await this.#lab.converge();
    if (!convergence.converged) throw new Error(`not converged: ${convergence.missing.join(', ')}`);
    if (this.#hooks === 'none') await this.#readStates('converged', true);
    await this.#startCaptures();
    for (const pod of ['pod1', 'pod2', 'pod3']) {
      const server = { program: 'transfer-server', port: TRANSFER_PORT, octets: TRANSFER_OCTETS } as const;
      await this.#start(pod, server);
    }
    this.#offset = this.#lab.now + 10 * SECOND - this.#probes[0]!.start * SECOND;
  }

  /** Run up to `count` more probes at the recording's pace. */
  async perform(count: number): Promise<void> {
    for (const probe of this.#probes.slice(this.#next, this.#next + count)) {
      if (this.#hooks === 'none') await this.#beforeProbe(probe, this.#probes[this.#next - 1]);
      const start = (probe.start * SECOND + this.#offset) / MILLISECOND;
      await this.#lab.run({ until: Math.ceil(start) * MILLISECOND });
      await this.#perform(probe);
      this.#next++;
      const isLast = this.#next === this.#probes.length;
      if (isLast && probe.name.startsWith('base.')) await this.#readStates('after-base', false);
    }
  }

  async #startCaptures(): Promise<void> {
    for (const name of interfacesOf(this.#mode)) {
      const { machine, namespace, device } = capturePoint(name);
      if (name === 'w1-eth0') continue;
      this.#captures.set(await this.#lab.controller.startCapture(machine, namespace, device, 65_535), name);
    }
  }

  #captured({ record }: Observed<PacketRecord>): void {
    const at = this.#captures.get(record.capture)!;
    const row = dissect(record.octets, record.link, record.length);
    if (row['tcp.srcport'] === BGP_PORT || row['tcp.dstport'] === BGP_PORT) {
      if (at === 'w1-eth0' && this.#probe === BEFORE) this.seen.bgp.push(bgpRow(row, record.octets));
      return;
    }
    if (this.#probe === BEFORE || this.#probe === BETWEEN) return;
    const byProbe = this.seen.packets.get(at) ?? new Map<string, PacketRow[]>();
    this.seen.packets.set(at, byProbe);
    const list = byProbe.get(this.#probe) ?? [];
    byProbe.set(this.#probe, list);
    list.push(row);
  }

  async #everywhere(what: 'neighbours' | 'route-cache'): Promise<void> {
    for (const place of Object.values(PLACES))
      await this.#ask(place, { do: 'flush', namespace: place.namespace, what });
  }

  #ask<T>(place: Place, command: MachineCommand): Promise<T> {
    return this.#lab.controller.ask<T>(place.machine, command);
  }

  #start(where: string, what: ProgramSpec, output?: (text: string) => void) {
    const { machine, namespace } = PLACES[where]!;
    return this.#lab.controller.start(machine, namespace, what, output === undefined ? {} : { output });
  }

  async #perform(probe: RecordedProbe): Promise<void> {
    if (probe.name === 'podmtu1500.01-df-1422-pod3') await this.#widenPods();
    await this.#everywhere('route-cache');
    if (/^base\.0[12]/.test(probe.name)) await this.#everywhere('neighbours');
    this.#probe = probe.name;
    const [program = '', ...args] = probe.command.split(' ');
    let printed = '';
    const take = (text: string): void => {
      printed += text;
    };
    const script = program === 'python3';
    const what = script ? scriptProgram(args) : ({ program, args } as ProgramSpec);
    const started = await this.#start(probe.namespace, what, take);
    const [exit] = await this.#lab.controller.finish([started]);
    this.#probe = BETWEEN;
    const output = script ? scriptOutput(args, exit!.result) : printed;
    const code = script ? scriptExit(args, exit!.result) : exit!.code;
    this.seen.outputs.set(probe.name, [...output.trimEnd().split('\n'), `rc=${code}`]);
  }

  /** `ip link set … mtu 1500` on both ends of the pods' veths. */
  async #widenPods(): Promise<void> {
    for (const [pod, cali] of Object.entries(VETH)) {
      const inside = PLACES[pod]!;
      for (const [namespace, device] of [
        [inside.namespace, 'eth0'],
        ['', cali],
      ] as const) {
        await this.#ask(inside, { do: 'device-mtu', namespace, device, mtu: 1500 });
      }
    }
  }

  /** What the recording did between two probes. */
  async #beforeProbe(probe: RecordedProbe, previous: RecordedProbe | undefined): Promise<void> {
    if (probe.name.startsWith('base.03')) {
      await this.#lab.run({ for: CALM });
      await this.#readStates('after-cold-ping', false);
    }
    // Two probes whose packets are not part of the recording left their traces in the neighbour tables.
    if (probe.name.startsWith('base.30-ttl-1')) {
      for (const silent of ['192.168.10.77', '192.168.20.77']) {
        const started = await this.#start('pod1', { program: 'ping', args: ['-c', '2', '-W', '4', silent] });
        await this.#lab.controller.finish([started]);
      }
    }
    if (previous?.name.startsWith('base.') === true && probe.name.startsWith('podmtu'))
      await this.#readStates('after-base', false);
  }

  async #readStates(moment: string, all: boolean): Promise<void> {
    const { states } = this.seen;
    for (const [name, place] of Object.entries(PLACES)) {
      const { namespace } = place;
      const ask = <T>(command: MachineCommand): Promise<T> => this.#ask(place, command);
      const routes = (table: 'main' | 'all'): Promise<RouteView[]> => ask({ do: 'routes', namespace, table });
      const lines = (views: readonly RouteView[]): string => views.map(view => `${view.text}\n`).join('');
      states.set(`${moment}/${name}.route`, lines(await routes('main')));
      const neighbours = await ask<NeighbourView[]>({ do: 'neighbours', namespace });
      states.set(`${moment}/${name}.neigh`, neighbourText(neighbours));
      if (!all) continue;
      states.set(`${moment}/${name}.route-table-all`, lines(await routes('all')));
      const devices = await ask<DeviceView[]>({ do: 'devices', namespace });
      states.set(`${moment}/${name}.link`, linkText(devices, { details: true, object: 'link' }));
      states.set(`${moment}/${name}.addr`, addressText(devices, { details: true, family: undefined }));
      states.set(`${moment}/${name}.fdb`, fdbText(await ask<FdbView[]>({ do: 'fdb', namespace })));
    }
    if (!all) return;
    for (const name of BIRD) {
      const say = (...words: string[]): Promise<string> =>
        this.#ask(PLACES[name]!, { do: 'birdcl', words: ['show', ...words] });
      states.set(`${moment}/${name}.bird-protocols`, await say('protocols'));
      states.set(`${moment}/${name}.bird-protocols-all`, await say('protocols', 'all'));
      states.set(`${moment}/${name}.bird-route`, await say('route'));
      states.set(`${moment}/${name}.bird-route-all`, await say('route', 'all'));
    }
  }
}

function capturePoint(name: string): { machine: string; namespace: string; device: string } {
  const [, short = '', rest = ''] = /^(\w+)-(.*)$/.exec(name) ?? [];
  const device = rest.startsWith('cali-') ? VETH[rest.slice('cali-'.length)]! : rest;
  return { machine: `k8s-${short}`, namespace: '', device };
}

/** `cli.py ADDRESS udp|rst|U|D`. */
function scriptProgram([, address = '', verb = '']: readonly string[]): ProgramSpec {
  const destination = Ipv4.from(address);
  const silent = { program: 'probe', destination, size: 5, df: false, tag: 0, timeout: 5 * SECOND } as const;
  if (verb === 'udp') return { ...silent, proto: 'udp', port: 9 };
  if (verb === 'rst') return { ...silent, proto: 'tcp', port: 81 };
  return {
    program: 'transfer',
    destination,
    port: TRANSFER_PORT,
    direction: verb === 'U' ? 'upload' : 'download',
    octets: TRANSFER_OCTETS,
    timeout: 30 * SECOND,
  };
}

/** The words that cli.py prints, without the traceback of an exception. */
function scriptOutput([, , verb = '']: readonly string[], result: unknown): string {
  if (verb === 'udp' || verb === 'rst') {
    const { answered } = result as ProbeResult;
    return answered ? 'ConnectionRefusedError [Errno 111] Connection refused' : 'TimeoutError timed out';
  }
  const { octets, mss, error } = result as TransferResult;
  if (error !== '') return `TimeoutError: ${error}`;
  return `${verb === 'U' ? 'sent' : 'received'} ${octets}\n0.00s mss ${mss}`;
}

const scriptExit = ([, , verb = '']: readonly string[], result: unknown): number =>
  verb === 'udp' || verb === 'rst' || (result as TransferResult).error === '' ? 0 : 1;

/** A row of bgp.csv. */
function bgpRow(row: PacketRow, octets: Uint8Array): PacketRow {
  const header = 14 + 20;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const data = header + (view.getUint8(header + 12) >> 4) * 4;
  const end = 14 + view.getUint16(16);
  return {
    ...row,
    source: row['ip.src']!,
    destination: row['ip.dst']!,
    payload: Buffer.from(octets.subarray(data, end)).toString('hex'),
  };
}
