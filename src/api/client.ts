/**
 * A node's connection to the API server: requests, the watch, and the coroutines of its daemons.
 *
 * A daemon's work that has to wait for the server is a generator (`Steps`, see calico/datastore.ts); `run` resumes it
 * when the answer has come. Nothing here is asynchronous in JavaScript's sense: everything happens in virtual time.
 */
import type { Op, OpResult, Steps } from '../calico/datastore.ts';
import type { Resource } from '../calico/resources/kinds.ts';
import type { Frame } from '../sim/frame-store.ts';
import type { LogicalProcess } from '../sim/logical-process.ts';
import { frameOf, messageOf, type ToNode, type ToServer } from './protocol.ts';
import type { WatchEvent } from './store.ts';

export class ApiClient {
  readonly #process: LogicalProcess;
  readonly #jack: number;
  readonly #waiting = new Map<number, (result: OpResult) => void>();
  #nextId = 1;
  #synced: ((objects: readonly Resource[]) => void) | undefined;
  #changed: ((event: WatchEvent) => void) | undefined;
  /** False from the subscription to its first answer: what comes before belongs to an earlier life. */
  #isSynced = false;

  constructor(process: LogicalProcess, jack: number) {
    this.#process = process;
    this.#jack = jack;
  }

  /** Requests that have not been answered. */
  get outstanding(): number {
    return this.#waiting.size;
  }

  /** Subscribe: `synced` once with all there is, then `changed` for every write. */
  watch(synced: (objects: readonly Resource[]) => void, changed: (event: WatchEvent) => void): void {
    this.#synced = synced;
    this.#changed = changed;
    this.#isSynced = false;
    this.#send({ kind: 'watch' });
  }

  /** Forget whoever waits for an answer or for news. Numbers of requests go on, so that a late answer finds nobody. */
  disconnect(): void {
    this.#waiting.clear();
    this.#synced = undefined;
    this.#changed = undefined;
  }

  /** The kubelet's sign of life. */
  renewLease(): void {
    this.#send({ kind: 'alive' });
  }

  request(op: Op, answered: (result: OpResult) => void): void {
    const id = this.#nextId++;
    this.#waiting.set(id, answered);
    this.#send({ kind: 'request', id, op });
  }

  /**
   * Drive `steps` to its end; `done` gets its result, or the error that it ended with. The returned function ends it
   * early: a request that is on its way is still carried out, but nothing follows it.
   */
  run<T>(steps: Steps<T>, done: (outcome: Outcome<T>) => void): () => void {
    let cancelled = false;
    const advance = (next: () => IteratorResult<Op, T>): void => {
      if (cancelled) return;
      let step: IteratorResult<Op, T>;
      try {
        step = next();
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        done({ ok: false, error });
        return;
      }
      if (step.done) {
        done({ ok: true, value: step.value });
        return;
      }
      const op = step.value;
      const resume = (result: OpResult): void => advance(() => steps.next(result));
      if (op.verb === 'wait') {
        this.#process.timer(() => resume({ ok: true })).arm(this.#process.now + op.delayNs);
      } else {
        this.request(op, resume);
      }
    };
    advance(() => steps.next());
    return () => {
      cancelled = true;
    };
  }

  /** A frame came in on the management network. */
  receive(frame: Frame): void {
    const message = messageOf<ToNode>(this.#process.frames, frame);
    switch (message.kind) {
      case 'response': {
        const answered = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        answered?.(message.result);
        return;
      }
      case 'synced':
        this.#isSynced = true;
        this.#synced?.(message.objects);
        return;
      case 'event':
        if (this.#isSynced) this.#changed?.(message.event);
    }
  }

  #send(message: ToServer): void {
    const frame = frameOf(this.#process.frames, message);
    const refused = this.#process.outputs[this.#jack]!.transmit(frame, this.#process.now);
    if (refused !== undefined) throw new Error(`${this.#process.name}: management network: ${refused}`);
  }
}

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Error };
