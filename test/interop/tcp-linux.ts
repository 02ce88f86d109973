/** The real one: two ends of Linux TCP in network namespaces, `tcp-linux.py` the wire between them. Not a test file. */
import { spawn } from 'node:child_process';
import * as Tcp from '../../src/wire/tcp.ts';
import { fromRoot } from '../kit.ts';
import { flagText } from '../netstack/tcp/harness.ts';
import type { Pattern, SentSegment, Side } from './tcp-pattern.ts';

export interface LinuxRun {
  readonly kernel: string;
  /** How far behind its time the wire was at most: a busy machine. */
  readonly lateMs: number;
  /** Time, side, the first 120 octets (hex), IP length. */
  readonly packets: readonly (readonly [number, Side, string, number])[];
  /** Time, side, what its program heard. */
  readonly events: readonly (readonly [number, Side, string])[];
}

export function runLinux(pattern: Pattern): Promise<LinuxRun> {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', [fromRoot('test/interop/tcp-linux.py')]);
    let out = '';
    let wrong = '';
    child.stdout.setEncoding('utf8').on('data', text => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', text => {
      wrong += text;
    });
    child.on('error', reject);
    child.on('close', code => {
      if (code === 0) resolve(JSON.parse(out));
      else reject(new Error(`tcp-linux.py (needs root, python3, iproute2, /dev/net/tun): ${wrong}`));
    });
    child.stdin.end(JSON.stringify(pattern));
  });
}

export function segmentsOf(run: LinuxRun): SentSegment[] {
  const iss: Record<Side, number> = { client: 0, server: 0 };
  const scale: Record<Side, number> = { client: 0, server: 0 };
  return run.packets.map(([atMs, side, hex, ipLength]) => {
    const bytes = Buffer.from(hex, 'hex');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const at = (view.getUint8(0) & 15) * 4;
    const { sequence, acknowledgment, flags, window, options } = Tcp.parse(view, at);
    const syn = (flags & Tcp.SYN) !== 0;
    const other = side === 'client' ? 'server' : 'client';
    if (syn) iss[side] = sequence;
    if (syn) scale[side] = options.windowScale ?? 0;
    return {
      atMs,
      side,
      flags: flagText(flags),
      seq: (sequence - iss[side]) >>> 0,
      length: ipLength - at - Tcp.headerLength(view, at),
      ack: (flags & Tcp.ACK) === 0 ? -1 : (acknowledgment - iss[other]) >>> 0,
      sack: (options.sackBlocks ?? []).map(({ start, end }) => [
        (start - iss[other]) >>> 0,
        (end - iss[other]) >>> 0,
      ]),
      window: syn ? window : window << scale[side],
    };
  });
}
