/** Joining two processes of one partition by a full-duplex link. Links between workers are `parallel`'s business. */
import { type LinkOptions, Transmitter } from '../sim/link.ts';
import type { LogicalProcess } from '../sim/logical-process.ts';

export interface JackOf {
  readonly process: LogicalProcess;
  readonly jack: number;
}

/** Plug a cable into both jacks. `order` tells cables between the same two processes apart. */
export function connect(a: JackOf, b: JackOf, options: LinkOptions, order = 0): void {
  plug(a, b, options, order);
  plug(b, a, options, order);
}

function plug(from: JackOf, to: JackOf, options: LinkOptions, order: number): void {
  const { process } = from;
  const input = to.process.addInput(process.id, order, to.jack);
  const random = process.random(`link/${from.jack}/loss`);
  process.outputs[from.jack] = new Transmitter(options, process, input, random);
}
