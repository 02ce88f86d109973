/** `ip neighbour`: show, get, flush, and what is set by hand. */
import * as Ipv4 from '../../../addr/ipv4.ts';
import * as Mac from '../../../addr/mac.ts';
import * as Prefix from '../../../addr/prefix.ts';
import type { NeighbourEdit, NeighbourRefusal } from '../../../node/address-commands.ts';
import type { DeviceView, NeighbourView } from '../../../node/command.ts';
import { neighbourJson } from '../../../report/device-forms.ts';
import { neighbourBrief, neighbourText } from '../../../report/neighbour-text.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import { shownWords } from './devices.ts';
import type { IpOptions } from './ip.ts';

const EDITS = ['add', 'change', 'replace', 'delete'] as const;

export async function neighbour(
  args: readonly string[],
  options: IpOptions,
  io: CommandIo,
): Promise<ShellResult> {
  const [verb = 'show', ...words] = args;
  const rest = shownWords(args);
  if (rest !== undefined) return show(rest, options, io);
  if (verb === 'get') return show(words, options, io);
  const edit = EDITS.find(name => name.startsWith(verb));
  if (edit !== undefined) return change(edit, words, io);
  if (verb.length > 1 && 'flush'.startsWith(verb)) return flush(words, io);
  return failed(`Command "${verb}" is unknown, try "ip neigh help".\n`, 255);
}

const deviceCalled = async (name: string, { cluster, place }: CommandIo): Promise<DeviceView | undefined> =>
  (await cluster.devices(place)).find(d => d.name === name || d.altnames.includes(name));

/** `dev D`, `nud S`, `[to] PREFIX` choose entries. */
interface Choice {
  readonly dev: string | undefined;
  readonly keeps: (entry: NeighbourView) => boolean;
}

async function choice(words: readonly string[], io: CommandIo): Promise<Choice | ShellResult> {
  const wanted = new Map<string, string>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === 'dev' || word === 'nud' || word === 'to') wanted.set(word, words[++i] ?? '');
    else if (word !== 'all') wanted.set('to', word);
  }
  const name = wanted.get('dev');
  const device = name === undefined ? undefined : await deviceCalled(name, io);
  if (name !== undefined && device === undefined) return failed(`Cannot find device "${name}"\n`);
  const text = wanted.get('to');
  const address = text === undefined ? undefined : Ipv4.parse(text);
  const prefix =
    text === undefined
      ? undefined
      : address === undefined
        ? Prefix.parse(text)
        : ({ address, length: 32 } as Prefix.Prefix);
  if (text !== undefined && prefix === undefined)
    return failed(`Error: inet prefix is expected rather than "${text}".\n`);
  const state = wanted.get('nud')?.toUpperCase();
  return {
    dev: device?.name,
    keeps: entry =>
      (state === undefined || state === 'ALL' || entry.state === state) &&
      (device === undefined || entry.device === device.name) &&
      (prefix === undefined || Prefix.contains(prefix, entry.address)),
  };
}

async function show(words: readonly string[], options: IpOptions, io: CommandIo): Promise<ShellResult> {
  const chosen = await choice(words, io);
  if (!('keeps' in chosen)) return chosen;
  const { machine, namespace } = io.place;
  const all = await io.cluster.controller.ask<NeighbourView[]>(machine, { do: 'neighbours', namespace });
  const shown = all.filter(chosen.keeps);
  const { json, brief, statistics, pretty } = options;
  if (json) return printed(neighbourJson(shown, chosen.dev, statistics, pretty));
  if (brief) return printed(neighbourBrief(shown));
  return printed(neighbourText(shown, chosen.dev, statistics));
}

async function change(
  verb: (typeof EDITS)[number],
  words: readonly string[],
  io: CommandIo,
): Promise<ShellResult> {
  const given = new Map<string, string>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (['dev', 'lladdr', 'nud', 'to'].includes(word)) given.set(word, words[++i] ?? '');
    else if (['proxy', 'router', 'use', 'managed', 'extern_learn', 'protocol'].includes(word))
      return failed(`ip neigh … ${word}: not emulated in this lab\n`, 2);
    else given.set('to', word);
  }
  const name = given.get('dev');
  const to = given.get('to');
  if (name === undefined || to === undefined)
    return failed('Device and destination are required arguments.\n', 255);
  const address = Ipv4.parse(to);
  if (address === undefined) return failed(`Error: inet address is expected rather than "${to}".\n`);
  const device = await deviceCalled(name, io);
  if (device === undefined) return failed(`Cannot find device "${name}"\n`);
  const state = given.get('nud') ?? 'permanent';
  if (verb !== 'delete' && state !== 'permanent')
    return failed(`ip neigh … nud ${state}: only permanent is emulated in this lab\n`, 2);
  const hardware = given.get('lladdr');
  const mac = hardware === undefined ? undefined : Mac.parse(hardware);
  if (hardware !== undefined && mac === undefined) return failed(`"${hardware}" is invalid lladdr.\n`, 255);
  if (verb !== 'delete' && mac === undefined) return failed('RTNETLINK answers: Invalid argument\n', 2);
  const edit: NeighbourEdit = {
    verb: verb === 'delete' ? 'del' : verb,
    device: device.name,
    address,
    mac: mac ?? 0,
  };
  const { machine, namespace } = io.place;
  const command = { do: 'neighbour-edit', namespace, edit } as const;
  const refusal = await io.cluster.controller.ask<NeighbourRefusal>(machine, command);
  return refusal === '' ? printed('') : failed(`RTNETLINK answers: ${refusal}\n`, 2);
}

/** Forgets what was learnt; entries set by hand stay. */
async function flush(words: readonly string[], io: CommandIo): Promise<ShellResult> {
  if (words.length === 0) return failed('Flush requires arguments.\n', 1);
  const { cluster, place } = io;
  const { machine, namespace } = place;
  const chosen = await choice(words, io);
  if (!('keeps' in chosen)) return chosen;
  if (words.join(' ') === 'all') {
    await cluster.controller.ask(machine, { do: 'flush', namespace, what: 'neighbours' });
    return printed('');
  }
  const all = await cluster.controller.ask<NeighbourView[]>(machine, { do: 'neighbours', namespace });
  for (const { device, address } of all.filter(n => n.state !== 'PERMANENT' && chosen.keeps(n))) {
    const edit: NeighbourEdit = { verb: 'del', device, address, mac: 0 };
    await cluster.controller.ask(machine, { do: 'neighbour-edit', namespace, edit });
  }
  return printed('');
}
