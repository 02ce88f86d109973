/**
 * The outside of a running lab: it grants virtual time, carries out the journal, and hears what the processes report.
 *
 *   command ──> journal entry (now, sequence, machine, command) ──> the process, at exactly that time
 *   run     ──> every process up to `until`, or to the next 10 ms after one asked for attention
 *   reports ──> programs (output, exit), trails of probes, captures, observers
 *
 * All methods of one controller are called one after the other; nothing here runs beside a grant.
 */
import { EventEmitter } from 'eventemitter3';
import type { ApiCommand, ApiReply, ApiStatus } from '../api/command.ts';
import type { NicAttachment, Plan } from '../cluster/plan.ts';
import type { PortChange } from '../fabric/cloud.ts';
import type { SwitchCommand } from '../fabric/switch.ts';
import type { MachineCommand, ProgramSpec } from '../node/command.ts';
import { type Journal, Recorder, replay } from '../parallel/journal.ts';
import { createSimulation, type Simulation, type SimulationOptions } from '../parallel/simulation.ts';
import type { Report } from '../sim/partition.ts';
import { NEVER, type VirtualTime } from '../sim/time.ts';
import type { LabRecord, PacketRecord } from '../trace/record.ts';
import { type Exit, type Program, type ProgramListener, ProgramTable } from './programs.ts';
import { TrailTable } from './trails.ts';

/** The module that builds a lab's processes, in the worker that each lives on. */
export const BUILDER = new URL('../cluster/build.js', import.meta.url).href;

export interface Observed<R extends LabRecord = LabRecord> {
  readonly machine: string;
  readonly time: VirtualTime;
  readonly record: R;
}

interface Signals {
  record: (observed: Observed) => void;
  packet: (observed: Observed<PacketRecord>) => void;
  /** All that the processes had to report up to now has been heard. */
  heard: () => void;
}

export interface ControllerOptions extends SimulationOptions {
  /** File URL of the module that builds the processes; the lab's own unless told. */
  readonly builder?: string;
  /** Keep a journal of everything that is asked and told. */
  readonly record?: boolean;
}

export class Controller extends EventEmitter<Signals> {
  readonly plan: Plan;
  readonly trails = new TrailTable();
  /** Does anybody want to hear of every frame that dies? Asked before time passes or a command is given. */
  dropsWanted: () => boolean = () => false;
  /** And of every route that a machine's kernel gets or loses? A lab of n nodes has n² of them. */
  routesWanted: () => boolean = () => false;
  readonly #simulation: Simulation;
  readonly #recorder: Recorder | undefined;
  readonly #programs = new ProgramTable();
  readonly #off = new Set<string>();
  #nextCapture = 1;
  #hearsDrops = false;
  #hearsRoutes = false;

  static async create(plan: Plan, options: ControllerOptions): Promise<Controller> {
    const { builder = BUILDER, record = false, ...rest } = options;
    const simulation = await createSimulation({ ...plan.lab, builder }, rest);
    return new Controller(plan, simulation, record);
  }

  private constructor(plan: Plan, simulation: Simulation, record: boolean) {
    super();
    this.plan = plan;
    this.#recorder = record ? new Recorder(simulation) : undefined;
    this.#simulation = this.#recorder ?? simulation;
    simulation.onReports = reports => {
      for (const report of reports) this.#hear(report);
      this.emit('heard');
    };
  }

  get now(): VirtualTime {
    return this.#simulation.now;
  }

  /** Everything that came from outside up to now; `undefined` unless it was to be recorded. */
  get journal(): Journal | undefined {
    return this.#recorder?.journal;
  }

  /** Do again what `journal` says, up to and with `until`: a lab fresh from the same plan becomes what it was then. */
  async replay(journal: Journal, until: VirtualTime): Promise<void> {
    await replay(journal, this.#simulation, until);
    for (const { at, process, command } of journal.entries)
      if (at <= until) this.#remember(this.plan.lab.processes[process]!.name, command as MachineCommand);
  }

  /** What this side has to know of a command that it did not give itself. */
  #remember(machine: string, command: MachineCommand): void {
    switch (command.do) {
      case 'start':
        this.#programs.taken(command.program);
        if ('tag' in command.what) this.trails.taken(command.what.tag);
        break;
      case 'capture':
        this.#nextCapture = Math.max(this.#nextCapture, command.capture + 1);
        break;
      case 'power':
        if (command.on) this.#off.delete(machine);
        else this.#off.add(machine);
        break;
      case 'drops':
        this.#hearsDrops = command.on;
        break;
      case 'report-routes':
        this.#hearsRoutes = command.on;
        break;
    }
  }

  get placement(): Simulation['placement'] {
    return this.#simulation.placement;
  }

  get machines(): readonly string[] {
    return this.plan.lab.processes.filter(p => p.kind === 'node' || p.kind === 'router').map(p => p.name);
  }

