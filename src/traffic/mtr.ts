/**
 * `mtr -r`: echo requests to every hop in turn, round after round, and a table at the end (mtr 0.95; `ui/net.c`, `report.c`).
 * A round lasts as long as the interval however many hops there are; what is on its way at the end gets five seconds.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import { MILLISECOND, SECOND, type Timer, type VirtualTime } from '../sim/time.ts';
import * as Icmp from '../wire/icmpv4.ts';
import { errnoText } from './icmp-words.ts';
import * as Options from './options.ts';
import { Program, type ProgramContext, UsageError } from './program.ts';
import { EchoSender } from './trace-senders.ts';

export interface MtrOptions {
  readonly target: string;
  /** -c: rounds. */
  readonly rounds: number;
  /** -i. */
  readonly interval: VirtualTime;
  /** -f, -m. */
  readonly firstHop: number;
  readonly maxHops: number;
  /** -s: octets of the whole packet. */
  readonly packetLength: number;
}

const LONG: Readonly<Record<string, string>> = {
  '--report': '-r',
  '--report-wide': '-w',
  '--report-cycles': '-c',
  '--no-dns': '-n',
  '--interval': '-i',
  '--first-ttl': '-f',
  '--max-ttl': '-m',
  '--psize': '-s',
};
const NOT_EMULATED = 'FtgpxCjlzy:o:6bLe:a:uTSP:U:d:B:Q:G:Z:M:hvI:';

/** `args` without the program's name. Throws `UsageError` with what `mtr` prints. */
export function parseMtr(args: readonly string[]): MtrOptions {
  const words = args.flatMap(word => {
    const [name, value] = word.startsWith('--') ? word.split('=', 2) : [word];
    const letter = LONG[name!];
    return letter === undefined ? [word] : [letter, ...(value === undefined ? [] : [value])];
  });
  let line: Options.CommandLine;
  try {
    line = Options.parse(words, `rwn4c:i:f:m:s:${NOT_EMULATED}`);
  } catch (error) {
    if (error instanceof Options.OptionError) throw new UsageError(`mtr: ${error.message}`, 1);
    throw error;
  }
  const { options, operands } = line;
  const missing = [...options.keys()].find(letter => NOT_EMULATED.includes(letter));
  if (missing !== undefined) throw new UsageError(`mtr -${missing}: not emulated in this lab`, 2);
  const [target] = operands;
  if (!options.has('r') && !options.has('w'))
    throw new UsageError('mtr: only reports (-r) are emulated in this lab', 2);
  if (target === undefined) throw new UsageError('mtr: no host specified', 1);
  return {
    target,
    rounds: number(options, 'c', 10, 1, 1_000),
    interval: Math.max(1, Math.floor(Number(options.get('i') ?? 1) * SECOND)) || SECOND,
    firstHop: number(options, 'f', 1, 1, 30),
    maxHops: number(options, 'm', 30, 1, 64),
    packetLength: number(options, 's', 64, 28, 9_000),
  };
}

function number(
  options: ReadonlyMap<string, string>,
  letter: string,
  otherwise: number,
  low: number,
  high: number,
): number {
  const text = options.get(letter);
  if (text === undefined) return otherwise;
  if (!/^\d+$/.test(text)) throw new UsageError(`mtr: invalid argument: '${text}'`, 1);
  return Math.min(high, Math.max(low, Number(text)));
}

/** What is known of one hop. Times in whole microseconds, as mtr keeps them. */
class Hop {
  address = 0;
  sent = 0;
  returned = 0;
  /** 1 while the last request has no answer: it is not lost yet. */
  inTransit = 0;
  last = 0;
  best = 0;
  worst = 0;
  average = 0;
  #squares = 0;

  heard(microseconds: number): void {
    this.inTransit = 0;
    this.returned++;
    this.last = microseconds;
    this.best = this.returned === 1 ? microseconds : Math.min(this.best, microseconds);
    this.worst = Math.max(this.worst, microseconds);
    const before = this.average;
    this.average += (microseconds - before) / this.returned;
    this.#squares += (microseconds - before) * (microseconds - this.average);
  }

  get loss(): number {
    const decided = this.sent - this.inTransit;
    return decided === 0 ? 0 : 100 - (100 * this.returned) / decided;
  }

  get deviation(): number {
    return this.returned > 1 ? Math.sqrt(this.#squares / (this.returned - 1)) : 0;
  }
}

const GRACE = 5 * SECOND;
/** So many hops in a row may be silent. */
const MAX_UNKNOWN = 12;
/** A round's length is first shared among so many. */
const FIRST_GUESS = 10;
const HOST_COLUMNS = 33;

export class Mtr extends Program {
  readonly options: MtrOptions;
  readonly #timer: Timer;
  readonly #hops: Hop[] = [];
  /** By number of the probe. */
  readonly #probes: { readonly hop: Hop; readonly sentAt: VirtualTime; done: boolean }[] = [];
  #sender: EchoSender | undefined;
  #destination = 0;
  #at = 0;
  #rounds = 0;
  #hosts = FIRST_GUESS;

