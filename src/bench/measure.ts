/**
 * Measuring a cell: a lab of its own, in the cell's mode, and the programs that the part calls for. Everything between
 * the boot and the answer is virtual time, so the same cell and seed give the same numbers wherever it runs.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import { planLab } from '../cluster/plan.ts';
import { initialResources } from '../cluster/resources.ts';
import { Cluster } from '../controller/cluster.ts';
import { Controller, type Observed } from '../controller/controller.ts';
import { converge } from '../controller/convergence.ts';
import type { Party, ProbeOutcome } from '../controller/probes.ts';
import type { Program } from '../controller/programs.ts';
import type { Encapsulation } from '../cost/host-model.ts';
import type { MachineLoad, ProgramSpec } from '../node/command.ts';
import type { SimulationOptions } from '../parallel/simulation.ts';
import type { Endpoint, Scenario } from '../scenario/types.ts';
import { MICROSECOND, MILLISECOND, SECOND } from '../sim/time.ts';
import { dropReasons } from '../trace/drop-reason.ts';
import type { PacketRecord } from '../trace/record.ts';
import type { BulkSinkResult, BulkSourceResult } from '../traffic/bulk.ts';
import type { UdpSinkResult, UdpSourceResult } from '../traffic/datagrams.ts';
import type { TransactionResult } from '../traffic/transactions.ts';
import type { Cell, Durations, Measured, Part, ProcessorUse, TcpMeasured, UdpMeasured } from './cell.ts';
import { variantOf } from './variant.ts';
import { datagramsPerSecond } from './wire-limit.ts';

const PATIENCE = 60 * SECOND;
const UDP_WARM_UP = MILLISECOND;
/** For what is on its way to arrive, and queues to empty, between two measurements. */
const SETTLE = 20 * MILLISECOND;
export const UDP_PAYLOADS: readonly number[] = [64, 512, 1400];
/** The offer of a UDP sender, of what the wire carries without a tunnel: a little more than fits. */
const UDP_OFFER = 1.02;
const PORT = 5001;
/** All headers, outer and inner, with options. */
const SNAP_LENGTH = 160;
/** Steps that a bulk transfer is drawn in. */
const STEPS = 60;
/** Steps are a multiple of it. */
const STEP_UNIT = 100 * MICROSECOND;
/** FCS, preamble and gap. */
const WIRE_OVERHEAD = 24;

export interface Task {
  readonly scenario: Scenario;
  readonly cell: Cell;
  readonly parts: readonly Part[];
  readonly seed: number;
  readonly durations: Durations;
  /** Of the lab: 0 runs it in the calling thread. */
  readonly workers: SimulationOptions['workers'];
  /** Octets of data in the datagrams of the UDP part; 64, 512 and 1400 unless told. */
  readonly payloads?: readonly number[];
  /** Packets to keep of each part, as the sender's NIC sees them; none unless told. */
  readonly capture?: number;
  /** `sysctl -w` in both pods before anything is measured. */
  readonly sysctls?: Readonly<Record<string, string>>;
}

/** Build the cell's lab, measure, take it down. Throws when it does not converge, or a simulation breaks. */
export async function measure(task: Task, signal?: AbortSignal): Promise<Measured> {
  const { cell, seed, workers } = task;
  const scenario = variantOf(task.scenario, cell);
  const plan = planLab(scenario, initialResources(scenario), seed);
  const processes = plan.lab.processes.map(process =>
    process.kind === 'node'
      ? { ...process, spec: { ...(process.spec as object), hostModel: cell.hostModel } }
      : process,
  );
  const controller = await Controller.create(
    { ...plan, lab: { ...plan.lab, processes } },
    { workers, ...(signal !== undefined && { signal }) },
  );
  try {
    const { converged, missing } = await converge(controller, PATIENCE, signal);
    if (!converged) throw new Error(`${cell.mode}: the lab does not converge: ${missing.join('; ')}`);
    return await measureIn(new Cluster(controller, scenario), task);
  } finally {
    await controller.close();
  }
}

/** Measure in a lab that runs already, whatever was done to it. */
export const measureIn = (cluster: Cluster, task: Task): Promise<Measured> => new Bench(task, cluster).run();

class Bench {
  readonly #task: Task;
  readonly #cluster: Cluster;
  readonly #controller: Controller;
  #port = PORT;
  readonly #packets: Observed<PacketRecord>[] = [];
  /** Round trip of the probe, ns. */
  #idle = 0;

  constructor(task: Task, cluster: Cluster) {
    this.#task = task;
    this.#cluster = cluster;
    this.#controller = cluster.controller;
  }

