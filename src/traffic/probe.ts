import { IcmpSocket } from '../netstack/icmp-socket.ts';
import type { Namespace } from '../netstack/namespace.ts';
import type { ProbeResult, ProbeSpec } from '../node/command.ts';
import type { Timer } from '../sim/time.ts';
import type { Program } from './program.ts';

export class Probe implements Program {
  readonly #namespace: Namespace;
  readonly #spec: ProbeSpec;
  readonly #done: (result: ProbeResult) => void;
  readonly #timer: Timer;
  #socket: IcmpSocket | undefined;
  #sent = 0;
  constructor(namespace: Namespace, spec: ProbeSpec, done: (result: ProbeResult) => void) {
    this.#namespace = namespace;
    this.#spec = spec;
    this.#done = done;
    this.#timer = namespace.clock.timer(() =>
      this.#end({ answered: false, rtt: 0, ttl: 0, error: undefined }),
    );
  }
  start(): void {
    const { clock } = this.#namespace;
    this.#sent = clock.now;
    this.#socket = new IcmpSocket(this.#namespace, {
      reply: reply =>
        this.#end({ answered: true, rtt: clock.now - this.#sent, ttl: reply.ttl, error: undefined }),
      error: report =>
        this.#end({
          answered: false,
          rtt: 0,
          ttl: 0,
          error: { from: report.from, type: report.type, code: report.code },
        }),
    });
    this.#timer.arm(clock.now + this.#spec.timeout);
    const error = this.#socket.send({
      destination: this.#spec.destination,
      sequence: 1,
      dataLength: this.#spec.size,
      tag: this.#spec.tag,
      pmtu: this.#spec.df ? 'do' : 'want',
    });
    if (error !== '') this.#end({ answered: false, rtt: 0, ttl: 0, error });
  }
  stop(): void {
    this.#end({ answered: false, rtt: 0, ttl: 0, error: undefined });
  }
  #end(result: ProbeResult): void {
    if (this.#socket === undefined) return;
    this.#timer.cancel();
    this.#socket.close();
    this.#socket = undefined;
    this.#done(result);
  }
}
