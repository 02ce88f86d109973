/** `route`, `arp`, `netstat` and `bridge`: the tables of the kernel in other words than those of `ip`. */
import * as Ipv4 from '../../addr/ipv4.ts';
import * as Prefix from '../../addr/prefix.ts';
import type { FdbView, NeighbourView } from '../../node/command.ts';
import type { KernelRefusal, RouteEdit } from '../../node/routing-commands.ts';
import { arpLines, arpTable } from '../../report/arp-table.ts';
import { fdbText } from '../../report/fdb-text.ts';
import { routeTable } from '../../report/route-forms.ts';
import { type Command, type CommandIo, failed, printed, type ShellResult } from '../command.ts';
import { parseFlags } from '../options.ts';

export const route: Command = async (args, io) => {
  const flags = {
    numeric: { short: 'n', value: false },
    symbolic: { short: 'N', value: false },
    extend: { short: 'e', value: false },
    verbose: { short: 'v', value: false },
    fib: { short: 'F', value: false },
    inet: { short: '4', value: false },
  } as const;
  const [verb = ''] = args;
  if (verb === 'add' || verb === 'del' || verb === 'delete') return editRoute(verb, args.slice(1), io);
  if (verb === 'flush') return failed('route flush: not emulated in this lab, use ip route flush\n', 2);
  const parsed = parseFlags(args, flags);
  if (parsed.unknown !== undefined)
    return failed(`route: invalid option -- '${parsed.unknown.slice(1)}'\n${ROUTE_USAGE}`, 3);
  if (parsed.words.length > 0) return failed(ROUTE_USAGE, 3);
  const extended = parsed.all.get('extend')?.length ?? 0;
  const columns = extended === 0 ? 'metrics' : extended === 1 ? 'tcp' : 'all';
  const routes = await io.cluster.routes(io.place);
  return printed(routeTable(routes, parsed.flags.has('numeric'), columns));
};

const ROUTE_USAGE = `Usage: route [-nNvee] [-FC] [<AF>]           List kernel routing tables
       route [-v] [-FC] {add|del|flush} ...  Modify routing table for AF.

       route {-h|--help} [<AF>]              Detailed usage syntax for specified AF.
       route {-V|--version}                  Display version/author and exit.

        -v, --verbose            be verbose
        -n, --numeric            don't resolve names
        -e, --extend             display other/more information
        -F, --fib                display Forwarding Information Base (default)
        -C, --cache              display routing cache instead of FIB

  <AF>=Use -4, -6, '-A <af>' or '--<af>'; default: inet
  List of possible address families (which support routing):
    inet (DARPA Internet) inet6 (IPv6) ax25 (AMPR AX.25) 
    netrom (AMPR NET/ROM) rose (AMPR ROSE) ipx (Novell IPX) 
    ddp (Appletalk DDP) x25 (CCITT X.25) 
`;

/** `add|del [-net|-host] TARGET [netmask M] [gw G] [metric N] [[dev] D]`, the way ioctl(2) puts it. */
async function editRoute(
  verb: 'add' | 'del' | 'delete',
  words: readonly string[],
  { cluster, place }: CommandIo,
): Promise<ShellResult> {
  const list = [...words];
  let mask: Ipv4.Ipv4Address | undefined;
  let via = 0;
  let device: string | undefined;
  let metric: number | undefined;
  let target: string | undefined;
  while (list.length > 0) {
    const word = list.shift()!;
    if (word === '-net' || word === '-host') continue;
    if (word === 'netmask') mask = Ipv4.parse(list.shift() ?? '');
    else if (word === 'gw') via = Ipv4.parse(list.shift() ?? '') ?? 0;
    else if (word === 'metric') metric = Number(list.shift());
    else if (word === 'dev') device = list.shift();
    else if (word === 'reject') return failed('route add … reject: not emulated in this lab\n', 2);
    else if (target === undefined) target = word;
    else device = word;
  }
  if (target === undefined) return failed(ROUTE_USAGE, 3);
  const alone = target === 'default' ? 0 : Ipv4.parse(target);
  const length = mask === undefined ? undefined : Math.clz32(~mask);
  const prefix =
    target === 'default'
      ? { address: 0, length: 0 }
      : alone === undefined
        ? Prefix.parse(target)
        : { address: alone, length: length ?? 32 };
  if (prefix === undefined) return failed(`${target}: Unknown host\n`, 6);
  const edit: RouteEdit = {
    verb: verb === 'add' ? 'add' : 'del',
    prefix,
    type: undefined,
    hops: via === 0 && device === undefined ? [] : [{ via, device, weight: 1 }],
    onlink: false,
    protocol: undefined,
    scope: undefined,
    metric,
    source: 0,
    mtu: 0,
  };
  const { machine, namespace } = place;
  const refusal = await cluster.controller.ask<KernelRefusal>(machine, { do: 'route-edit', namespace, edit });
  if (refusal === '') return printed('');
  const why = refusal === 'Nexthop has invalid gateway' ? 'Network is unreachable' : refusal;
  return failed(`${verb === 'add' ? 'SIOCADDRT' : 'SIOCDELRT'}: ${why}\n`, 7);
}