  async run(): Promise<Measured> {
    const { cell, parts } = this.#task;
    const from = await this.#cluster.party(podCalled(cell.from));
    const to = await this.#cluster.party(podCalled(cell.to));
    await this.#setSysctls([from, to]);
    const devices = await this.#cluster.devices(from);
    const podMtu = devices.find(device => device.name === 'eth0')?.mtu ?? 0;
    const probe = (await this.#cluster.probe([[from, to]]))[0]!;
    if (!probe.result.answered) return { dead: this.#whyDead(probe), podMtu, encapsulation: null };
    this.#idle = (await this.#cluster.probe([[from, to]]))[0]!.result.rtt;
    const measured: { -readonly [K in keyof Measured]: Measured[K] } = {
      dead: null,
      podMtu,
      encapsulation: encapsulationSeen(probe),
    };
    for (const part of parts) {
      const stop = await this.#capture(from);
      if (part === 'tcp') measured.tcp = await this.#tcp(from, to);
      else if (part === 'udp') measured.udp = await this.#udp(from, to);
      else {
        measured.rr = await this.#transactions(from, to, false);
        measured.crr = await this.#transactions(from, to, true);
      }
      await this.#controller.run(this.#controller.now + SETTLE);
      await stop();
    }
    if (this.#task.capture !== undefined) measured.packets = this.#packets;
    return measured;
  }

  /** The first packets of what comes next; returns what ends it. */
  async #capture({ machine }: Party): Promise<() => Promise<void>> {
    const { capture: most } = this.#task;
    if (most === undefined) return async () => {};
    const controller = this.#controller;
    const nic = this.#cluster.scenario.fabric.nodes.find(({ name }) => name === machine)!.interface;
    let left = most;
    const heard = (observed: Observed<PacketRecord>): void => {
      if (left-- > 0) this.#packets.push(observed);
    };
    controller.on('packet', heard);
    const capture = await controller.startCapture(machine, '', nic, SNAP_LENGTH);
    return async () => {
      controller.off('packet', heard);
      await controller.stopCapture(machine, capture);
    };
  }

  async #setSysctls(parties: readonly Party[]): Promise<void> {
    for (const { machine, namespace } of parties) {
      for (const [name, value] of Object.entries(this.#task.sysctls ?? {}))
        await this.#controller.ask(machine, { do: 'sysctl', namespace, name, value });
    }
  }

  async #tcp(from: Party, to: Party): Promise<TcpMeasured> {
    const { cell, durations } = this.#task;
    const controller = this.#controller;
    const port = this.#port++;
    const begin = controller.now + durations.warmUp;
    const until = begin + durations.tcp;
    const step = Math.max(Math.ceil((until - controller.now) / STEPS / STEP_UNIT) * STEP_UNIT, STEP_UNIT);
    const interval = { from: begin, until };
    const sink = await this.#start(to, { program: 'bulk-sink', port, ...interval });
    const source = await this.#start(from, {
      program: 'bulk-source',
      destination: to.address,
      port,
      streams: cell.streams,
      step,
      ...interval,
    });
    await controller.run(begin);
    const before = await this.#look(from, to);
    await controller.run(until);
    const after = await this.#look(from, to);
    await controller.finish([sink, source]);
    const { octets, goodputBps } = sink.exit!.result as BulkSinkResult;
    const total = octets.reduce((sum, one) => sum + one, 0);
    return {
      goodputBps,
      ...ofStreams(source.exit!.result as BulkSourceResult),
      ...difference(before, after, durations.tcp, total),
      steps: stepsOf(source.exit!.result as BulkSourceResult, step, this.#idle),
    };
  }

  async #udp(from: Party, to: Party): Promise<UdpMeasured[]> {
    const results: UdpMeasured[] = [];
    for (const payload of this.#task.payloads ?? UDP_PAYLOADS)
      results.push(await this.#datagrams(from, to, payload));
    return results;
  }

  async #datagrams(from: Party, to: Party, size: number): Promise<UdpMeasured> {
    const { cell, durations } = this.#task;
    const controller = this.#controller;
    const port = this.#port++;
    const begin = controller.now + UDP_WARM_UP;
    const until = begin + durations.udp;
    const gap = SECOND / (UDP_OFFER * datagramsPerSecond(cell.rate, size, 'none'));
    const sink = await this.#start(to, { program: 'udp-sink', port, from: begin, until });
    const source = await this.#start(from, {
      program: 'udp-source',
      destination: to.address,
      port,
      size,
      gap,
      from: begin,
      until,
    });
    await controller.finish([sink, source]);
    await controller.run(controller.now + SETTLE);
    const { datagrams, datagramsPerSecond: rate } = sink.exit!.result as UdpSinkResult;
    const { sent } = source.exit!.result as UdpSourceResult;
    const wire = datagramsPerSecond(cell.rate, size, (await this.#encapsulation(from, to)) ?? 'none');
    return {
      payload: size,
      datagramsPerSecond: rate,
      goodputBps: rate * size * 8,
      lost: sent === 0 ? 0 : Math.max(0, 1 - datagrams / sent),
      wireDatagramsPerSecond: wire,
    };
  }

  async #transactions(from: Party, to: Party, connects: boolean): Promise<TransactionResult> {
    const port = this.#port++;
    const octets = { requestOctets: 1, responseOctets: 1 };
    const server = await this.#start(to, { program: 'transaction-server', port, ...octets });
    const client = await this.#start(from, {
      program: 'transaction-client',
      destination: to.address,
      port,
      ...octets,
      transactions: this.#task.durations.transactions,
      connects,
    });
    await this.#controller.finish([client]);
    await this.#controller.interrupt(server);
    return client.exit!.result as TransactionResult;
  }

  #start({ machine, namespace }: Party, what: ProgramSpec): Promise<Program> {
    return this.#controller.start(machine, namespace, what);
  }

  async #encapsulation(from: Party, to: Party): Promise<Encapsulation | null> {
    return encapsulationSeen((await this.#cluster.probe([[from, to]]))[0]!);
  }

  async #look(from: Party, to: Party): Promise<Look> {
    const [sender, receiver] = await this.#controller.askAll<MachineLoad>([from.machine, to.machine], {
      do: 'load',
    });
    const { dropped } = await this.#cluster.counters();
    return { sender: sender!, receiver: receiver!, dropped };
  }

  /** `192.168.10.1 has no route`. */
  #whyDead({ died, from }: ProbeOutcome): string {
    if (died === undefined) return 'no answer, and nothing was seen to die';
    const { machine, reason } = died;
    const { nodes, routers } = this.#cluster.scenario.fabric;
    const router = routers.find(({ name }) => name === machine);
    const subnet = nodes.find(({ name }) => name === from.machine)?.subnet;
    const facing = router?.interfaces.find(at => at.subnet === subnet) ?? router?.interfaces[0];
    const who = facing === undefined ? machine : Ipv4.format(facing.address);
    return reason === 'NO_ROUTE' ? `${who} has no route` : `${who}: ${dropReasons[reason].sentence}`;
  }
}

