/**
 * The public API: a lab that boots from a scenario file, lives in virtual time and answers questions. The command line
 * prints only what it gets from here.
 *
 *   const lab = await Lab.load('scenarios/kans.yaml');
 *   await lab.converge();
 *   const { result, way } = await lab.ping('pod1', 'pod3');
 *   await lab.close();
 */
import { EventEmitter } from 'eventemitter3';
import { parse as parseAddress } from './addr/ipv4.ts';
import { type Plan, planLab } from './cluster/plan.ts';
import { initialResources } from './cluster/resources.ts';
import { Cluster, type LabCounters } from './controller/cluster.ts';
import { Controller, type Observed } from './controller/controller.ts';
import { type Convergence, converge } from './controller/convergence.ts';
import type { Party, ProbeOptions, ProbeOutcome } from './controller/probes.ts';
import type { DeviceView, RouteView } from './node/command.ts';
import type { Journal } from './parallel/journal.ts';
import type { SimulationOptions } from './parallel/simulation.ts';
import { PacketPrinter } from './report/packet-line.ts';
import { SnapshotBook } from './runner/snapshot-book.ts';
import { runStep, type StepResult } from './runner/steps.ts';
import { loadScenario } from './scenario/load.ts';
import { parseDuration } from './scenario/quantity.ts';
import { validateResources } from './scenario/resource-validator.ts';
import type { Endpoint, Scenario, Step } from './scenario/types.ts';
import type { LabShell, ShellOptions, ShellResult } from './shell/shell.ts';
import { SECOND, type VirtualTime } from './sim/time.ts';
import type { DevicePattern, ObserveSpec } from './trace/observation.ts';
import type {
  DropRecord,
  LabRecord,
  PacketRecord,
  RouteRecord,
  SessionRecord,
  TraceClass,
} from './trace/record.ts';

export interface LabOptions {
  /** Worker threads: one per node (the default), as many as cores, a number, or 0 for none. Never changes a result. */
  readonly workers?: SimulationOptions['workers'];
  /** Instead of the scenario's own. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** Run the processes of a window in reverse order: changes nothing. */
  readonly reversed?: boolean;
  /**
   * Capture every packet at every device, or at those that are named for each machine or switch, from the first frame
   * on: `packet` signals, numbered `WHOLE_LAB`.
   */
  readonly capture?: boolean | ((machine: string) => readonly DevicePattern[]);
  /** Trace from the beginning: `record` signals of type `trace`. */
  readonly trace?: TraceRequest;
  /** `noChange` writes the snapshots beside the scenario anew instead of comparing. */
  readonly updateSnapshots?: boolean;
  /** Keep a journal: `lab.journal`. */
  readonly record?: boolean;
  /** File URL of a module that builds the processes, in place of our own. */
  readonly builder?: string;
}

export interface TraceRequest {
  readonly classes: readonly TraceClass[];
  /** One machine only. */
  readonly machine?: string | undefined;
}

interface LabSignals {
  route: (observed: Observed<RouteRecord>) => void;
  session: (observed: Observed<SessionRecord>) => void;
  drop: (observed: Observed<DropRecord>) => void;
  /** A packet of a capture. */
  packet: (observed: Observed<PacketRecord>) => void;
  step: (result: StepResult) => void;
  record: (observed: Observed) => void;
}

export class Lab extends EventEmitter<LabSignals> {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly cluster: Cluster;
  readonly controller: Controller;
  /** What `noChange` of its steps compares with. */
  readonly snapshots: SnapshotBook;
  readonly #signal: AbortSignal | undefined;
  #shell: LabShell | undefined;

  /** Read, check and boot a scenario. Throws `ScenarioError` (exit code 2) when the file cannot be used. */
  static async load(file: string, options: LabOptions = {}): Promise<Lab> {
    return Lab.of(loadScenario(file, { validate: validateResources }), options);
  }

