/**
 * When is a lab converged? When every expected session is Established with End-of-RIB both ways (none is expected with a
 * machine that is off), every pod has its address or was refused one, and no FIB, RIB, IPAM or neighbour table has
 * changed for 2.5 s of virtual time: longer than BIRD's 2 s scan of the kernel's tables.
 */
import type { MachineStatus } from '../node/command.ts';
import { MILLISECOND, type VirtualTime } from '../sim/time.ts';
import type { Controller } from './controller.ts';

export const QUIET: VirtualTime = 2500 * MILLISECOND;
/** Outside looks are on a fixed grid, so that what is seen does not depend on who looks. */
export const GRID: VirtualTime = 10 * MILLISECOND;
/** From one look at an unfinished lab to the next: each asks every machine, so large labs are looked at less often. */
const UNFINISHED_STEP: VirtualTime = 100 * MILLISECOND;
const MACHINES_A_STEP = 250;

export interface Convergence {
  readonly converged: boolean;
  /** When the last table changed. */
  readonly at: VirtualTime;
  /** What was still missing when time ran out: `k8s-w1: Mesh_192_168_20_100 is Active`. */
  readonly missing: readonly string[];
}

/** Let virtual time pass until the lab has converged, or until `deadline`. */
export async function converge(
  controller: Controller,
  deadline: VirtualTime,
  signal?: AbortSignal,
): Promise<Convergence> {
  for (;;) {
    const state = await look(controller);
    const quietAt = state.at + QUIET;
    if (state.missing.length === 0 && quietAt <= controller.now) return { ...state, converged: true };
    if (controller.now >= deadline || signal?.aborted) return { ...state, converged: false };
    const step = UNFINISHED_STEP * Math.ceil(controller.machines.length / MACHINES_A_STEP);
    const next = state.missing.length > 0 ? controller.now + step : quietAt;
    const onGrid = Math.ceil(Math.max(next, controller.now + 1) / GRID) * GRID;
    await controller.run(Math.min(onGrid, deadline));
  }
}

async function look(controller: Controller): Promise<{ at: VirtualTime; missing: string[] }> {
  const { machines } = controller;
  const states = await controller.askAll<MachineStatus>(machines, { do: 'status' });
  const api = await controller.apiStatus();
  const missing = [
    ...states.flatMap((state, i) => state.missing.map(what => `${machines[i]}: ${what}`)),
    ...sessionsMissing(machines, states),
  ];
  return {
    at: Math.max(api.lastChange, ...states.map(state => state.lastChange)),
    missing: [...missing, ...api.missing],
  };
}

/** 127.0.0.0/8: everybody's. */
const isLoopback = (address: number): boolean => address >>> 24 === 127;

/**
 * Sessions that are not up, or up at one end alone: behind a cut cable the other end may have given up, and the word of
 * it has not come through. None is expected with a machine that is off, nor with one that came by a range of addresses.
 */
function* sessionsMissing(machines: readonly string[], states: readonly MachineStatus[]): Generator<string> {
  const owners = new Map<number, number>();
  for (const [i, { addresses }] of states.entries())
    for (const address of addresses) if (!isLoopback(address)) owners.set(address, i);
  const up = new Set<string>();
  for (const [i, { sessions }] of states.entries())
    for (const { peer, state } of sessions) if (state === 'Established') up.add(`${i} ${owners.get(peer)}`);
  for (const [i, { sessions }] of states.entries()) {
    for (const { name, peer, state, dynamic } of sessions) {
      const other = owners.get(peer);
      if (other !== undefined && !states[other]!.powered) continue;
      if (state !== 'Established') {
        if (!dynamic) yield `${machines[i]}: ${name} is ${state}`;
      } else if (other !== undefined && !up.has(`${other} ${i}`)) {
        yield `${machines[other]}: has no session with ${machines[i]}, which has one with it`;
      }
    }
  }
}