interface Look {
  readonly sender: MachineLoad;
  readonly receiver: MachineLoad;
  readonly dropped: Readonly<Record<string, number>>;
}

function podCalled(name: string): Endpoint {
  const [first, second] = name.split('/');
  return second === undefined
    ? { kind: 'pod', namespace: 'default', name }
    : { kind: 'pod', namespace: first!, name: second };
}

function encapsulationSeen({ way }: ProbeOutcome): Encapsulation | null {
  if (way === undefined) return null;
  if (way === 'tunl0') return 'ipip';
  return way === 'vxlan.calico' ? 'vxlan' : 'none';
}

function ofStreams({ streams, error }: BulkSourceResult) {
  const first = streams[0]!;
  const sum = (of: (stream: (typeof streams)[number]) => number): number =>
    streams.reduce((total, stream) => total + of(stream), 0);
  return {
    retransmits: sum(stream => stream.retransmits),
    timeouts: sum(stream => stream.timeouts),
    rttNs: first.srtt,
    mss: first.mss,
    pathMtu: first.pathMtu,
    cwnd: first.cwnd,
    sendWindow: first.sendWindow,
    inFlight: first.inFlight,
    error,
  };
}

/** What the machines did between two looks, `duration` ns apart, in which `octets` of payload were delivered. */
function difference(before: Look, after: Look, duration: number, octets: number) {
  const frames = after.sender.sentFrames - before.sender.sentFrames;
  const sent = after.sender.sentOctets - before.sender.sentOctets + frames * WIRE_OVERHEAD;
  const drops: Record<string, number> = {};
  for (const [reason, count] of Object.entries(after.dropped)) {
    const more = count - (before.dropped[reason] ?? 0);
    if (more > 0) drops[reason] = more;
  }
  const sender = use(before.sender, after.sender, duration);
  const receiver = use(before.receiver, after.receiver, duration);
  return {
    fragments: after.sender.fragments - before.sender.fragments,
    drops,
    wirePerPayload: octets === 0 ? 0 : sent / octets,
    cpu: sender === null || receiver === null ? null : { sender, receiver },
  };
}

function use(before: MachineLoad, after: MachineLoad, duration: number): ProcessorUse | null {
  if (before.processor === null || after.processor === null) return null;
  const earlier = before.processor.cores;
  const busiest = Math.max(...after.processor.cores.map((ns, i) => ns - earlier[i]!));
  return { total: (after.processor.total - before.processor.total) / duration, busiest: busiest / duration };
}

/** `idle`: the round trip of an empty network, ns. What is in flight beyond rate times that waits somewhere. */
const stepsOf = ({ steps }: BulkSourceResult, length: number, idle: number): TcpMeasured['steps'] =>
  steps.map(({ at, octets, cwnd, inFlight }) => ({
    at,
    acknowledgedBps: (octets * 8 * SECOND) / length,
    cwnd,
    inFlight,
    queue: Math.max(0, inFlight - (octets * idle) / length),
  }));