const neighboursAt = ({ cluster, place }: CommandIo): Promise<NeighbourView[]> =>
  cluster.controller.ask(place.machine, { do: 'neighbours', namespace: place.namespace });

export const arp: Command = async (args, io) => {
  const parsed = parseFlags(args, {
    all: { short: 'a', value: false },
    numeric: { short: 'n', value: false },
    device: { short: 'i', value: true },
    extend: { short: 'e', value: false },
    verbose: { short: 'v', value: false },
    delete: { short: 'd', value: false },
    set: { short: 's', value: false },
  });
  const { flags, words } = parsed;
  if (parsed.unknown !== undefined) return failed(`arp: invalid option -- '${parsed.unknown.slice(1)}'\n`, 3);
  if (flags.has('set')) return failed('arp -s: not emulated in this lab, use ip neigh add\n', 2);
  const device = flags.get('device');
  const all = await neighboursAt(io);
  const [host] = words;
  const fits = (n: NeighbourView): boolean =>
    (device === undefined || n.device === device) && (host === undefined || Ipv4.format(n.address) === host);
  const shown = all.filter(fits);
  if (flags.has('delete')) {
    if (host === undefined) return failed('arp: need host name\n', 3);
    if (shown.length === 0) return failed(`No ARP entry for ${host}\n`, 255);
    const { machine, namespace } = io.place;
    for (const { address, device: name } of shown) {
      const edit = { verb: 'del', device: name, address, mac: 0 } as const;
      await io.cluster.controller.ask(machine, { do: 'neighbour-edit', namespace, edit });
    }
    return printed('');
  }
  if (shown.length === 0 && host !== undefined) return printed(`${host} (${host}) -- no entry\n`);
  if (shown.length === 0 && device !== undefined && all.length > 0)
    return printed(`arp: in ${all.length} entries no match found.\n`);
  const text = flags.has('all') ? arpLines(shown) : arpTable(shown);
  const count = flags.has('verbose')
    ? `Entries: ${all.length}\tSkipped: ${all.length - shown.length}\tFound: ${shown.length}\n`
    : '';
  return printed(text + count);
};

/** `netstat -r`: the same table as `route -e`. */
export const netstat: Command = async (args, io) => {
  const parsed = parseFlags(args, {
    route: { short: 'r', value: false },
    numeric: { short: 'n', value: false },
  });
  if (parsed.unknown !== undefined || !parsed.flags.has('route'))
    return failed('netstat: only -r is emulated in this lab, use ss for sockets\n', 2);
  return printed(routeTable(await io.cluster.routes(io.place), parsed.flags.has('numeric'), 'tcp'));
};

const BRIDGE_USAGE = `Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }
       bridge [ -force ] -batch filename
where  OBJECT := { link | fdb | mdb | vlan | monitor }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] |
                    -o[neline] | -t[imestamp] | -n[etns] name |
                    -c[ompressvlans] -color -p[retty] -j[son] }
`;

/** `bridge fdb show [dev D]`; `-d` and the like are taken and change nothing. */
export const bridge: Command = async (args, { cluster, place }) => {
  const words = args.filter(word => !word.startsWith('-'));
  const [object = '', verb = 'show', ...rest] = words;
  if (object === '' || object === 'help') return failed(BRIDGE_USAGE, 255);
  if (!'fdb'.startsWith(object))
    return ['link', 'mdb', 'vlan', 'monitor'].some(name => name.startsWith(object))
      ? failed(`bridge ${object}: not emulated in this lab\n`, 2)
      : failed(`Object "${object}" is unknown, try "bridge help".\n`, 255);
  if (!['show', 'list', 'lst'].some(name => name.startsWith(verb)))
    return ['add', 'append', 'del', 'replace', 'flush', 'get'].includes(verb)
      ? failed(`bridge fdb ${verb}: not emulated in this lab\n`, 2)
      : failed(`Command "${verb}" is unknown, try "bridge fdb help".\n`, 255);
  const at = rest.findIndex(word => word === 'dev' || word === 'brport');
  const device = at < 0 ? undefined : rest[at + 1];
  if (at >= 0 && !(await cluster.devices(place)).some(d => d.name === device))
    return failed(`Cannot find device "${device ?? ''}"\n`, 255);
  const { machine, namespace } = place;
  const entries = await cluster.controller.ask<FdbView[]>(machine, { do: 'fdb', namespace });
  return printed(fdbText(entries, device));
};
