/** `ip`: which object, which options (iproute2 6.1). */
import { type Command, type CommandIo, failed, type ShellResult } from '../../command.ts';
import { address } from './address.ts';
import { link } from './link.ts';
import { neighbour } from './neighbour.ts';
import { route } from './route.ts';
import { netns, rule } from './rule.ts';
import { tunnel } from './tunnel.ts';
import { HELP } from './usage.ts';

/** What stands in front of the object. */
export interface IpOptions {
  readonly details: boolean;
  readonly statistics: boolean;
  /** `-s` was given twice. */
  readonly errors: boolean;
  readonly brief: boolean;
  readonly json: boolean;
  readonly pretty: boolean;
  /** `-4`, `-6`. */
  readonly family: 4 | 6 | undefined;
  readonly oneLine: boolean;
}

type IpObject = (args: readonly string[], options: IpOptions, io: CommandIo) => Promise<ShellResult>;

/** In the order in which abbreviations are tried: `ip a` is `address`, `ip r` is `route`. */
const OBJECTS: readonly (readonly [name: string, object: IpObject])[] = [
  ['address', address],
  ['addrlabel', notEmulated('addrlabel')],
  ['maddress', notEmulated('maddress')],
  ['route', route],
  ['rule', rule],
  ['neighbour', neighbour],
  ['neighbor', neighbour],
  ['ntable', notEmulated('ntable')],
  ['link', link],
  ['l2tp', notEmulated('l2tp')],
  ['tunnel', tunnel],
  ['tuntap', notEmulated('tuntap')],
  ['monitor', notEmulated('monitor')],
  ['xfrm', notEmulated('xfrm')],
  ['mroute', notEmulated('mroute')],
  ['netns', netns],
  ['vrf', notEmulated('vrf')],
  ['nexthop', notEmulated('nexthop')],
];

function notEmulated(name: string): IpObject {
  return async () => failed(`ip ${name}: not emulated in this lab\n`, 2);
}

export const ip: Command = async (args, io) => {
  const given = new Set<string>();
  let at = 0;
  for (; args[at]?.startsWith('-'); at++) {
    const option = optionCalled(args[at]!);
    if (option === undefined)
      return failed(`Option "${args[at]!.replace(/^-(?=-)/, '')}" is unknown, try "ip -help".\n`, 255);
    if (option === 'version')
      return { stdout: 'ip utility, iproute2-6.1.0, libbpf 1.1.2\n', stderr: '', exitCode: 0 };
    if (option === 'family') given.add(args[++at] === 'inet6' ? '6' : '4');
    else if (option === 'statistics' && given.has(option)) given.add('errors');
    else given.add(option);
  }
  const word = args[at];
  if (word === undefined || word === 'help' || given.has('help')) return failed(HELP.ip, 255);
  const found = OBJECTS.find(([name]) => name.startsWith(word));
  if (found === undefined) return failed(`Object "${word}" is unknown, try "ip help".\n`, 1);
  if (given.has('6') && !['address', 'link'].includes(found[0]))
    return failed('ip -6: only link-local addresses are emulated in this lab\n', 2);
  if (given.has('human')) return failed('ip -human: not emulated in this lab\n', 2);
  const options: IpOptions = {
    details: given.has('details'),
    statistics: given.has('statistics'),
    errors: given.has('errors'),
    brief: given.has('brief'),
    json: given.has('json'),
    pretty: given.has('pretty'),
    family: given.has('6') ? 6 : given.has('4') ? 4 : undefined,
    oneLine: given.has('oneline'),
  };
  const [name, object] = found;
  const help = name in HELP ? HELP[name as keyof typeof HELP] : undefined;
  if (args[at + 1] === 'help' && help !== undefined) return failed(help, 255);
  return object(args.slice(at + 1), options, io);
};

/** Options may be cut short; `-c` is colour, which is not shown. */
function optionCalled(word: string): string | undefined {
  const text = word.replace(/^--?/, '').replace(/=.*/, '');
  if (text === '4' || text === '6' || text === 'V' || text === 'Version')
    return text === '4' || text === '6' ? text : 'version';
  if (text === '') return undefined;
  if (text.startsWith('c') && 'color'.startsWith(text)) return 'color';
  if (text === 'br' || (text.length > 1 && 'brief'.startsWith(text))) return 'brief';
  if (text === 'n' || text === 'N' || text === 'ts' || text === 't') return 'color';
  const names = [
    'loops',
    'family',
    'oneline',
    'resolve',
    'details',
    'statistics',
    'json',
    'pretty',
    'human',
    'help',
  ];
  if (text === 'p') return 'pretty';
  return names.find(name => name.startsWith(text));
}
