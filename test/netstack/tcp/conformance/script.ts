/**
 * A conformance case: segments in, segments out, and what the TCB is afterwards, in lines of text.
 *
 *   ESTAB                            where it begins: see `BEGINNINGS`
 *   < P. 1:11 ack 1                  a segment of the peer's; further words: win N, sack A:B …, ts V/E, mss N, sackOK,
 *                                    wscale N, ect, ce (of the IP header)
 *   > . 1:1 ack 11                   one of ours, at once; words that are not there are not compared, but for sack
 *   +300                             300 ms pass
 *   > @200 P. 1:11 ack 1             … and this came 200 ms after their beginning
 *   write 1000                       what the program does
 *   ! closed Connection refused      all that the program was told since the last such line
 *   = rcv.nxt 11, heard              all that has changed in the TCB since the last such line; `=` alone: nothing
 *
 * Numbers count from the initial sequence numbers, so the first octet of either side is 1; timestamps count from the
 * first of each side. Whatever comes out that no line expects is an error, and so is a TCB that changed and no `=`
 * says how: each script ends with one.
 */
import type { Tcb } from '../../../../src/netstack/tcp/tcb.ts';
import type { NamespaceSysctl } from '../../../../src/netstack/transport.ts';
import type { TcpOptions } from '../../../../src/wire/tcp.ts';
import { assert } from '../../../kit.ts';
import { Bench, type Injected, Log, MS, type Seen } from '../harness.ts';
import { snapshot, type Variable } from './snapshot.ts';

/** A name, its script, and the sysctls that differ from the defaults. */
export interface Case {
  readonly name: string;
  readonly script: string;
  readonly sysctl: Partial<NamespaceSysctl>;
}

/** How a connection comes to where a script begins. The peer's MSS is 1000, it offers SACK, the round trip is 10 ms. */
const BEGINNINGS: Readonly<Record<string, string>> = {
  CLOSED: 'irs 50000',
  LISTEN: 'listen',
  'SYN-SENT': 'connect\n > S 0:0',
  'SYN-RECV': 'listen\n < S 0:0 mss 1000 sackOK\n > S. 0:0 ack 1',
  'SYN-RECV both': 'connect\n > S 0:0\n < S 0:0 mss 1000 sackOK\n > S. 0:0 ack 1',
  ESTAB: 'SYN-RECV\n +10\n < . 1:1 ack 1',
  // The peer's numbers wrap at its fifth octet.
  'ESTAB wrap': 'irs 4294967290\n ESTAB',
  'ESTAB plain': 'listen\n < S 0:0 mss 1000\n > S. 0:0 ack 1\n +10\n < . 1:1 ack 1',
  'ESTAB ts': 'listen\n < S 0:0 mss 1012 sackOK ts 100/0\n > S. 0:0 ack 1\n +10\n < . 1:1 ack 1 ts 110/0',
  'FIN-WAIT-1': 'ESTAB\n shutdown\n > F. 1:1 ack 1',
  'FIN-WAIT-2': 'FIN-WAIT-1\n +10\n < . 1:1 ack 2',
  'CLOSE-WAIT': 'ESTAB\n half\n < F. 1:1 ack 1\n +50\n > @2 . 1:1 ack 2',
  CLOSING: 'FIN-WAIT-1\n < F. 1:1 ack 1\n > . 2:2 ack 2',
  'LAST-ACK': 'CLOSE-WAIT\n shutdown\n > F. 1:1 ack 2',
  'TIME-WAIT': 'FIN-WAIT-1\n < F. 1:1 ack 2\n > . 2:2 ack 2',
  // The peer has sent enough to be acknowledged late, and we have answered.
  CALM: 'ESTAB\n < P. 1:11 ack 1\n > . 1:1 ack 11\n write 10\n > P. 1:11 ack 11\n < . 11:11 ack 11',
  // Ten segments went 10 ms ago: thirty more wait, or none.
  SENDING: `ESTAB\n write 40000\n ${flight('.')} +10`,
  'SENDING plain': `ESTAB plain\n write 40000\n ${flight('.')} +10`,
  'ESTAB ecn': 'listen\n < SEW 0:0 mss 1000 sackOK\n > S.E 0:0 ack 1\n +10\n < . 1:1 ack 1',
  'SENDING ecn': `ESTAB ecn\n write 40000\n ${flight('.', ' ect')} +10`,
  SENT: `ESTAB\n write 10000\n ${flight('P.')} +10`,
  'SENT plain': `ESTAB plain\n write 10000\n ${flight('P.')} +10`,
};

