/**
 * Who reaches whom, and by which way: one silent echo (or UDP datagram, or TCP SYN) with a tag, and the trail that its
 * frames were seen to leave.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { WaitingView } from '../node/command.ts';
import { MILLISECOND, SECOND, type VirtualTime } from '../sim/time.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import type { ProbeResult } from '../traffic/probe.ts';
import type { Controller } from './controller.ts';
import type { Program } from './programs.ts';
import type { Trail, TrailDrop } from './trails.ts';

/** A place that can send and be sent to. */
export interface Party {
  /** As the user calls it. */
  readonly name: string;
  readonly machine: string;
  readonly namespace: string;
  readonly address: Ipv4Address;
}

export type Way = 'local' | 'direct' | 'tunl0' | 'vxlan.calico';

export interface ProbeOptions {
  readonly proto?: 'icmp' | 'udp' | 'tcp';
  readonly port?: number;
  readonly size?: number;
  readonly df?: boolean;
  readonly timeout?: VirtualTime;
  /** How long to go on looking for what became of a probe without an answer: some packets die late (ARP, fragments). */
  readonly patience?: VirtualTime;
}

export interface ProbeOutcome {
  readonly from: Party;
  readonly to: Party;
  readonly result: ProbeResult;
  /** How the probe was seen to leave the sender's node; undefined when it did not. */
  readonly way: Way | undefined;
  /** Where the probe, its answer or the error about it died first, or waits in vain; undefined when nothing did. */
  readonly died: TrailDrop | undefined;
  readonly trail: Trail;
}

/** Probe all `pairs` at one instant; outcomes in order. */
export async function probe(
  controller: Controller,
  pairs: readonly (readonly [Party, Party])[],
  options: ProbeOptions = {},
): Promise<ProbeOutcome[]> {
  const begun: { program: Program; trail: Trail; tag: number }[] = [];
  for (const [from, to] of pairs) {
    const { tag, trail } = controller.trails.begin();
    const program = await controller.start(from.machine, from.namespace, {
      program: 'probe',
      destination: to.address,
      proto: options.proto ?? 'icmp',
      port: options.port ?? 0,
      size: options.size ?? 56,
      df: options.df ?? false,
      tag,
      timeout: options.timeout ?? SECOND,
    });
    begun.push({ program, trail, tag });
  }
  await controller.finish(begun.map(b => b.program));
  const isOpen = ({ program, trail }: (typeof begun)[number]): boolean => {
    const { answered, error } = program.exit!.result as ProbeResult;
    return !answered && error === undefined && trail.drops.length === 0;
  };
  const until = controller.now + (options.patience ?? 0);
  while (controller.now < until && begun.some(isOpen))
    await controller.run(Math.min(until, controller.now + LOOK_AGAIN));
  const outcomes: ProbeOutcome[] = [];
  for (const [i, { program, trail, tag }] of begun.entries()) {
    const [from, to] = pairs[i]!;
    const result = program.exit!.result as ProbeResult;
    const died = result.answered ? undefined : await deathOf(controller, from, { result, trail, tag });
    outcomes.push({ from, to, result, way: wayOut(from, trail), died, trail });
    controller.trails.forget(tag);
  }
  return outcomes;
}

const LOOK_AGAIN: VirtualTime = 100 * MILLISECOND;
/** Longer than the kernel waits for ARP or for fragments. */
export const PATIENCE: VirtualTime = 31 * SECOND;

/** What a socket says when the route of its own machine leads nowhere: then there is no packet that could die. */
const REFUSALS: Readonly<Record<string, DropReason>> = {
  ENETUNREACH: 'NO_ROUTE',
  EINVAL: 'BLACKHOLE_ROUTE',
  EHOSTUNREACH: 'UNREACHABLE_ROUTE',
  EACCES: 'PROHIBIT_ROUTE',
};

function refusalOf(
  { machine, namespace }: Party,
  { error }: ProbeResult,
  time: VirtualTime,
): TrailDrop | undefined {
  const reason = typeof error === 'string' ? REFUSALS[error] : undefined;
  return reason === undefined ? undefined : { tag: 0, machine, namespace, device: '', time, reason };
}

/**
 * What a switch floods dies at everybody whom it is not for: that says something only when nothing else does. Nor does
 * everything die before time is over: for a neighbour that does not answer a packet waits 3 s, and then dies of that.
 */
async function deathOf(
  controller: Controller,
  from: Party,
  { result, trail, tag }: { readonly result: ProbeResult; readonly trail: Trail; readonly tag: number },
): Promise<TrailDrop | undefined> {
  const told = trail.drops.find(drop => drop.reason !== 'NOT_FOR_ME');
  const waiting = async () => stillWaiting(controller, from, trail, tag);
  return told ?? (await waiting()) ?? trail.drops[0] ?? refusalOf(from, result, controller.now);
}

async function stillWaiting(
  controller: Controller,
  from: Party,
  trail: Trail,
  tag: number,
): Promise<TrailDrop | undefined> {
  const seen = [from.machine, ...trail.hops.map(hop => hop.machine)];
  const machines = [...new Set(seen)].filter(machine => controller.machines.includes(machine));
  const answers = await controller.askAll<WaitingView | null>(machines, { do: 'waiting', tag });
  for (const [i, waiting] of answers.entries()) {
    if (waiting === null) continue;
    const { namespace, device, carrier, nextHop } = waiting;
    const place = { machine: machines[i]!, namespace, device, time: controller.now };
    return { tag, ...place, reason: 'NEIGH_FAILED', waitsFor: { address: nextHop, carrier } };
  }
  return undefined;
}

/** The last device on which the sender's machine was seen to send it; between its own pods it never leaves. */
function wayOut(from: Party, trail: Trail): Way | undefined {
  const out = trail.hops.filter(
    hop => hop.machine === from.machine && hop.direction === 'transmit' && hop.namespace === '',
  );
  if (out.some(hop => hop.device === 'tunl0')) return 'tunl0';
  if (out.some(hop => hop.device === 'vxlan.calico')) return 'vxlan.calico';
  if (out.length === 0) return undefined;
  return out.every(hop => hop.device.startsWith('cali') || hop.device === 'lo') ? 'local' : 'direct';
}
