/** The scripts of this folder, played against the Linux that the test runs on. */
import { spawnSync } from 'node:child_process';
import { DEFAULT_SYSCTL, type NamespaceSysctl } from '../../../../src/netstack/transport.ts';
import * as Ipv4 from '../../../../src/wire/ipv4.ts';
import * as Tcp from '../../../../src/wire/tcp.ts';
import { fromRoot } from '../../../kit.ts';
import { flagText } from '../harness.ts';
import { type Case, parseSegment, type Segmented, segmentText, stepsOf } from './script.ts';

/** How late a timer may be, in ms: on a busy machine round trips are longer, and timeouts with them. */
const tolerated = (after: number): number => 100 + 0.15 * after;
/** What comes at once comes before a delayed acknowledgement would, in ms. */
const AT_ONCE = 30;
/** Scripts that wait longer are left out, in ms. */
const PATIENCE = 5_000;

type Out = readonly [step: number, after: number, packet: string];

function orderOf(step: string, index: number, steps: readonly string[]): object {
  const wanted = answersTo(index, steps);
  const rest = step.slice(1).trim();
  if ('>!='.includes(step[0]!)) return { kind: 'check', wanted };
  if (step.startsWith('+')) return { kind: 'pass', ms: Number(rest), wanted };
  if (!step.startsWith('<')) {
    const [name, ...values] = step.split(' ');
    return { kind: 'call', name, values: values.map(Number), wanted };
  }
  const { flags, seq, ack, length, window, tos, options } = parseSegment(rest);
  return {
    kind: 'in',
    wanted,
    flags,
    seq,
    ack,
    length,
    window: window ?? 65535,
    tos: tos ?? 0,
    mss: options?.mss,
    sackOK: options?.sackPermitted,
    wscale: options?.windowScale,
    ts: options?.timestamps && [options.timestamps.value, options.timestamps.echoReply],
    sack: options?.sackBlocks?.map(({ start, end }) => [start, end]),
  };
}

/** How many segments a step brings at once. */
function answersTo(index: number, steps: readonly string[]): number {
  let answers = 0;
  for (let i = index + 1; '>!='.includes(steps[i]?.[0] ?? '.'); i++)
    if (steps[i]!.startsWith('>') && !steps[i]!.startsWith('> @')) answers++;
  return answers;
}

/** Linux's names for what a case sets. */
function sysctlOf(sysctl: Partial<NamespaceSysctl> = {}): Record<string, string> {
  const names: Record<keyof NamespaceSysctl | string, string> = {
    tcpCongestionControl: 'tcp_congestion_control',
    tcpEcn: 'tcp_ecn',
    tcpTimestamps: 'tcp_timestamps',
    tcpSack: 'tcp_sack',
    tcpWindowScaling: 'tcp_window_scaling',
    tcpRmem: 'tcp_rmem',
    tcpWmem: 'tcp_wmem',
  };
  return Object.fromEntries(
    Object.entries({ tcpRmem: DEFAULT_SYSCTL.tcpRmem, tcpWmem: DEFAULT_SYSCTL.tcpWmem, ...sysctl }).map(
      ([name, value]) => [
        `net/ipv4/${names[name]}`,
        Array.isArray(value) ? value.join(' ') : String(typeof value === 'boolean' ? Number(value) : value),
      ],
    ),
  );
}

/** Where the Linux 6.18 that this was written with differs, and why we do not follow it. */
export const EXPLAINED: Readonly<Record<string, string>> = {
  'FIN-WAIT-2: an early FIN, then what was before it':
    'Linux acknowledges before it takes the FIN out of its SACK blocks: one below the acknowledgement is a D-SACK',
  'active: a peer that mirrors our flags does not agree': 'Linux 6.18 negotiates AccECN, 6.1 did not',
  // Linux may wait to send more at a time (tcp_tso_should_defer); RFC 3042 does not.
  'duplicates: so does the second': 'a segment is held back',
  'duplicates: the third brings the first segment again': 'a segment is held back',
  'SACK: the third brings the hole': 'a segment is held back',
  'F-RTO: what was sent once is acknowledged, so the timeout is taken back': 'a segment is held back',
  'sender: once a round trip': 'a segment is held back',
};

