/** `ip neighbour`: show and flush. */
import type { NeighbourView } from '../../../node/command.ts';
import { neighbourJson } from '../../../report/device-forms.ts';
import { neighbourText } from '../../../report/neighbour-text.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import { shownWords } from './devices.ts';
import type { IpOptions } from './ip.ts';

export async function neighbour(
  args: readonly string[],
  options: IpOptions,
  io: CommandIo,
): Promise<ShellResult> {
  const { cluster, place } = io;
  const { namespace } = place;
  const [verb = 'show'] = args;
  if ('flush'.startsWith(verb) && verb !== '') {
    await cluster.controller.ask(place.machine, { do: 'flush', namespace, what: 'neighbours' });
    return printed('');
  }
  const rest = shownWords(args);
  if (rest === undefined)
    return ['add', 'del', 'delete', 'change', 'replace', 'get'].includes(verb)
      ? failed(`ip neigh ${verb}: not emulated in this lab\n`, 2)
      : failed(`Command "${verb}" is unknown, try "ip neigh help".\n`, 255);
  const wanted = new Map<string, string>();
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i]!;
    if (word === 'dev' || word === 'nud' || word === 'to') wanted.set(word, rest[++i] ?? '');
    else wanted.set('to', word);
  }
  const dev = wanted.get('dev');
  if (dev !== undefined && !(await cluster.devices(place)).some(d => d.name === dev))
    return failed(`Cannot find device "${dev}"\n`);
  const all = await cluster.controller.ask<NeighbourView[]>(place.machine, { do: 'neighbours', namespace });
  const state = wanted.get('nud')?.toUpperCase();
  const to = wanted.get('to');
  const shown = all.filter(
    n =>
      (state === undefined || state === 'ALL' || n.state === state) &&
      (dev === undefined || n.device === dev) &&
      (to === undefined || neighbourText([n]).startsWith(`${to} `)) &&
      n.state !== 'NOARP',
  );
  return printed(options.json ? neighbourJson(shown, options.pretty) : neighbourText(shown, dev));
}
