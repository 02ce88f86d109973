/** `sysctl`: the kernel's settings by name, read and written (procps 4.0). */
import { type Command, type CommandIo, failed, printed, type ShellResult } from '../command.ts';
import { parseFlags } from '../options.ts';

const FLAGS = {
  all: { short: 'a', value: false },
  A: { short: 'A', value: false },
  X: { short: 'X', value: false },
  write: { short: 'w', value: false },
  values: { short: 'n', value: false },
  names: { short: 'N', value: false },
  binary: { short: 'b', value: false },
  quiet: { short: 'q', value: false },
  ignore: { short: 'e', value: false },
  pattern: { short: 'r', value: true },
  load: { short: 'p', value: false },
  system: { value: false },
} as const;

type Settings = readonly (readonly [name: string, value: string])[];

export const settingsAt = ({ cluster, place }: Pick<CommandIo, 'cluster' | 'place'>): Promise<Settings> =>
  cluster.controller.ask(place.machine, { do: 'sysctls', namespace: place.namespace });

/** False when the kernel takes no such value. */
export const writeSetting = (
  { cluster, place }: Pick<CommandIo, 'cluster' | 'place'>,
  name: string,
  value: string,
): Promise<boolean> =>
  cluster.controller.ask(place.machine, { do: 'sysctl', namespace: place.namespace, name, value });

export const sysctl: Command = async (args, io) => {
  const parsed = parseFlags(args, FLAGS);
  const { flags } = parsed;
  if (parsed.unknown !== undefined) return failed(`sysctl: invalid option -- '${parsed.unknown.slice(1)}'\n`);
  if (flags.has('system')) return failed('sysctl --system: not emulated in this lab\n', 2);
  if (flags.has('load')) return load(parsed.words, flags, io);
  const settings = await settingsAt(io);
  const pattern = flags.get('pattern');
  if (flags.has('all') || flags.has('A') || flags.has('X')) {
    const chosen = settings.filter(([name]) => pattern === undefined || fits(pattern, name));
    return printed(chosen.map(setting => shown(setting, flags)).join(''));
  }
  if (parsed.words.length === 0) return failed(USAGE);
  return carryOut(parsed.words, flags, io);
};

type Flags = ReadonlyMap<string, string>;

function fits(pattern: string, name: string): boolean {
  try {
    return new RegExp(pattern).test(name);
  } catch {
    return false;
  }
}

function shown([name, value]: readonly [string, string], flags: Flags): string {
  if (flags.has('binary')) return value;
  if (flags.has('values')) return `${value}\n`;
  return flags.has('names') ? `${name}\n` : `${name} = ${value}\n`;
}

/** `NAME` and `NAME=VALUE`, one after the other. */
async function carryOut(words: readonly string[], flags: Flags, io: CommandIo): Promise<ShellResult> {
  let stdout = '';
  let stderr = '';
  for (const word of words) {
    const at = word.indexOf('=');
    const name = dotted((at < 0 ? word : word.slice(0, at)).trim());
    const settings = await settingsAt(io);
    const chosen = settings.filter(([other]) => other === name || within(name, other));
    if (chosen.length === 0) stderr += flags.has('ignore') ? '' : missing(name, settings);
    else if (at < 0 && flags.has('write')) stderr += `sysctl: "${word}" must be of the form name=value\n`;
    else if (at < 0) stdout += chosen.map(setting => shown(setting, flags)).join('');
    else {
      const value = word.slice(at + 1).trim();
      for (const [each] of chosen)
        if (await writeSetting(io, each, value))
          stdout += flags.has('quiet') ? '' : shown([each, value], flags);
        else stderr += `sysctl: setting key "${each}": Invalid argument\n`;
    }
  }
  return { stdout, stderr, exitCode: stderr === '' ? 0 : stderr.includes('not emulated') ? 2 : 1 };
}

/** `net/ipv4/ip_forward` is `net.ipv4.ip_forward`; a dot in a device's name is a slash then. */
const dotted = (name: string): string =>
  /^[\w-]+\//.test(name) ? name.replace(/[./]/g, c => (c === '/' ? '.' : '/')) : name;

/** A folder of settings, or a pattern with stars. */
function within(name: string, other: string): boolean {
  if (!name.includes('*')) return other.startsWith(`${name}.`);
  const source = name.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${source.join('[^.]*')}$`).test(other);
}

/** Names the kernel has, but nothing here obeys, are said to be so. */
function missing(name: string, settings: Settings): string {
  const device = /^net\.ipv4\.conf\.([^.]+)\./.exec(name)?.[1];
  const known =
    device === undefined ||
    device === 'default' ||
    settings.some(([other]) => other.startsWith(`net.ipv4.conf.${device}.`));
  if (known && /^(net|kernel|vm|fs)\./.test(name)) return `sysctl: ${name}: not emulated in this lab\n`;
  const path = name.replace(/[./]/g, c => (c === '.' ? '/' : '.'));
  return `sysctl: cannot stat /proc/sys/${path}: No such file or directory\n`;
}

/** `-p [FILE…]`: `NAME = VALUE` a line, comments by `#` and `;`. */
async function load(files: readonly string[], flags: Flags, io: CommandIo): Promise<ShellResult> {
  const words: string[] = [];
  for (const file of files.length === 0 ? ['/etc/sysctl.conf'] : files) {
    const text = file === '-' ? io.stdin : await io.readFile(file);
    if (text === undefined) return failed(`sysctl: cannot open "${file}": No such file or directory\n`);
    words.push(
      ...text
        .split('\n')
        .map(line => line.trim().replace(/^-/, ''))
        .filter(line => line !== '' && !/^[#;]/.test(line)),
    );
  }
  return carryOut(words, flags, io);
}

const USAGE = `
Usage:
 sysctl [options] [variable[=value] ...]

Options:
  -a, --all            display all variables
  -A                   alias of -a
  -X                   alias of -a
      --deprecated     include deprecated parameters to listing
      --dry-run        Print the key and values but do not write
  -b, --binary         print value without new line
  -e, --ignore         ignore unknown variables errors
  -N, --names          print variable names without values
  -n, --values         print only values of the given variable(s)
  -p, --load[=<file>]  read values from file
  -f                   alias of -p
      --system         read values from all system directories
  -r, --pattern <expression>
                       select setting that match expression
  -q, --quiet          do not echo variable set
  -w, --write          enable writing a value to variable
  -o                   does nothing
  -x                   does nothing
  -d                   alias of -h

 -h, --help     display this help and exit
 -V, --version  output version information and exit

For more details see sysctl(8).
`;
