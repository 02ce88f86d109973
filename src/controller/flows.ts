/** An outage as a flow of probes sees it: begun before something is changed, ended when the lab has settled. */
import type { FlowResult } from '../traffic/flow.ts';
import type { Controller } from './controller.ts';
import { GRID } from './convergence.ts';
import type { Party } from './probes.ts';
import type { Program } from './programs.ts';
import type { Trail, TrailDrop } from './trails.ts';

export interface Outage {
  /** Undefined when the sender was gone before it could tell. */
  readonly result: FlowResult | undefined;
  /** The first thing that was seen to be dropped. */
  readonly died: TrailDrop | undefined;
}

export class ProbeFlow {
  readonly #controller: Controller;
  readonly #program: Program;
  readonly #trail: Trail;
  readonly #tag: number;

  static async begin(controller: Controller, from: Party, to: Party): Promise<ProbeFlow> {
    const { tag, trail } = controller.trails.begin();
    const program = await controller.start(from.machine, from.namespace, {
      program: 'flow',
      destination: to.address,
      interval: GRID,
      tag,
    });
    return new ProbeFlow(controller, program, trail, tag);
  }

  private constructor(controller: Controller, program: Program, trail: Trail, tag: number) {
    this.#controller = controller;
    this.#program = program;
    this.#trail = trail;
    this.#tag = tag;
  }

  async end(): Promise<Outage> {
    await this.#controller.interrupt(this.#program);
    const [exit] = await this.#controller.finish([this.#program]);
    this.#controller.trails.forget(this.#tag);
    const died = this.#trail.drops.find(drop => drop.reason !== 'NOT_FOR_ME');
    return { result: exit!.result as FlowResult | undefined, died };
  }
}