  /** Boot a scenario that is already loaded. */
  static async of(scenario: Scenario, options: LabOptions = {}): Promise<Lab> {
    const seed = options.seed ?? scenario.seed;
    const plan = observedPlan(planLab(scenario, initialResources(scenario), seed), options);
    const controller = await Controller.create(plan, {
      workers: options.workers ?? 'per-node',
      ...(options.reversed !== undefined && { reversed: options.reversed }),
      ...(options.signal !== undefined && { signal: options.signal }),
      ...(options.builder !== undefined && { builder: options.builder }),
      record: options.record === true,
    });
    return new Lab(scenario, seed, controller, options);
  }

  /** The lab that `journal` (of a run of the same scenario, with the same seed) had become at `until`. */
  static async replayed(
    scenario: Scenario,
    journal: Journal,
    until: VirtualTime,
    options: LabOptions = {},
  ): Promise<Lab> {
    const lab = await Lab.of(scenario, options);
    await lab.controller.replay(journal, until);
    return lab;
  }

  private constructor(
    scenario: Scenario,
    seed: number,
    controller: Controller,
    { signal, updateSnapshots = false }: LabOptions,
  ) {
    super();
    this.scenario = scenario;
    this.seed = seed;
    this.controller = controller;
    this.cluster = new Cluster(controller, scenario);
    this.#signal = signal;
    this.snapshots = new SnapshotBook(scenario.file, updateSnapshots);
    controller.on('record', observed => this.#relay(observed));
    controller.on('packet', observed => this.emit('packet', observed));
    controller.dropsWanted = () => this.listenerCount('drop') > 0;
    controller.routesWanted = () => this.listenerCount('route') + this.listenerCount('record') > 0;
  }

  get now(): VirtualTime {
    return this.controller.now;
  }

  /** Everything that came from outside, if `record` was asked for: with the plan and its seed the whole run. */
  get journal(): Controller['journal'] {
    return this.controller.journal;
  }

  /** Which process runs on which worker thread. */
  get placement(): Controller['placement'] {
    return this.controller.placement;
  }

  /** Let virtual time pass: to `until` (`'10s'` after boot, or nanoseconds), or for `length`. */
  async run(time: { until: string | VirtualTime } | { for: string | VirtualTime }): Promise<void> {
    if ('until' in time) await this.controller.run(nanoseconds(time.until));
    else await this.controller.run(this.now + nanoseconds(time.for));
  }

  /** Let virtual time pass until no table changes any more; gives up after `within` (60 s). */
  converge(within: string | VirtualTime = 60 * SECOND): Promise<Convergence> {
    return converge(this.controller, this.now + nanoseconds(within), this.#signal);
  }

  /** Probe `to` from `from`: names of pods, nodes, routers, hosts, or addresses. */
  async ping(from: string, to: string, options?: ProbeOptions): Promise<ProbeOutcome> {
    const parties = [await this.party(from), await this.party(to)] as const;
    return (await this.cluster.probe([parties], options))[0]!;
  }

  /** Probe every ordered pair of `names` at one instant. */
  async matrix(names: readonly string[], options?: ProbeOptions): Promise<ProbeOutcome[]> {
    const parties: Party[] = [];
    for (const name of names) parties.push(await this.party(name));
    const pairs = parties.flatMap(from => parties.filter(to => to !== from).map(to => [from, to] as const));
    return this.cluster.probe(pairs, options);
  }

  /** Ping once while a capture runs; the first `packets` lines of `tcpdump -n`. */
  async watchPing(what: {
    readonly on: string;
    readonly device: string;
    readonly from: string;
    readonly to: string;
    readonly packets: number;
  }): Promise<string[]> {
    const { machine, namespace } = await this.party(what.on);
    const capture = await this.controller.startCapture(machine, namespace, what.device, 262_144);
    const printer = new PacketPrinter(this.scenario.startMs, { numeric: true });
    const lines: string[] = [];
    const heard = (observed: Observed<PacketRecord>): void => {
      if (observed.record.capture === capture && lines.length < what.packets)
        lines.push(printer.line(observed));
    };
    this.controller.on('packet', heard);
    await this.ping(what.from, what.to);
    this.controller.off('packet', heard);
    await this.controller.stopCapture(machine, capture);
    return lines;
  }

  /** Type a line into the shell of the first node (or of `machine`). */
  async exec(line: string): Promise<ShellResult> {
    return (await this.shell()).exec(line);
  }

  /** The shell behind `exec`. `options` are those of the first call, which makes it. */
  async shell(options: ShellOptions = {}): Promise<LabShell> {
    if (this.#shell === undefined) {
      const { LabShell } = await import('./shell/shell.ts');
      this.#shell = new LabShell(this.cluster, {
        ...(this.#signal !== undefined && { signal: this.#signal }),
        ...options,
      });
    }
    return this.#shell;
  }

  async routes(place: string): Promise<RouteView[]> {
    return this.cluster.routes(await this.party(place));
  }

  async devices(place: string): Promise<DeviceView[]> {
    return this.cluster.devices(await this.party(place));
  }

  /** Run one step of the scenario. */
  async step(step: Step, index: number): Promise<StepResult> {
    const exec = (line: string): Promise<ShellResult> => this.exec(line);
    const context = { cluster: this.cluster, exec, signal: this.#signal, snapshots: this.snapshots };
    const result = await runStep(context, step, index);
    this.emit('step', result);
    return result;
  }

  /** Run the first steps before somebody looks; without any the lab converges, so that there is something to see. */
  async runFirst(steps: number | 'all'): Promise<void> {
    const { steps: all } = this.scenario;
    const wanted = steps === 'all' ? all : all.slice(0, steps);
    if (wanted.length === 0) await this.converge();
    for (const [index, step] of wanted.entries()) await this.step(step, index);
  }

  /** Run all steps, in order, also after one has failed. */
  async steps(): Promise<StepResult[]> {
    const results: StepResult[] = [];
    for (const [index, step] of this.scenario.steps.entries()) {
      if (this.#signal?.aborted) break;
      results.push(await this.step(step, index));
    }
    return results;
  }

  counters(): Promise<LabCounters> {
    return this.cluster.counters();
  }

  /** 64 hex digits over everything every process has handled; equal for equal runs. */
  fingerprint(): Promise<string> {
    return this.controller.fingerprint();
  }

  async close(): Promise<void> {
    await this.#shell?.close();
    await this.controller.close();
  }

  /** A name as users write it: `pod1`, `kube-system/coredns`, `k8s-w1`, `8.8.8.8`. Throws `NoSuchParty`. */
  party(name: string): Promise<Party> {
    return this.cluster.party(this.#endpoint(name));
  }

  #endpoint(name: string): Endpoint {
    const { nodes, routers, hosts } = this.scenario.fabric;
    for (const [kind, list] of [
      ['node', nodes],
      ['router', routers],
      ['host', hosts],
    ] as const) {
      if (list.some(machine => machine.name === name)) return { kind, name };
    }
    const address = parseAddress(name);
    if (address !== undefined) return { kind: 'address', address };
    const [first, second] = name.split('/');
    return second === undefined
      ? { kind: 'pod', namespace: 'default', name }
      : { kind: 'pod', namespace: first!, name: second };
  }

  #relay(observed: Observed<LabRecord>): void {
    this.emit('record', observed);
    if (observed.record.type === 'route') this.emit('route', observed as Observed<RouteRecord>);
    if (observed.record.type === 'session') this.emit('session', observed as Observed<SessionRecord>);
    if (observed.record.type === 'drop') this.emit('drop', observed as Observed<DropRecord>);
  }
}

/** The plan with what is to be seen of each machine written into its specification. */
function observedPlan(plan: Plan, { capture = false, trace }: LabOptions): Plan {
  const processes = plan.lab.processes.map(process => {
    if (process.kind === 'api') return process;
    const traced = trace?.machine === undefined || trace.machine === process.name;
    const captured = typeof capture === 'boolean' ? capture : capture(process.name);
    const observe: ObserveSpec = { capture: captured, trace: traced ? (trace?.classes ?? []) : [] };
    return { ...process, spec: { ...(process.spec as object), observe } };
  });
  return { ...plan, lab: { ...plan.lab, processes } };
}

function nanoseconds(time: string | VirtualTime): VirtualTime {
  if (typeof time === 'number') return time;
  const parsed = parseDuration(time);
  if (parsed === undefined) throw new Error(`not a duration: ${time}`);
  return parsed;
}
