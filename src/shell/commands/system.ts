/** Small programs of every machine: `hostname`, `date`, `uname`, `whoami`, `sudo`, `watch`, `sysctl`. */
import * as Ipv4 from '../../addr/ipv4.ts';
import { formatTimestamp } from '../../api/store-time.ts';
import { type Command, failed, INTERRUPTED, printed } from '../command.ts';
import { parseFlags } from '../options.ts';

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
  if (option !== undefined && !['-s', '-f', '--fqdn', '--short'].includes(option))
    return failed('hostname: you must be root to change the host name of an emulated machine\n');
  return printed(`${place.hostname}\n`);
};

const DAYS = 'Sun Mon Tue Wed Thu Fri Sat'.split(' ');
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** The virtual wall clock: `Sun Sep 22 01:52:31 UTC 2024`. */
export const date: Command = async (args, { cluster, time }) => {
  const ms = cluster.scenario.startMs + Math.floor(time.now / 1e6);
  const stamp = formatTimestamp(ms);
  const at = new Date(ms);
  const day = String(at.getUTCDate());
  const clock = stamp.slice(11, 19);
  const format = args.find(word => word.startsWith('+'));
  if (format === undefined)
    return printed(
      `${DAYS[at.getUTCDay()]} ${MONTHS[at.getUTCMonth()]} ${day.padStart(2)} ${clock} UTC ${at.getUTCFullYear()}\n`,
    );
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

/** `sysctl NAME…`, `sysctl -w NAME=VALUE`, `sysctl -a`. */
export const sysctl: Command = async (args, io) => {
  const parsed = parseFlags(args, {
    all: { short: 'a', value: false },
    write: { short: 'w', value: false },
    values: { short: 'n', value: false },
    quiet: { short: 'q', value: false },
    pattern: { short: 'r', value: true },
  });
  if (parsed.unknown !== undefined) return failed(`sysctl: invalid option -- '${parsed.unknown.slice(1)}'\n`);
  const { machine, namespace } = io.place;
  const settings = await io.cluster.controller.ask<[string, string][]>(machine, { do: 'sysctls', namespace });
  const line = (name: string, value: string): string =>
    parsed.flags.has('values') ? `${value}\n` : `${name} = ${value}\n`;
  if (parsed.flags.has('all')) return printed(settings.map(([name, value]) => line(name, value)).join(''));
  if (parsed.words.length === 0) return failed('Usage:\n sysctl [options] [variable[=value] ...]\n');
  let stdout = '';
  let stderr = '';
  for (const word of parsed.words) {
    const at = word.indexOf('=');
    const name = (at < 0 ? word : word.slice(0, at)).replace(/^net\/.*/, path =>
      path.replace(/[./]/g, c => (c === '/' ? '.' : '/')),
    );
    const known = settings.find(([other]) => other === name);
    if (known === undefined) stderr += missing(name);
    else if (at < 0) stdout += line(...known);
    else {
      const value = word.slice(at + 1);
      const done = await io.cluster.controller.ask<boolean>(machine, {
        do: 'sysctl',
        namespace,
        name,
        value,
      });
      if (done) stdout += line(name, value);
      else stderr += `sysctl: setting key "${name}": Invalid argument\n`;
    }
  }
  return { stdout, stderr, exitCode: stderr === '' ? 0 : stderr.includes('not emulated') ? 2 : 1 };
};

/** Names the kernel has, but nothing here obeys, are said to be so. */
function missing(name: string): string {
  if (/^(net|kernel|vm|fs)\./.test(name)) return `sysctl: ${name}: not emulated in this lab\n`;
  return `sysctl: cannot stat /proc/sys/${name.replaceAll('.', '/')}: No such file or directory\n`;
}
