/** Ours: the same pattern with two ends of the emulated TCP, in virtual time. Not a test file. */
import type { Connection, StreamEvents } from '../../src/netstack/tcp/tcp-layer.ts';
import type { NamespaceSysctl } from '../../src/netstack/transport.ts';
import * as Payload from '../../src/sim/payload.ts';
import { A, B, Lab, MS, type World } from '../netstack/tcp/harness.ts';
import type { Action, Pattern, SentSegment, Side } from './tcp-pattern.ts';

export interface EmulatedRun {
  readonly segments: readonly SentSegment[];
  readonly events: readonly (readonly [number, Side, string])[];
}

class Program implements StreamEvents {
  readonly #world: World;
  readonly #side: Side;
  readonly #actions: readonly Action[];
  readonly #events: [number, Side, string][];
  #received = 0;

  constructor(world: World, side: Side, pattern: Pattern, events: [number, Side, string][]) {
    this.#world = world;
    this.#side = side;
    this.#actions = pattern[side];
    this.#events = events;
  }

  established(stream: unknown): void {
    this.#happened(stream as Connection, 'established');
  }

  received(stream: unknown, bytes: Uint8Array): void {
    this.receivedVirtual(stream, bytes.length);
  }

  receivedVirtual(stream: unknown, length: number): void {
    const before = this.#received;
    this.#received += length;
    for (const { on } of this.#actions) {
      const [kind, number] = on.split(' ');
      if (kind === 'received' && before < Number(number) && Number(number) <= this.#received)
        this.#happened(stream as Connection, on);
    }
  }

  ended(stream: unknown): void {
    this.#happened(stream as Connection, 'end');
  }

  closed(stream: unknown, reason: string): void {
    this.#happened(stream as Connection, reason);
  }

  #happened(stream: Connection, event: string): void {
    const world = this.#world;
    this.#events.push([world.now / MS, this.#side, event]);
    for (const action of this.#actions) {
      if (action.on !== event) continue;
      world.at(world.now + (action.afterMs ?? 0) * MS, () => act(stream, action));
    }
  }
}

function act(stream: Connection, { do: what, octets = 0 }: Action): void {
  if (what === 'write') stream.writeVirtual(Payload.ZERO, octets);
  else if (what === 'nodelay') stream.setNoDelay();
  else stream[what]();
}

function sysctlOf(pattern: Pattern): Partial<NamespaceSysctl> {
  const { sysctl } = pattern;
  const triple = (text: string | number) => String(text).split(' ').map(Number) as [number, number, number];
  return {
    tcpCongestionControl: pattern.congestion,
    ...(sysctl['tcp_sack'] !== undefined && { tcpSack: sysctl['tcp_sack'] === 1 }),
    ...(sysctl['tcp_timestamps'] !== undefined && { tcpTimestamps: sysctl['tcp_timestamps'] === 1 }),
    ...(sysctl['tcp_rmem'] !== undefined && { tcpRmem: triple(sysctl['tcp_rmem']) }),
  };
}

export function runEmulated(pattern: Pattern): EmulatedRun {
  const lab = new Lab();
  lab.delay = pattern.delayMs * MS;
  lab.rate = pattern.rateMbit * 1e6;
  for (const ip of lab.ips) {
    ip.mtu = pattern.mtu;
    Object.assign(ip.sysctl, sysctlOf(pattern));
  }
  lab.fate = (direction, index) => {
    const { copies = 1, extraMs = 0 } = pattern.fates[direction === 0 ? 'client' : 'server'][index] ?? {};
    return { copies, extra: extraMs * MS };
  };
  const events: [number, Side, string][] = [];
  lab.b.listen(5000, () => new Program(lab.world, 'server', pattern, events));
  lab.a.connect(
    { remoteAddress: B, remotePort: pattern.port },
    new Program(lab.world, 'client', pattern, events),
  );
  lab.world.run(pattern.untilMs * MS);
  const iss: Record<Side, number> = { client: 0, server: 0 };
  const scale: Record<Side, number> = { client: 0, server: 0 };
  const segments = lab.seen.map((seen): SentSegment => {
    const side = seen.source === A ? 'client' : 'server';
    const other = side === 'client' ? 'server' : 'client';
    const syn = seen.flags.includes('S');
    if (syn) iss[side] = seen.seq;
    if (syn) scale[side] = seen.options.windowScale ?? 0;
    return {
      atMs: seen.at / MS,
      side,
      flags: seen.flags,
      seq: (seen.seq - iss[side]) >>> 0,
      length: seen.length,
      ack: seen.flags.includes('.') ? (seen.ack - iss[other]) >>> 0 : -1,
      sack: (seen.options.sackBlocks ?? []).map(({ start, end }) => [
        (start - iss[other]) >>> 0,
        (end - iss[other]) >>> 0,
      ]),
      window: syn ? seen.window : seen.window << scale[side],
    };
  });
  return { segments, events };
}
