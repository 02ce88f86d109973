/** Small programs of every machine: `hostname`, `date`, `uname`, `whoami`, `sudo`, `watch`, `timeout`. */
import * as Ipv4 from '../../addr/ipv4.ts';
import { formatTimestamp } from '../../api/store-time.ts';
import type { Cluster } from '../../controller/cluster.ts';
import type { VirtualTime } from '../../sim/time.ts';
import { type Command, failed, INTERRUPTED, printed } from '../command.ts';
import { timeReport } from '../line.ts';
import { parseFlags } from '../options.ts';
import type { ShellTime } from '../shell-time.ts';

export const hostname: Command = async (args, { cluster, place }) => {
  const [option] = args;
  if (option === '-I' || option === '--all-ip-addresses') {
    const devices = await cluster.devices(place);
    const addresses = devices.filter(d => d.kind !== 'loopback').flatMap(d => d.addresses);
    return printed(`${addresses.map(a => `${Ipv4.format(a.address)} `).join('')}\n`);
  }
  if (option === '-i') {
    const devices = await cluster.devices(place);
    const first = devices.filter(d => d.kind !== 'loopback').flatMap(d => d.addresses)[0];
    return printed(`${first === undefined ? '127.0.1.1' : Ipv4.format(first.address)}\n`);
  }
  if (option?.startsWith('-') && !['-s', '-f', '--fqdn', '--long', '--short', '-A'].includes(option))
    return failed(`hostname: invalid option -- '${option.slice(1, 2)}'\n`, 255);
  if (option !== undefined && !option.startsWith('-'))
    return failed(
      'hostname: names of machines are made by the scenario file, and not changed in this lab\n',
      2,
    );
  return printed(`${place.hostname}\n`);
};

const DAYS = 'Sun Mon Tue Wed Thu Fri Sat'.split(' ');
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `Sun Sep 22 01:52:31 UTC 2024`, at virtual time `now`. */
export function dateText({ scenario }: Cluster, now: VirtualTime): string {
  const ms = scenario.startMs + Math.floor(now / 1e6);
  const at = new Date(ms);
  const day = String(at.getUTCDate()).padStart(2);
  const clock = formatTimestamp(ms).slice(11, 19);
  return `${DAYS[at.getUTCDay()]} ${MONTHS[at.getUTCMonth()]} ${day} ${clock} UTC ${at.getUTCFullYear()}`;
}

/** The virtual wall clock. */
export const date: Command = async (args, { cluster, time }) => {
  const ms = cluster.scenario.startMs + Math.floor(time.now / 1e6);
  const stamp = formatTimestamp(ms);
  const at = new Date(ms);
  const clock = stamp.slice(11, 19);
  const format = args.find(word => word.startsWith('+'));
  if (format === undefined) return printed(`${dateText(cluster, time.now)}\n`);
  const parts: Readonly<Record<string, string>> = {
    Y: stamp.slice(0, 4),
    m: stamp.slice(5, 7),
    d: stamp.slice(8, 10),
    H: clock.slice(0, 2),
    M: clock.slice(3, 5),
    S: clock.slice(6, 8),
    T: clock,
    F: stamp.slice(0, 10),
    s: String(Math.floor(ms / 1000)),
    N: String((time.now % 1e9) + (cluster.scenario.startMs % 1000) * 1e6).padStart(9, '0'),
    a: DAYS[at.getUTCDay()]!,
    b: MONTHS[at.getUTCMonth()]!,
    Z: 'UTC',
    '%': '%',
  };
  return printed(`${format.slice(1).replace(/%(.)/g, (whole, letter: string) => parts[letter] ?? whole)}\n`);
};

export const whoami: Command = async () => printed('root\n');

export const uname: Command = async (args, { cluster, place }) => {
  const nodes = await cluster.list('Node');
  const own = nodes.find(n => n.metadata.name === place.machine) ?? nodes[0];
  const kernel = own?.kubernetes?.kernelVersion ?? '6.5.0-1024-aws';
  const letters = args.join('').replaceAll('-', '');
  if (letters.includes('a'))
    return printed(`Linux ${place.hostname} ${kernel} #24 SMP x86_64 x86_64 x86_64 GNU/Linux\n`);
  const fields: Readonly<Record<string, string>> = {
    s: 'Linux',
    n: place.hostname,
    r: kernel,
    m: 'x86_64',
    o: 'GNU/Linux',
  };
  const shown = [...(letters === '' ? 's' : letters)].map(letter => fields[letter]);
  if (shown.includes(undefined)) return failed(`uname: invalid option -- '${letters}'\n`);
  return printed(`${shown.join(' ')}\n`);
};

