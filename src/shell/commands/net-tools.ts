/** `route`, `arp` and `bridge`: the tables of the kernel in other words than those of `ip`. */
import type { FdbView, NeighbourView } from '../../node/command.ts';
import { arpLines, arpTable } from '../../report/arp-table.ts';
import { fdbText } from '../../report/fdb-text.ts';
import { routeTable } from '../../report/route-forms.ts';
import { type Command, type CommandIo, failed, printed } from '../command.ts';
import { parseFlags } from '../options.ts';

export const route: Command = async (args, { cluster, place }) => {
  const flags = { numeric: { short: 'n', value: false }, extend: { short: 'e', value: false } } as const;
  const parsed = parseFlags(args, flags);
  if (parsed.unknown !== undefined)
    return failed(`route: invalid option -- '${parsed.unknown.slice(1)}'\n`, 4);
  if (parsed.words.length > 0)
    return failed(`route ${parsed.words[0]}: not emulated in this lab, use ip route\n`, 2);
  return printed(routeTable(await cluster.routes(place), parsed.flags.has('numeric')));
};

const neighboursAt = ({ cluster, place }: CommandIo): Promise<NeighbourView[]> =>
  cluster.controller.ask(place.machine, { do: 'neighbours', namespace: place.namespace });

export const arp: Command = async (args, io) => {
  const parsed = parseFlags(args, {
    all: { short: 'a', value: false },
    numeric: { short: 'n', value: false },
    device: { short: 'i', value: true },
    extend: { short: 'e', value: false },
  });
  if (parsed.unknown !== undefined)
    return failed(`arp: invalid option -- '${parsed.unknown.slice(1)}'\n`, 255);
  const device = parsed.flags.get('device');
  const neighbours = (await neighboursAt(io)).filter(
    n => n.state !== 'NOARP' && (device === undefined || n.device === device),
  );
  return printed(parsed.flags.has('all') ? arpLines(neighbours) : arpTable(neighbours));
};

/** `bridge fdb show [dev D]`; `-d` and the like are taken and change nothing. */
export const bridge: Command = async (args, { cluster, place }) => {
  const words = args.filter(word => !word.startsWith('-'));
  const [object = '', verb = 'show', ...rest] = words;
  if (object === '' || !'fdb'.startsWith(object))
    return ['link', 'mdb', 'vlan', 'monitor'].some(name => object !== '' && name.startsWith(object))
      ? failed(`bridge ${object}: not emulated in this lab\n`, 2)
      : failed(`Object "${object}" is unknown, try "bridge help".\n`, 255);
  if (!['show', 'list', 'lst'].some(name => name.startsWith(verb)))
    return ['add', 'append', 'del', 'replace', 'flush', 'get'].includes(verb)
      ? failed(`bridge fdb ${verb}: not emulated in this lab\n`, 2)
      : failed(`Command "${verb}" is unknown, try "bridge fdb help".\n`, 255);
  const at = rest.findIndex(word => word === 'dev' || word === 'brport');
  const device = at < 0 ? undefined : rest[at + 1];
  if (at >= 0 && !(await cluster.devices(place)).some(d => d.name === device))
    return failed(`Cannot find bridge device "${device ?? ''}"\n`, 1);
  const { machine, namespace } = place;
  const entries = await cluster.controller.ask<FdbView[]>(machine, { do: 'fdb', namespace });
  return printed(fdbText(entries, device));
};