/** Cases that share their sysctls run side by side. Returns each with how Linux differed, '' = it did not. */
export function runOnLinux(cases: readonly Case[]): [name: string, difference: string][] {
  const groups = new Map<string, Case[]>();
  for (const one of cases) {
    if (stepsOf(one.script).some(step => step.startsWith('+') && Number(step.slice(1)) > PATIENCE)) continue;
    const key = JSON.stringify(sysctlOf(one.sysctl));
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const verdicts: [string, string][] = [];
  for (const [sysctl, group] of groups) {
    const steps = group.map(({ script }) => stepsOf(script));
    const order = { sysctl: JSON.parse(sysctl) as object, cases: steps.map(lines => lines.map(orderOf)) };
    const { stdout, stderr, status } = spawnSync(
      'unshare',
      ['-n', 'python3', fromRoot('test/netstack/tcp/conformance/linux.py')],
      { input: JSON.stringify(order), encoding: 'utf8', timeout: 120_000, maxBuffer: 1 << 28 },
    );
    if (status !== 0) throw new Error(`linux.py: ${stderr}`);
    const answers = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Out[]);
    for (const [i, { name }] of group.entries()) verdicts.push([name, differenceOf(steps[i]!, answers[i]!)]);
  }
  return verdicts;
}

/** Where Linux puts PSH depends on how a program's writes lie in its buffers; its timestamps are those of a busy machine. */
const comparable = (text: string): string => text.replace(/^(F?)P/, '$1').replace(/ ts \d+\//, ' ts …/');

/** The first difference between what a script expects and what came. */
function differenceOf(steps: readonly string[], outs: readonly Out[]): string {
  const origins = { iss: 0, irs: 50_000, stamp: undefined as number | undefined };
  const left = [...outs];
  let event = 0;
  for (const [i, step] of steps.entries()) {
    if (step.startsWith('irs ')) origins.irs = Number(step.slice(4));
    if (!step.startsWith('>')) {
      if ('!='.includes(step[0]!)) continue;
      const early = left[0];
      // What a timer sent may come while this machine is busy with the step before.
      const awaited = steps[i + 1]?.startsWith('> @') === true;
      if (early !== undefined && early[0] < i && !awaited)
        return `before "${step}" came > ${textOf(early, '', origins)}`;
      event = i;
      continue;
    }
    const timed = /^> @(\d+(?:\.\d+)?) (.*)$/.exec(step);
    const wanted = timed?.[2] ?? step.slice(1).trim();
    const out = left.shift();
    if (out === undefined || (out[0] !== event && timed === null)) return `nothing came for "${step}"`;
    const text = textOf(out, wanted, origins);
    const late = out[0] === event ? Math.abs(out[1] - Number(timed?.[1] ?? 0)) : 0;
    const limit = timed === null ? AT_ONCE : tolerated(out[1]);
    if (comparable(text) !== comparable(wanted) || late > limit)
      return `"${step}" was > @${out[1].toFixed(1)} ${text}`;
  }
  return left.length === 0 ? '' : `at the end came > ${textOf(left[0]!, '', origins)}`;
}

function textOf([, , hex]: Out, wanted: string, origins: Parameters<typeof segmentText>[2]): string {
  const octets = Buffer.from(hex, 'hex');
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const at = Ipv4.headerLength(view, 0);
  const header = Tcp.parse(view, at);
  const seen: Segmented = {
    flags: flagText(header.flags),
    seq: header.sequence,
    ack: header.acknowledgment,
    window: header.window,
    length: Ipv4.totalLength(view, 0) - at - Tcp.headerLength(view, at),
    options: header.options,
    tos: Ipv4.tos(view, 0),
  };
  return segmentText(seen, wanted, origins);
}