/** Everybody is root here already. `sudo -i` and `su -` change nothing. */
export const sudo: Command = async (args, io) => {
  const words = [...args];
  while (words[0]?.startsWith('-')) words.splice(0, words[0] === '-u' ? 2 : 1);
  return words.length === 0 ? printed('') : io.runHere(words);
};

export const su: Command = async () => printed('');

/** A reader of long texts shows them at once. */
export const pager: Command = async (args, io) => {
  const files = args.filter(word => !word.startsWith('-'));
  if (files.length === 0) return printed(io.stdin);
  let stdout = '';
  for (const file of files) {
    const text = await io.readFile(file);
    if (text === undefined) return failed(`${file}: No such file or directory\n`);
    stdout += text;
  }
  return printed(stdout);
};

/** `watch [-d] [-n SECONDS] COMMAND`: every so often, each time under its headline, until Ctrl-C. */
export const watch: Command = async (args, io) => {
  const spec = {
    interval: { short: 'n', value: true },
    differences: { short: 'd', value: false },
    'no-title': { short: 't', value: false },
    color: { short: 'c', value: false },
  } as const;
  const at = args.findIndex(
    (word, i) => !word.startsWith('-') && !/^(-n|--interval)$/.test(args[i - 1] ?? ''),
  );
  const parsed = parseFlags(at < 0 ? args : args.slice(0, at), spec);
  if (at < 0 || parsed.unknown !== undefined) return failed('Usage:\n watch [options] command\n');
  const text = parsed.flags.get('interval') ?? '2';
  const seconds = Number(text);
  if (!(seconds >= 0.1)) return failed(`watch: failed to parse argument: '${text}'\n`);
  const words = args.slice(at);
  let next = io.time.now;
  const each = async (): Promise<void> => {
    if (io.time.now < next) return;
    next = io.time.now + seconds * 1e9;
    const { stdout, stderr } = await io.runHere(words);
    const title = `Every ${seconds.toFixed(1)}s: ${words.join(' ')}`;
    const right = `${io.place.hostname}: ${(await date([], io)).stdout.trim()}`;
    const head = parsed.flags.has('no-title')
      ? ''
      : `${title.padEnd(Math.max(0, 99 - right.length))} ${right}\n\n`;
    io.write(`${head}${stdout}${stderr}`);
  };
  await each();
  await io.time.until(() => false, { endless: true, signal: io.signal, each });
  return { stdout: '', stderr: '', exitCode: io.signal.aborted ? INTERRUPTED : 0 };
};

/** `time COMMAND…`, where it is not the shell's keyword. */
export const time: Command = async (args, io) => {
  const began = io.time.now;
  const words = args.filter((word, i) => i > 0 || word !== '-p');
  const result = words.length === 0 ? printed('') : await io.runHere(words);
  return { ...result, stderr: result.stderr + timeReport(io.time.now - began) };
};

/** `timeout [-s SIGNAL] [-k DURATION] DURATION COMMAND…`: on virtual time, by a Ctrl-C at its end. */
export const timeout: Command = async (args, io) => {
  const words = [...args];
  while (words[0]?.startsWith('-')) words.splice(0, /^-[sk]$/.test(words[0]) ? 2 : 1);
  const [text = '', ...command] = words;
  const match = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text);
  if (command.length === 0) return failed('timeout: missing operand\n', 125);
  if (match === null) return failed(`timeout: invalid time interval ‘${text}’\n`, 125);
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[match[2] === '' ? 's' : (match[2] as 's')];
  const limit = io.time.now + Math.floor(Number(match[1]) * unit * 1e9);
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  io.signal.addEventListener('abort', stop);
  // Whatever the command waits for, it waits no longer than that.
  const time: ShellTime = {
    get now() {
      return io.time.now;
    },
    until: async (done, wait = {}) => {
      const deadline = Math.min(wait.deadline ?? limit, limit);
      const isDone = await io.time.until(done, { ...wait, endless: false, deadline });
      if (!isDone && io.time.now >= limit) stop();
      return isDone;
    },
  };
  const result = await io.runHere(command, { time, signal: abort.signal });
  io.signal.removeEventListener('abort', stop);
  const isOver = abort.signal.aborted && !io.signal.aborted;
  return { ...result, exitCode: isOver ? 124 : result.exitCode };
};
