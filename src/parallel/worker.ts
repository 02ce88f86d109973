/**
 * A worker: the long task that piscina runs in each thread. It builds its share of the lab and then waits for orders:
 * windows to run, rings to drain, messages to answer. Synchronous from then on: a thread that waits, sleeps.
 */
import { type MessagePort, receiveMessageOnPort, threadId } from 'node:worker_threads';
import type { Frame } from '../sim/frame-store.ts';
import type { Sink } from '../sim/link.ts';
import type { LogicalProcess } from '../sim/logical-process.ts';
import type { Partition, Report } from '../sim/partition.ts';
import { NEVER, type VirtualTime } from '../sim/time.ts';
import { Assembly, loadBuild } from './assembly.ts';
import { Barrier, type BarrierShape, BLOCKED, BUSY, DRAIN, IDLE, MAIL, RUN, SPACE } from './barrier.ts';
import { carryOut, type Outcome, pack, unpack } from './envelope.ts';
import type { LabSpec } from './lab-spec.ts';
import { REPORT_LIMIT } from './reports.ts';
import { RingReader, RingWriter } from './ring.ts';
import type { Print } from './run-state.ts';

/** What a thread is started with; the lab comes as the first message on the port. */
export interface WorkerTask {
  readonly worker: number;
  readonly port: MessagePort;
  readonly shape: BarrierShape;
  readonly barrier: SharedArrayBuffer;
  /** By process, in the order of the lab: its worker. */
  readonly placement: readonly number[];
  readonly rings: readonly {
    readonly from: number;
    readonly to: number;
    readonly buffer: SharedArrayBuffer;
  }[];
  readonly reversed: boolean;
}

export type Request =
  | { readonly kind: 'lab'; readonly lab: LabSpec }
  | {
      readonly kind: 'commands';
      readonly at: VirtualTime;
      readonly list: readonly { readonly process: number; readonly command: unknown }[];
    }
  | { readonly kind: 'reports' }
  | { readonly kind: 'prints' }
  | { readonly kind: 'close' };

/** Every answer brings the reports along. */
export interface Reply {
  readonly reports: readonly Report[];
  readonly threadId?: number;
  readonly outcomes?: readonly Outcome[];
  readonly prints?: readonly Print[];
}

/** How the task ends when a process breaks; `undefined` when it was told to close. */
export interface Breakdown {
  readonly process: string | undefined;
  readonly virtualTime: VirtualTime;
  readonly message: string;
  readonly stack: string | undefined;
}

/** Thrown to leave whatever one is in when the run is over. */
class Ended extends Error {}

/** Piscina's entry: resolves when the run is over. */
export default async function work(task: WorkerTask): Promise<Breakdown | undefined> {
  const worker = new Worker(task);
  try {
    await worker.build();
    worker.serve();
    return undefined;
  } catch (error) {
    if (error instanceof Ended) return undefined;
    return worker.breakdown(error);
  } finally {
    task.port.close();
  }
}

/** Where frames for another worker go: one for each link that leaves this one. */
class Outlet implements Sink {
  readonly #writer: RingWriter;
  readonly #partition: Partition;
  readonly #link: number;
  readonly #sent: Float64Array;
  readonly #target: number;

  constructor(writer: RingWriter, partition: Partition, link: number, sent: Float64Array, target: number) {
    this.#writer = writer;
    this.#partition = partition;
    this.#link = link;
    this.#sent = sent;
    this.#target = target;
  }