  constructor(context: ProgramContext, options: MtrOptions) {
    super(context);
    this.options = options;
    this.#timer = context.namespace.clock.timer(() => this.#next());
  }

  start(): void {
    const { target, firstHop, packetLength } = this.options;
    const { namespace, tag } = this.context;
    const destination = this.resolve(target);
    if (destination === undefined) {
      this.complain(`mtr: Failed to resolve host: ${target}: Name or service not known`);
      this.exit(1);
      return;
    }
    const stamp = new Date((this.context.epochMs ?? 0) + Math.floor(this.#now / MILLISECOND)).toISOString();
    this.print(`Start: ${stamp.slice(0, 19)}+0000`);
    this.#destination = destination;
    this.#at = firstHop - 1;
    this.#sender = new EchoSender(
      { namespace, tag, destination, port: 0, packetLength },
      {
        answered: (index, from) => this.#heard(index, from),
        reported: (index, { type, from }) => {
          if (type === Icmp.TIME_EXCEEDED || type === Icmp.DESTINATION_UNREACHABLE) this.#heard(index, from);
        },
      },
    );
    this.#next();
  }

  protected override interrupt(): void {
    this.#report();
  }

  protected override release(): void {
    this.#timer.cancel();
    this.#sender?.close();
  }

  get #now(): VirtualTime {
    return this.context.namespace.clock.now;
  }

  #hop(index: number): Hop {
    while (this.#hops.length <= index) this.#hops.push(new Hop());
    return this.#hops[index]!;
  }

  /** One request to the hop whose turn it is (`net_send_batch`). */
  #next(): void {
    const { rounds, interval, firstHop, maxHops } = this.options;
    if (this.#rounds >= rounds) {
      this.#report();
      return;
    }
    const hop = this.#hop(this.#at);
    const index = this.#probes.length;
    this.#probes.push({ hop, sentAt: this.#now, done: false });
    hop.sent++;
    hop.inTransit = 1;
    const error = this.#sender!.send(index, this.#at + 1);
    if (error !== '' && error !== 'EMSGSIZE') {
      this.complain(`mtr: ${errnoText[error]}`);
      this.exit(1);
      return;
    }
    const before = this.#hops.slice(firstHop - 1, this.#at);
    const reached = [...before, hop].some(({ address }) => address === this.#destination);
    const unknown = before.filter(({ address }) => address === 0).length;
    if (reached || unknown > MAX_UNKNOWN || this.#at >= maxHops - 1) {
      this.#hosts = this.#at + 1;
      this.#at = firstHop - 1;
      this.#rounds++;
    } else this.#at++;
    const pause = this.#rounds >= rounds ? GRACE : Math.floor(interval / this.#hosts);
    this.#timer.arm(this.#now + pause);
  }

  #heard(index: number, from: number): void {
    const probe = this.#probes[index];
    if (probe === undefined || probe.done) return;
    probe.done = true;
    probe.hop.address = from;
    probe.hop.heard(Math.floor((this.#now - probe.sentAt) / 1000));
  }

  /** Hops up to the destination, or one more than the last that said something. */
  #shown(): number {
    const reached = this.#hops.findIndex(({ address }) => address === this.#destination);
    if (reached >= 0) return reached + 1;
    return Math.min(this.#hops.length, this.#hops.findLastIndex(({ address }) => address !== 0) + 2);
  }

  #report(): void {
    // A blank of its own stands between what is counted and what is measured.
    const titles = ['Loss%', 'Snt', ' ', 'Last', 'Avg', 'Best', 'Wrst', 'StDev'];
    const name = this.context.hostname ?? 'localhost';
    this.print(
      `HOST: ${name}`.padEnd(HOST_COLUMNS) +
        titles.map(title => (title === ' ' ? title : title.padStart(6))).join(''),
    );
    for (let i = this.options.firstHop - 1; i < this.#shown(); i++) {
      const hop = this.#hops[i]!;
      const host = hop.address === 0 ? '???' : Ipv4.format(hop.address);
      const ms = (microseconds: number): string => ` ${(microseconds / 1000).toFixed(1).padStart(5)}`;
      // A whole loss needs a place more than its column has: the per cent sign goes.
      const loss = ` ${hop.loss.toFixed(1).padStart(4)}%`.slice(0, 6);
      const times = [hop.last, hop.average, hop.best, hop.worst, hop.deviation].map(ms).join('');
      this.print(
        ` ${String(i + 1).padStart(2)}.|-- ${host}`.padEnd(HOST_COLUMNS) +
          loss +
          ` ${String(hop.sent).padStart(5)} ` +
          times,
      );
    }
    this.exit(0);
  }
}
