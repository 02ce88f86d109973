/**
 * Netfilter's hook points, in the order a packet meets them:
 *
 *   device ─> PREROUTING ─> routing ─┬─> FORWARD ─> POSTROUTING ─> device
 *             (raw, conntrack,       │                (conntrack SNAT)
 *              DNAT)                 └─> INPUT ─> socket
 *   socket ─> OUTPUT ─> routing ─> POSTROUTING ─> device
 *
 * Hooks are programmed, not built in: with none registered a packet passes five empty arrays. Felix's rules, conntrack
 * and masquerade are entries with Linux's priorities.
 */
import type { Frame } from '../sim/frame-store.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import type { NetDevice } from './netdevice.ts';

export const PREROUTING = 0;
export const INPUT = 1;
export const FORWARD = 2;
export const OUTPUT = 3;
export const POSTROUTING = 4;
export type HookPoint =
  | typeof PREROUTING
  | typeof INPUT
  | typeof FORWARD
  | typeof OUTPUT
  | typeof POSTROUTING;

/** Priorities of `linux/netfilter_ipv4.h`: lower runs first. */
export const PRIORITY_DEFRAG = -400;
export const PRIORITY_RAW = -300;
export const PRIORITY_CONNTRACK = -200;
export const PRIORITY_MANGLE = -150;
export const PRIORITY_DNAT = -100;
export const PRIORITY_FILTER = 0;
export const PRIORITY_SNAT = 100;
export const PRIORITY_CONFIRM = 2 ** 31 - 1;

/** The frame goes on. Anything else is the reason it dies for, or `STOLEN`. */
export const ACCEPT = '';
/** The hook keeps the frame (a defragmenter waiting for the rest). */
export const STOLEN = 'STOLEN';
export type Verdict = typeof ACCEPT | typeof STOLEN | DropReason;

export interface Hook {
  readonly name: string;
  readonly priority: number;
  /**
   * It does the same with every packet of a remembered connection that goes the same way, until it says otherwise
   * (`FlowTable.forget`): flow-offload.ts may leave it out.
   */
  readonly steady?: boolean;
  /** `frames.start[frame]` is at the IPv4 header. `input` is undefined at OUTPUT, `output` before routing. */
  run(frame: Frame, input: NetDevice | undefined, output: NetDevice | undefined): Verdict;
}

export class HookTable {
  readonly #points: Hook[][] = [[], [], [], [], []];
  /** Bit n: somebody hooked in at point n. Most namespaces have no hooks, and find out here. */
  #inUse = 0;
  /** All hooks are. */
  steady = true;
  readonly #changed: () => void;

  /** `changed` hears of every hook that comes or goes. */
  constructor(changed: () => void = () => {}) {
    this.#changed = changed;
  }

  get isEmpty(): boolean {
    return this.#inUse === 0;
  }

  add(point: HookPoint, hook: Hook): void {
    const hooks = this.#points[point]!;
    const at = hooks.findIndex(other => other.priority > hook.priority);
    hooks.splice(at < 0 ? hooks.length : at, 0, hook);
    this.#inUse |= 1 << point;
    this.#noteChange();
  }

  /** Remove every hook of that name. */
  remove(name: string): void {
    for (const [point, hooks] of this.#points.entries()) {
      for (let i = hooks.length - 1; i >= 0; i--) if (hooks[i]!.name === name) hooks.splice(i, 1);
      if (hooks.length === 0) this.#inUse &= ~(1 << point);
    }
    this.#noteChange();
  }

  #noteChange(): void {
    this.steady = this.#points.every(hooks => hooks.every(hook => hook.steady === true));
    this.#changed();
  }

  list(point: HookPoint): readonly Hook[] {
    return this.#points[point]!;
  }

  /** Run the hooks of `point` in order; the first verdict that is not ACCEPT ends it. */
  run(point: HookPoint, frame: Frame, input: NetDevice | undefined, output: NetDevice | undefined): Verdict {
    if ((this.#inUse & (1 << point)) === 0) return ACCEPT;
    const hooks = this.#points[point]!;
    for (let i = 0; i < hooks.length; i++) {
      const verdict = hooks[i]!.run(frame, input, output);
      if (verdict !== ACCEPT) return verdict;
    }
    return ACCEPT;
  }
}