/** The first ten segments of 1000 octets. */
function flight(last: string, more = ''): string {
  let lines = '';
  for (let i = 0; i < 10; i++)
    lines += `> ${i === 9 ? last : '.'} ${i * 1000 + 1}:${i + 1}001 ack 1${more}\n `;
  return lines;
}

/**
 * The cases of a file: `# name`, then the script; `[tcpSack=false]` after the name sets a sysctl. A line that ends in a
 * comma goes on in the next.
 */
export function casesOf(text: string): Case[] {
  return text
    .split(/^# /m)
    .slice(1)
    .map(part => {
      const [head, ...lines] = part.split('\n');
      const [, name, settings] = /^(.*?)(?: \[(.*)\])?$/.exec(head!)!;
      const sysctl = Object.fromEntries(
        (settings ?? '')
          .split(' ')
          .filter(Boolean)
          .map(setting => {
            const [key, value] = setting.split('=');
            return [
              key,
              /^\d+$/.test(value!) ? Number(value) : value === 'true' || (value !== 'false' && value),
            ];
          }),
      );
      return { name: name!, script: lines.join('\n').replace(/,\n\s*/g, ', '), sysctl };
    });
}

/** The script with its beginning in front, one step a line. */
export function stepsOf(script: string): string[] {
  return script
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .flatMap(line => (BEGINNINGS[line] === undefined ? [line] : stepsOf(BEGINNINGS[line])));
}

/** Of how many lines the beginning consists. */
const beginningOf = (script: string): number => stepsOf(script.trim().split('\n')[0]!).length;

/** `P. 1:11 ack 1 win 500 sack 5:6` and so on. */
export function parseSegment(text: string): Injected {
  const words = text.split(/\s+/);
  const [flags, range] = words;
  const [from, to] = range!.split(':').map(Number);
  const options: { -readonly [K in keyof TcpOptions]: TcpOptions[K] } = {};
  const segment = { flags: flags!, seq: from!, length: to! - from!, options };
  const found: { ack?: number; window?: number; tos?: number } = {};
  for (let i = 2; i < words.length; i++) {
    const word = words[i];
    if (word === 'ack') found.ack = Number(words[++i]);
    else if (word === 'win') found.window = Number(words[++i]);
    else if (word === 'ect') found.tos = 2;
    else if (word === 'ce') found.tos = 3;
    else if (word === 'mss') options.mss = Number(words[++i]);
    else if (word === 'sackOK') options.sackPermitted = true;
    else if (word === 'wscale') options.windowScale = Number(words[++i]);
    else if (word === 'ts') {
      const [value, echoReply] = words[++i]!.split('/').map(Number);
      options.timestamps = { value: value!, echoReply: echoReply! };
    } else if (word === 'sack') {
      const blocks = words.slice(i + 1).filter(next => next.includes(':'));
      i += blocks.length;
      options.sackBlocks = blocks.map(block => {
        const [start, end] = block.split(':').map(Number);
        return { start: start!, end: end! };
      });
    } else throw new Error(`${text}: what is ${word}?`);
  }
  return { ...segment, ...found };
}

/** What a segment's text counts from: the initial sequence numbers, and our first timestamp once there is one. */
export interface Origins {
  iss: number;
  irs: number;
  stamp: number | undefined;
}

/** What `segmentText` needs of a segment. */
export type Segmented = Pick<Seen, 'flags' | 'seq' | 'ack' | 'window' | 'length' | 'options' | 'tos'>;

/** One of our segments in the words that `wanted` uses; a SYN sets the origins. */
export function segmentText(seen: Segmented, wanted: string, origins: Origins): string {
  const { options } = seen;
  if (seen.flags.includes('S')) origins.iss = seen.seq;
  origins.stamp ??= options.timestamps?.value;
  const { iss, irs, stamp = 0 } = origins;
  const words = new Set(wanted.split(/\s+/));
  const seq = (seen.seq - iss) | 0;
  // A RST for a segment without ACK has the number 0, not one of ours.
  const range = seen.flags === 'R.' && seen.seq === 0 ? 'zero' : `${seq}:${seq + seen.length}`;
  const parts = [`${seen.flags} ${range}`];
  if (seen.flags.includes('.')) parts.push(`ack ${(seen.ack - irs) | 0}`);
  if (words.has('win')) parts.push(`win ${seen.window}`);
  if (words.has('mss')) parts.push(`mss ${options.mss}`);
  if (words.has('sackOK') && options.sackPermitted) parts.push('sackOK');
  if (words.has('ts') && options.timestamps !== undefined)
    parts.push(`ts ${(options.timestamps.value - stamp) | 0}/${options.timestamps.echoReply}`);
  if (words.has('no-ts') && options.timestamps === undefined) parts.push('no-ts');
  if (words.has('wscale') && options.windowScale !== undefined) parts.push(`wscale ${options.windowScale}`);
  if (words.has('no-wscale') && options.windowScale === undefined) parts.push('no-wscale');
  const blocks = options.sackBlocks?.map(({ start, end }) => `${(start - irs) | 0}:${(end - irs) | 0}`);
  if (blocks !== undefined) parts.push(`sack ${blocks.join(' ')}`);
  if ((seen.tos & 3) !== 0) parts.push((seen.tos & 3) === 3 ? 'ce' : 'ect');
  return parts.join(' ');
}

/** Plays one script on a layer. */
class Play {
  readonly bench: Bench;
  readonly log = new Log();
  #tcb: Tcb | undefined;
  #known = new Map<string, Variable>();
  #told = 0;
  /** When the last line that makes something happen began. */
  #since = 0;
  /** Segments in and out since the last `=`, which the statistics have to show. */
  #in = 0;
  #out = 0;
  readonly #origins: Origins = { iss: 0, irs: 50_000, stamp: undefined };

  constructor(sysctl: Partial<NamespaceSysctl>) {
    this.bench = new Bench(sysctl);
    this.bench.irs = 50_000;
  }

  /** A line of the script. */
  line(line: string): void {
    const { bench } = this;
    const rest = line.slice(1).trim();
    if (line.startsWith('>')) {
      this.#expect(rest);
      return;
    }
    if (line.startsWith('!')) {
      assert.is(this.#heard(), rest);
      return;
    }
    if (line.startsWith('=')) {
      this.#compare(rest);
      return;
    }
    this.quiet(line);
    this.#since = bench.world.now;
    if (line.startsWith('<')) this.#inject(parseSegment(rest));
    else if (line.startsWith('+')) bench.pass(Number(rest) * MS);
    else this.#call(line);
    this.#find();
  }

  /** Nothing came out that was not expected. */
  quiet(before: string): void {
    const [more] = this.bench.out;
    if (more !== undefined)
      throw new Error(`before "${before}" came: > ${segmentText(more, '', this.#origins)}`);
  }

  /** From here on every change is accounted for. */
  settle(): void {
    this.#heard();
    this.#changes();
  }

  #inject(segment: Injected): void {
    const { iss, stamp } = this.#origins;
    const { timestamps, sackBlocks } = segment.options!;
    const options = {
      ...segment.options,
      ...(sackBlocks !== undefined && {
        sackBlocks: sackBlocks.map(({ start, end }) => ({
          start: (iss + start) >>> 0,
          end: (iss + end) >>> 0,
        })),
      }),
      ...(timestamps !== undefined && {
        timestamps: {
          value: timestamps.value,
          echoReply: stamp === undefined ? 0 : (stamp + timestamps.echoReply) >>> 0,
        },
      }),
    };
    this.#in++;
    this.bench.inject({ ...segment, options });
  }

  #call(line: string): void {
    const { bench, log } = this;
    const [name, ...values] = line.split(' ');
    const stream = log.stream!;
    const [first = 0, second = 0, third = 0] = values.map(Number);
    if (name === 'listen') bench.layer.listen(bench.localPort, () => log);
    else if (name === 'connect') {
      bench.remotePort = 80;
      log.stream = bench.layer.connect({ remoteAddress: PEER, remotePort: 80 }, log);
      bench.localPort = log.stream.localPort;
    } else if (name === 'write') stream.writeVirtual(0, first);
    else if (name === 'half') Object.assign(log, { ended: () => log.entries.push('ended') });
    else if (name === 'keepalive')
      stream.setKeepalive({ idle: first * MS, interval: second * MS, probes: third });
    else if (name === 'nodelay') stream.setNoDelay();
    else if (name === 'irs') {
      bench.irs = first;
      this.#origins.irs = first;
    } else if (name === 'icmp') this.#icmp(first, second, third, Number(values[3]));
    else if (name === 'shutdown' || name === 'close' || name === 'abort') stream[name]();
    else if (name === 'pause' || name === 'resume') stream[name]();
    else throw new Error(`what is ${line}?`);
  }

  /** `icmp TYPE CODE MTU SEQ`: an error about our segment with that number. */
  #icmp(type: number, code: number, mtu: number, seq: number): void {
    const { bench } = this;
    const { localAddress, localPort, remoteAddress, remotePort } = this.#tcb!;
    const view = new DataView(new ArrayBuffer(8));
    view.setUint16(0, localPort);
    view.setUint16(2, remotePort);
    view.setUint32(4, (bench.iss + seq) >>> 0);
    const report = {
      type,
      code,
      mtu,
      from: 1,
      source: localAddress,
      destination: remoteAddress,
      view,
      at: 0,
    };
    // As IP does: a path MTU is learnt only from an error about a segment in flight.
    if (!bench.layer.owns(report)) return;
    if (code === 4 && mtu > 0) bench.ip.mtu = Math.min(bench.ip.mtu, Math.max(mtu, 552));
    bench.layer.error(report);
  }

  #expect(line: string): void {
    const timed = /^@(\d+(?:\.\d+)?) (.*)$/.exec(line);
    const wanted = timed?.[2] ?? line;
    const seen = this.bench.out.shift();
    if (seen === undefined) throw new Error(`nothing came; wanted > ${line}`);
    const text = segmentText(seen, wanted, this.#origins);
    this.bench.iss = this.#origins.iss;
    const after = (seen.at - this.#since) / MS;
    // A RST without ACK is the layer's: it belongs to no connection.
    if (seen.flags !== 'R') this.#out++;
    assert.is(
      `@${timed === null ? after : Math.round(after * 10) / 10} ${text}`,
      `@${timed?.[1] ?? 0} ${wanted}`,
    );
  }

  #heard(): string {
    const told = this.log.entries.slice(this.#told);
    this.#told = this.log.entries.length;
    return told.join(', ');
  }

  #compare(wanted: string): void {
    this.quiet('=');
    assert.equal(this.#changes(), wanted === '' ? [] : wanted.split(', '));
  }

  /** A connection that the script itself opens is compared from its first segment on. */
  #find(): void {
    if (this.#tcb !== undefined) return;
    this.#tcb = this.bench.layer.blocks().at(0);
    if (this.#tcb === undefined) return;
    this.#changes();
    // What it has sent already is counted, but no line has expected it yet.
    this.#out = -this.bench.out.length;
  }

  #changes(): string[] {
    if (this.#tcb === undefined) return [];
    const now = snapshot(this.#tcb, this.bench.world.now);
    const changed: string[] = [];
    for (const [name, { raw, text }] of now) {
      const before = this.#known.get(name);
      if (before === undefined || Object.is(before.raw, raw)) continue;
      if (name === 'statistics.segmentsIn' && raw === (before.raw as number) + this.#in) continue;
      if (name === 'statistics.segmentsOut' && raw === (before.raw as number) + this.#out) continue;
      changed.push(name === 'lastHeardAt' && text === 'now' ? 'heard' : `${name} ${text}`);
    }
    this.#known = now;
    this.#in = 0;
    this.#out = 0;
    return changed;
  }
}

const PEER = 0x0a00_0002;

/** Play a script; throws where it differs. */
export function play(script: string, sysctl: Partial<NamespaceSysctl> = {}): void {
  const steps = stepsOf(script);
  const beginning = beginningOf(script);
  if (!steps.at(-1)!.startsWith('=')) throw new Error('the script does not end with "="');
  const run = new Play(sysctl);
  for (const [i, step] of steps.entries()) {
    if (i === beginning) {
      run.quiet(step);
      run.settle();
    }
    run.line(step);
  }
  run.quiet('the end');
}
