/**
 * A silent program that measures: it prints nothing, and its result is plain data that its exit carries. What it counts
 * lies between two virtual times, the same for both ends of a test, so that warm-up and wind-down are left out.
 */
import { TcpLayer } from '../netstack/tcp/tcp-layer.ts';
import type { VirtualTime } from '../sim/time.ts';
import { PROTOCOL_TCP } from '../wire/ipv4.ts';
import { Program } from './program.ts';

/** Count from `from` on, up to but not at `until`. */
export interface Interval {
  readonly from: VirtualTime;
  readonly until: VirtualTime;
}

export abstract class Measurement<Result> extends Program {
  /** What was measured; `undefined` while it runs. */
  declare result: Result | undefined;

  protected get now(): VirtualTime {
    return this.context.namespace.clock.now;
  }

  protected get tcp(): TcpLayer {
    const { namespace } = this.context;
    const layer = namespace.transports[PROTOCOL_TCP];
    if (!(layer instanceof TcpLayer)) throw new Error(`${namespace.name} has no TCP`);
    return layer;
  }

  /** Stopped early, it says what it has. */
  protected override interrupt(): void {
    this.finish(1);
  }

  /** End with what was measured. */
  protected finish(code: number): void {
    if (this.exitCode !== undefined) return;
    this.result = this.measured();
    this.exit(code);
  }

  protected abstract measured(): Result;
}