  /** Ask one machine. The answer's type is the command's business (`node/command.ts`). */
  async ask<T>(machine: string, command: MachineCommand): Promise<T> {
    await this.#heed();
    return (await this.#simulation.command(this.#process(machine), command)) as T;
  }

  /** Ask many machines at once; answers in order. */
  async askAll<T>(machines: readonly string[], command: MachineCommand): Promise<T[]> {
    await this.#heed();
    const list = machines.map(machine => ({ process: this.#process(machine), command }));
    return (await this.#simulation.commands(list)) as T[];
  }

  /** How far the API server's news have come. */
  async apiStatus(): Promise<ApiStatus> {
    return (await this.#simulation.command(this.#process('api'), { do: 'status' })) as ApiStatus;
  }

  async api(command: ApiCommand): Promise<ApiReply> {
    return (await this.#simulation.command(this.#process('api'), command)) as ApiReply;
  }

  /** Cut a machine's power, or give it back. */
  async setPower(machine: string, on: boolean): Promise<void> {
    await this.ask(machine, { do: 'power', on });
    if (on) this.#off.delete(machine);
    else this.#off.add(machine);
  }

  isOff(machine: string): boolean {
    return this.#off.has(machine);
  }

  /** Cut or mend both directions of a cable. */
  async setCarrier(nic: NicAttachment, up: boolean): Promise<void> {
    await this.#simulation.commands([
      { process: nic.process, command: { do: 'carrier', jack: nic.jack, up } satisfies MachineCommand },
      { process: nic.peer, command: { do: 'carrier', jack: nic.peerJack, up } satisfies MachineCommand },
    ]);
  }

  /** Change what the network checks at a NIC. */
  async changePort({ peer, peerJack }: NicAttachment, change: PortChange): Promise<void> {
    const command = { do: 'port', jack: peerJack, change } satisfies SwitchCommand;
    await this.#simulation.command(peer, command);
  }

  /** Run to exactly `until`. */
  async run(until: VirtualTime): Promise<void> {
    await this.#heed();
    await this.#simulation.runUntil(until);
  }

  async start(
    machine: string,
    namespace: string,
    what: ProgramSpec,
    listener: ProgramListener = {},
  ): Promise<Program> {
    const program = this.#programs.add(this.#process(machine), what, listener);
    await this.ask(machine, { do: 'start', program: program.id, namespace, what });
    return program;
  }

  /** Let virtual time pass until all `programs` have ended. */
  async finish(programs: readonly Program[], signal?: AbortSignal): Promise<Exit[]> {
    let interrupted = false;
    while (programs.some(p => p.exit === undefined)) {
      if (signal?.aborted && !interrupted) {
        interrupted = true;
        for (const p of programs) if (p.exit === undefined) await this.interrupt(p);
        continue;
      }
      await this.#heed();
      const before = this.now;
      const limit = before + 3600e9;
      const reached = await this.#simulation.runUntil(limit, { stopOnAttention: true });
      if (reached === limit) throw new Error(`a program did not end within an hour of virtual time`);
    }
    return programs.map(p => p.exit!);
  }

  async interrupt(program: Program): Promise<void> {
    await this.#simulation.command(program.process, {
      do: 'signal',
      program: program.id,
    } satisfies MachineCommand);
  }

  /** Begin to capture; packets arrive as `packet` signals with this number until `stopCapture`. */
  async startCapture(
    machine: string,
    namespace: string,
    device: string,
    snapLength: number,
  ): Promise<number> {
    const capture = this.#nextCapture++;
    await this.ask(machine, { do: 'capture', capture, namespace, device, snapLength });
    return capture;
  }

  async stopCapture(machine: string, capture: number): Promise<void> {
    await this.ask(machine, { do: 'capture-stop', capture });
  }

  /** Let virtual time pass while somebody outside waits for packets: to `until`, or the next point of attention. */
  async step(until: VirtualTime): Promise<void> {
    await this.#heed();
    await this.#simulation.runUntil(until === NEVER ? this.now + 3600e9 : until, { stopOnAttention: true });
  }

  fingerprint(): Promise<string> {
    return this.#simulation.fingerprint();
  }

  close(): Promise<void> {
    return this.#simulation.close();
  }

  /** Tell machines (and switches) when somebody begins or ceases to listen for dropped frames, or for routes. */
  async #heed(): Promise<void> {
    const drops = this.dropsWanted();
    const routes = this.routesWanted();
    const { processes } = this.plan.lab;
    const command = (commanded: readonly { id: number }[], what: MachineCommand) =>
      this.#simulation.commands(commanded.map(({ id }) => ({ process: id, command: what })));
    if (drops !== this.#hearsDrops) {
      this.#hearsDrops = drops;
      await command(
        processes.filter(({ kind }) => kind !== 'api'),
        { do: 'drops', on: drops },
      );
    }
    if (routes !== this.#hearsRoutes) {
      this.#hearsRoutes = routes;
      await command(
        processes.filter(({ name }) => this.machines.includes(name)),
        { do: 'report-routes', on: routes },
      );
    }
  }

  #process(name: string): number {
    const id = this.plan.process(name);
    if (id === undefined) throw new Error(`no such machine: ${name}`);
    return id;
  }

  #hear(report: Report): void {
    const machine = this.plan.lab.processes[report.process]!.name;
    const record = report.record as LabRecord;
    const { time } = report;
    switch (record.type) {
      case 'output':
        this.#programs.output(record);
        break;
      case 'exit':
        this.#programs.ended(record);
        break;
      case 'hop':
        this.trails.hop(machine, time, record);
        break;
      case 'drop':
        this.trails.drop(machine, time, record);
        break;
      case 'packet':
        this.emit('packet', { machine, time, record });
        break;
    }
    this.emit('record', { machine, time, record });
  }
}