  accept(frame: Frame): void {
    const { frames } = this.#partition;
    const time = frames.time[frame]!;
    this.#writer.write(frames, frame, this.#link);
    frames.free(frame);
    const sent = this.#sent;
    if (time < sent[this.#target]! && time >= sent[sent.length - 1]!) sent[this.#target] = time;
  }
}

class Worker {
  readonly #task: WorkerTask;
  readonly #barrier: Barrier;
  readonly #index: number;
  readonly #writers: RingWriter[] = [];
  readonly #readers: { readonly from: number; readonly reader: RingReader }[] = [];
  /**
   * By target, in the order of the barrier's shape: when the earliest frame arrives that was sent to it in this round
   * and that it will not handle in it. Behind them: where the round ends.
   */
  readonly #sent: Float64Array;
  /** When the last commands were carried out: several batches of one instant are one round, and boot is the first. */
  #commandsAt: VirtualTime = 0;
  #assembly: Assembly | undefined;
  /** The process that a command is for. */
  #commanded: LogicalProcess | undefined;

  constructor(task: WorkerTask) {
    this.#task = task;
    this.#index = task.worker;
    this.#barrier = new Barrier(task.shape, task.barrier);
    this.#sent = new Float64Array(task.shape.targets[task.worker]!.length + 1);
    this.#beginRound(0);
  }

  async build(): Promise<void> {
    const request = this.#receive();
    if (request?.kind !== 'lab') throw new Error('the lab must come first');
    const { lab } = request;
    const here = new Set<number>();
    const workerOf = new Map<number, number>();
    for (const [i, { id }] of lab.processes.entries()) {
      const worker = this.#task.placement[i]!;
      workerOf.set(id, worker);
      if (worker === this.#index) here.add(id);
    }
    const build = await loadBuild(lab, id => here.has(id));
    this.#barrier.activity(this.#index, BUSY);
    const outlets = new Map<number, RingWriter>();
    const targets = this.#task.shape.targets[this.#index]!;
    for (const { from, to, buffer } of this.#task.rings) {
      if (from !== this.#index) continue;
      const writer = new RingWriter(buffer, () => this.#full(to));
      this.#writers.push(writer);
      outlets.set(to, writer);
    }
    this.#assembly = new Assembly(lab, build, {
      reversed: this.#task.reversed,
      isHere: id => here.has(id),
      remote: (link, partition) => {
        const to = workerOf.get(lab.links[link]!.to.process)!;
        return new Outlet(outlets.get(to)!, partition, link, this.#sent, targets.indexOf(to));
      },
      progress: () => this.#barrier.beat(this.#index),
    });
    const { partition, inputs } = this.#assembly;
    for (const { from, to, buffer } of this.#task.rings) {
      if (to !== this.#index) continue;
      const reader = new RingReader(buffer, partition.frames, (frame, link) => inputs[link]!.accept(frame));
      this.#readers.push({ from, reader });
    }
    this.#assembly.boot();
    this.#finishRound();
    this.#reply({ threadId });
  }

  /** Carry out orders until told to close. Throws `Ended` when the run was ended, or what a process threw. */
  serve(): void {
    const barrier = this.#barrier;
    for (;;) {
      barrier.activity(this.#index, IDLE);
      const order = barrier.take(this.#index);
      barrier.activity(this.#index, BUSY);
      barrier.beat(this.#index);
      if (barrier.ended) throw new Ended();
      if ((order & DRAIN) !== 0) this.#drain();
      if ((order & MAIL) !== 0 && !this.#answer()) return;
      if ((order & RUN) !== 0) this.#runWindow();
    }
  }

  breakdown(error: unknown): Breakdown {
    const culprit = this.#commanded ?? this.#assembly?.booting ?? this.#assembly?.partition.running;
    return {
      process: culprit?.name,
      virtualTime: culprit?.now ?? 0,
      message: error instanceof Error ? error.message : String(error),
      stack: error instanceof Error ? error.stack : undefined,
    };
  }

  #runWindow(): void {
    const { partition } = this.#assembly!;
    const barrier = this.#barrier;
    const { windows } = barrier.clocks;
    this.#beginRound(barrier.horizon);
    if (windows === 1) {
      this.#drain();
      partition.runWindow(barrier.window, barrier.horizon);
    } else this.#runEpoch(barrier.window, windows);
    this.#finishRound();
    barrier.leave();
  }

  #beginRound(end: VirtualTime): void {
    this.#sent.fill(NEVER);
    this.#sent[this.#sent.length - 1] = end;
  }

  /** Run `windows` windows from `first` on, each as soon as the neighbours have done the one before. */
  #runEpoch(first: number, windows: number): void {
    const { partition } = this.#assembly!;
    const barrier = this.#barrier;
    const { clocks } = barrier;
    let worked = 0;
    for (let window = first; window < first + windows; window++) {
      if (barrier.ended) throw new Ended();
      if (!clocks.mayRun(this.#index)) this.#awaitNeighbours();
      this.#drain();
      if (partition.nextWindow() <= window) {
        partition.runWindow(window, barrier.horizon);
        worked++;
      }
      for (const writer of this.#writers) writer.publish();
      clocks.advance(this.#index);
      barrier.beat(this.#index);
    }
    clocks.worked(this.#index, worked);
    barrier.release(this.#index);
  }

  #awaitNeighbours(): void {
    const barrier = this.#barrier;
    barrier.release(this.#index);
    barrier.activity(this.#index, BLOCKED);
    do {
      const order = barrier.takeOrStep(this.#index);
      if (barrier.ended) throw new Ended();
      if ((order & DRAIN) !== 0) this.#drain();
    } while (!barrier.clocks.mayRun(this.#index));
    barrier.activity(this.#index, BUSY);
  }

  /** Let the others see what happened here. */
  #finishRound(): void {
    const { partition } = this.#assembly!;
    const barrier = this.#barrier;
    for (const writer of this.#writers) writer.publish();
    barrier.writeRow(this.#index, partition.nextWindow(), this.#sent);
    if (partition.wantsAttention) {
      partition.wantsAttention = false;
      barrier.raiseAttention();
    }
    const { reportCount } = partition;
    barrier.reports(this.#index, reportCount, reportCount >= REPORT_LIMIT);
  }

  #drain(): void {
    for (const { from, reader } of this.#readers) if (reader.drain()) this.#barrier.order(from, SPACE);
  }

  /** The ring to `target` is full: have it drained, and meanwhile drain one's own, for it may be waiting for us. */
  #full(target: number): void {
    const barrier = this.#barrier;
    if (barrier.ended) throw new Ended();
    barrier.order(target, DRAIN);
    barrier.activity(this.#index, BLOCKED);
    this.#drain();
    barrier.waitForSpace(this.#index);
    this.#drain();
    barrier.activity(this.#index, BUSY);
  }

  #receive(): Request | undefined {
    const received = receiveMessageOnPort(this.#task.port);
    return received === undefined ? undefined : (unpack(received.message as Uint8Array) as Request);
  }

  /** Answer all messages. Returns false when told to close. */
  #answer(): boolean {
    for (let request = this.#receive(); request !== undefined; request = this.#receive()) {
      if (request.kind === 'close') return false;
      if (request.kind === 'commands') {
        this.#drain();
        if (request.at !== this.#commandsAt) this.#beginRound(request.at);
        this.#commandsAt = request.at;
        const outcomes = request.list.map(({ process: id, command }) => {
          this.#commanded = this.#assembly!.processes.get(id)!;
          this.#barrier.beat(this.#index);
          return carryOut(this.#commanded, request.at, command);
        });
        this.#commanded = undefined;
        this.#finishRound();
        this.#reply({ outcomes });
      } else if (request.kind === 'prints') {
        this.#reply({ prints: this.#assembly!.prints() });
      } else this.#reply({});
    }
    return true;
  }

  #reply(answer: Omit<Reply, 'reports'>): void {
    const reports = this.#assembly!.partition.takeReports();
    this.#barrier.reports(this.#index, 0, false);
    const octets = pack({ ...answer, reports } satisfies Reply);
    this.#task.port.postMessage(octets, [octets.buffer]);
  }
}
