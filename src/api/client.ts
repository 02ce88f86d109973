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
import { encodeRequest, frameOf, messageOf, type ToServer } from './protocol.ts';
import type { WatchEvent } from './store.ts';

/** What a subscriber is told, in this order: `listed` and `stored` until it knows all there is, `synced`, then both of each write. */
export interface Watch {
  listed(objects: readonly Resource[]): void;
  /** An object was written: to be kept. */
  stored(event: WatchEvent): void;
  synced(): void;
  /** And to be acted on. */
  changed(event: WatchEvent): void;
}

export class ApiClient {
  readonly #process: LogicalProcess;
  readonly #jack: number;
  readonly #waiting = new Map<number, (result: OpResult) => void>();
  #nextId = 1;
  #watch: Watch | undefined;
  /** What comes between a subscription and the listing that answers it belongs to an earlier life. */
  #phase: 'subscribed' | 'listing' | 'live' = 'subscribed';
  constructor(process: LogicalProcess, jack: number) {
    this.#process = process;
    this.#jack = jack;
  }

  /** Requests that have not been answered. */
  get outstanding(): number {
    return this.#waiting.size;
  }

  /** Subscribe to the datastore. */
  watch(watch: Watch): void {
    this.#watch = watch;
    this.#phase = 'subscribed';
    this.#send({ kind: 'watch' });
  }

  /** Forget whoever waits for an answer or for news. Numbers of requests go on, so that a late answer finds nobody. */
  disconnect(): void {
    this.#waiting.clear();
    this.#watch = undefined;
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
    const message = messageOf(this.#process.frames, frame);
    switch (message.kind) {
      case 'response': {
        const answered = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        answered?.(message.result);
        return;
      }
      case 'listed':
        if (message.first) this.#phase = 'listing';
        if (this.#phase === 'listing') this.#watch?.listed(message.objects);
        return;
      case 'synced':
        if (this.#phase === 'listing') this.#watch?.synced();
        this.#phase = 'live';
        return;
      case 'event':
        if (this.#phase !== 'subscribed') this.#watch?.stored(message.event);
        if (this.#phase === 'live') this.#watch?.changed(message.event);
    }
  }

  #send(message: ToServer): void {
    const frame = frameOf(this.#process.frames, encodeRequest(message));
    const refused = this.#process.outputs[this.#jack]!.transmit(frame);
    if (refused !== undefined) throw new Error(`${this.#process.name}: management network: ${refused}`);
  }
}

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Error };
