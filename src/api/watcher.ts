/** Events on their way to one node: in order, each after a delay drawn for it. */
import type { LogicalProcess } from '../sim/logical-process.ts';
import type { Random } from '../sim/random.ts';
import type { Timer, VirtualTime } from '../sim/time.ts';

/** Events that there is room for at first; a power of two. */
const ROOM = 16;

export class Watcher {
  readonly node: string;
  /** A circle of `#length` encoded events from `#first` on, and when each is due: nothing is allocated for one. */
  #events: (Uint8Array | undefined)[] = new Array<undefined>(ROOM).fill(undefined);
  #due: VirtualTime[] = new Array<VirtualTime>(ROOM).fill(0);
  #first = 0;
  #length = 0;
  readonly #server: LogicalProcess;
  readonly #random: Random;
  readonly #delay: readonly [VirtualTime, VirtualTime];
  readonly #send: (octets: Uint8Array) => void;
  readonly #timer: Timer;
  #last: VirtualTime = 0;

  /** `delay`: the least and the most. */
  constructor(
    server: LogicalProcess,
    node: string,
    delay: readonly [VirtualTime, VirtualTime],
    send: (octets: Uint8Array) => void,
  ) {
    this.#server = server;
    this.node = node;
    this.#random = server.random(`watch/${node}`);
    this.#delay = delay;
    this.#send = send;
    this.#timer = server.timer(() => this.#expire());
  }

  /** The node has subscribed anew. */
  stop(): void {
    this.#timer.cancel();
    this.#events.fill(undefined);
    this.#length = 0;
  }

  /** True while events are on their way. */
  get behind(): boolean {
    return this.#length > 0;
  }

  enqueue(octets: Uint8Array): void {
    const [least, most] = this.#delay;
    const due = Math.max(this.#last, this.#server.now + least + this.#random.below(most - least + 1));
    this.#last = due;
    if (this.#length === this.#events.length) this.#grow();
    const at = (this.#first + this.#length) & (this.#events.length - 1);
    this.#events[at] = octets;
    this.#due[at] = due;
    if (++this.#length === 1) this.#timer.arm(due);
  }

  #expire(): void {
    const { now } = this.#server;
    const events = this.#events;
    const due = this.#due;
    let first = this.#first;
    while (this.#length > 0 && due[first]! <= now) {
      const octets = events[first]!;
      events[first] = undefined;
      first = (first + 1) & (events.length - 1);
      this.#length--;
      this.#send(octets);
    }
    this.#first = first;
    if (this.#length > 0) this.#timer.arm(due[first]!);
  }

  #grow(): void {
    const first = this.#first;
    const more = new Array<undefined>(this.#events.length).fill(undefined);
    this.#events = [...this.#events.slice(first), ...this.#events.slice(0, first), ...more];
    this.#due = [...this.#due.slice(first), ...this.#due.slice(0, first), ...more.map(() => 0)];
    this.#first = 0;
  }
}
