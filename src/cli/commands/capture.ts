/**
 * `tunlab capture FILE [FILTER…]`: run a scenario for its packets. They go out in order, as they occur: as lines like
 * tcpdump's, each with its device in front, or with `-w` as one pcapng of all devices, to a file or to a pipe. What a
 * reader at the other end of the pipe has not taken yet is held in memory: it never slows the lab down.
 */
import type { Observed } from '../../controller/controller.ts';
import { Lab } from '../../lab.ts';
import { SimulationFault } from '../../parallel/fault.ts';
import { formatTime } from '../../runner/verdict.ts';
import type { Scenario } from '../../scenario/types.ts';
import { type PacketFilter, packetFilter } from '../../trace/packet-filter.ts';
import type { PacketRecord } from '../../trace/record.ts';
import { FilterError } from '../../wire/filter.ts';
import { CaptureFile } from '../capture-file.ts';
import { CaptureLines } from '../capture-lines.ts';
import { CapturePlaces } from '../capture-places.ts';
import { type CaptureCommandOptions, UsageError } from '../command-table.ts';
import { ExitCode } from '../dispatch.ts';
import type { Io } from '../io.ts';
import { openScenario } from '../open-scenario.ts';
import { OutputFile } from '../output-file.ts';
import { Progress } from '../progress.ts';

export async function capture(options: CaptureCommandOptions, io: Io): Promise<number> {
  return new Capturing(await openScenario(options.path, io), options, io).go();
}

/** What takes the packets. */
interface Sink {
  packet(observed: Observed<PacketRecord>): void;
  flush(): void;
  close(): void;
}

class Capturing {
  readonly #scenario: Scenario;
  readonly #options: CaptureCommandOptions;
  readonly #io: Io;
  readonly #places: CapturePlaces;
  readonly #passes: PacketFilter;
  readonly #progress: Progress;
  /** Aborted when there are packets enough, or by Ctrl-C. */
  readonly #enough = new AbortController();
  #packets = 0;
  #dead = 0;

  constructor(scenario: Scenario, options: CaptureCommandOptions, io: Io) {
    this.#scenario = scenario;
    this.#options = options;
    this.#io = io;
    this.#places = new CapturePlaces(options.interfaces, scenario);
    this.#passes = filterOf(options.filter, scenario);
    this.#progress = new Progress(io.stderr);
  }

  async go(): Promise<number> {
    const sink = this.#sink();
    try {
      const lab = await Lab.of(this.#scenario, this.#labOptions());
      const ticking = setInterval(() => this.#tick(lab), 100);
      try {
        lab.on('packet', observed => this.#take(observed, sink));
        lab.controller.on('heard', () => sink.flush());
        await this.#run(lab);
        if (!this.#enough.signal.aborted) await this.#places.check(lab);
        sink.close();
        await this.#io.stdout.drained();
        this.#progress.clear();
        this.#io.stderr.write(this.#summary(lab));
      } finally {
        clearInterval(ticking);
        this.#progress.clear();
        await lab.close();
      }
      return ExitCode.Held;
    } finally {
      sink.close();
    }
  }

  #labOptions(): Parameters<typeof Lab.of>[1] {
    const { workers, seed } = this.#options;
    const signal = AbortSignal.any([this.#io.signal, this.#enough.signal]);
    return { workers, signal, capture: this.#places.capture, ...(seed !== undefined && { seed }) };
  }

  #sink(): Sink {
    const { write, snapLength, ether, verbose } = this.#options;
    const { startMs } = this.#scenario;
    const { stdout } = this.#io;
    if (write === undefined) return new CaptureLines(stdout, { startMs, snapLength, ether, verbose });
    if (write !== '-')
      return new CaptureFile(new OutputFile(write, '-w', 'capture'), { startMs, snapLength });
    if (stdout.isTerminal)
      throw new UsageError('-w -: standard output is a terminal; pipe it into wireshark -k -i -', 'capture');
    const pipe = { write: (octets: Uint8Array) => stdout.writeOctets(octets), close: () => {} };
    return new CaptureFile(pipe, { startMs, snapLength });
  }

  /** The steps, and what is left of the time; also when enough was seen in the middle of a step. */
  async #run(lab: Lab): Promise<void> {
    const { steps, until } = this.#options;
    try {
      await lab.runFirst(steps);
      if (until !== undefined && until > lab.now) await lab.run({ until });
    } catch (error) {
      const ours = error instanceof SimulationFault && error.kind === 'aborted' && !this.#io.signal.aborted;
      if (!ours) throw error;
    }
    if (this.#io.signal.aborted)
      throw new SimulationFault('aborted', { worker: 0, virtualTime: lab.now }, 'ended from outside');
  }

  #take(observed: Observed<PacketRecord>, sink: Sink): void {
    const { count, until = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#enough.signal.aborted) return;
    if (observed.time > until) {
      this.#enough.abort();
      return;
    }
    if (!this.#passes(observed.record)) return;
    this.#places.saw(observed.machine, observed.record);
    sink.packet(observed);
    if (observed.record.dropped !== undefined) this.#dead++;
    if (++this.#packets === count) this.#enough.abort();
  }

  #summary(lab: Lab): string {
    const packets = `${this.#packets} packet${this.#packets === 1 ? '' : 's'} captured`;
    const { until = lab.now } = this.#options;
    const dead = this.#dead === 0 ? '' : `, ${this.#dead} of them died`;
    return `${packets}${dead}; modelled ${formatTime(Math.min(until, lab.now))}\n`;
  }

  #tick(lab: Lab): void {
    this.#progress.update(
      `${this.#scenario.name}: ${formatTime(lab.now)} of virtual time, ${this.#packets} packets`,
    );
  }
}

/** Names of machines are their addresses. Throws `UsageError`. */
function filterOf(expression: string, { fabric }: Scenario): PacketFilter {
  const named = new Map([...fabric.nodes, ...fabric.hosts].map(({ name, address }) => [name, address]));
  try {
    return packetFilter(expression, name => named.get(name));
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw new UsageError(`${error.message}: ${expression}`, 'capture');
  }
}
