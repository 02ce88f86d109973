/**
 * Runs of real Linux as text, one segment a line: milliseconds, side, segment, window. Not a test file.
 *
 *   # the SYN is lost
 *   0.1 client S 0 win 65184
 *   1032.4 client S 0 win 65184
 */
import { type LinuxRun, segmentsOf } from './tcp-linux.ts';
import { type SentSegment, type Side, segmentText } from './tcp-pattern.ts';

export function writeRecordings(runs: readonly (readonly [name: string, run: LinuxRun])[]): string {
  const [, first] = runs[0]!;
  const lines = [
    `Linux ${first.kernel}: two ends in network namespaces, a TUN device each, the wire between them is`,
    'test/interop/tcp-linux.py with the fates of test/interop/tcp-patterns.ts; written by',
    'RECORD=1 node build/test/run.js --interop interop/tcp. Numbers count from the initial sequence numbers.',
  ];
  for (const [name, run] of runs) {
    lines.push('', `# ${name}`);
    for (const segment of segmentsOf(run))
      lines.push(`${segment.atMs.toFixed(1)} ${segment.side} ${segmentText(segment)} win ${segment.window}`);
  }
  return `${lines.join('\n')}\n`;
}

export function readRecordings(text: string): Map<string, SentSegment[]> {
  const recordings = new Map<string, SentSegment[]>();
  for (const part of text.split(/^# /m).slice(1)) {
    const [name, ...lines] = part.trim().split('\n');
    recordings.set(name!, lines.map(parse));
  }
  return recordings;
}

function parse(line: string): SentSegment {
  const found = /^(\S+) (\S+) (\S+) (\d+)(?::(\d+))?(?: ack (\d+))?(?: sack (.*))? win (\d+)$/.exec(line);
  if (found === null) throw new Error(`not a recorded segment: ${line}`);
  const [, atMs, side, flags, seq, end, ack, sack, window] = found;
  return {
    atMs: Number(atMs),
    side: side as Side,
    flags: flags!,
    seq: Number(seq),
    length: end === undefined ? 0 : Number(end) - Number(seq),
    ack: ack === undefined ? -1 : Number(ack),
    sack: (sack ?? '')
      .split(' ')
      .filter(block => block !== '')
      .map(block => block.split(':').map(Number) as [number, number]),
    window: Number(window),
  };
}
