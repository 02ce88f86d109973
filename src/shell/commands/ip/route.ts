/** `ip route`: show, get, add, append, replace, change, del, flush cache. */
import * as Prefix from '../../../addr/prefix.ts';
import type { RouteType } from '../../../netstack/route.ts';
import type { RouteView } from '../../../node/command.ts';
import type { KernelRefusal, PathView, RouteEdit } from '../../../node/routing-commands.ts';
import { pathJson, pathText, routeJson } from '../../../report/route-forms.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import { shownWords } from './devices.ts';
import type { IpOptions } from './ip.ts';
import { BadRoute, parseDestination, parseRoute } from './route-words.ts';

const EDITS = ['add', 'append', 'replace', 'change', 'del', 'delete'] as const;

export async function route(
  args: readonly string[],
  options: IpOptions,
  io: CommandIo,
): Promise<ShellResult> {
  const [verb = 'show', ...rest] = args;
  const shown = shownWords(args);
  try {
    if (shown !== undefined) return await show(shown, options, io);
    if ('get'.startsWith(verb)) return await get(rest, options, io);
    const edit = EDITS.find(name => name === verb || (verb.length > 1 && name.startsWith(verb)));
    if (edit !== undefined) return await change(edit === 'delete' ? 'del' : edit, rest, io);
    if ('flush'.startsWith(verb)) return await flush(rest, options, io);
  } catch (error) {
    if (!(error instanceof BadRoute)) throw error;
    return failed(error.message, error.exitCode);
  }
  return failed(`Command "${verb}" is unknown, try "ip route help".\n`, 255);
}

async function show(words: readonly string[], options: IpOptions, io: CommandIo): Promise<ShellResult> {
  const { cluster, place } = io;
  const at = words.indexOf('table');
  const table = at < 0 ? 'main' : words[at + 1];
  const shown = table === '254' ? 'main' : table === '255' ? 'local' : table === '0' ? 'all' : table;
  if (shown === 'default' || shown === '253') return printed('');
  if (shown !== 'main' && shown !== 'local' && shown !== 'all')
    return failed('Error: ipv4: FIB table does not exist.\nDump terminated\n', 2);
  const unknown = await unknownDevice(words, io);
  if (unknown !== undefined) return failed(`Cannot find device "${unknown}"\n`);
  const routes = await cluster.controller.ask<RouteView[]>(place.machine, {
    do: 'routes',
    namespace: place.namespace,
    table: shown,
  });
  const chosen = routes.filter(selector(at < 0 ? words : words.toSpliced(at, 2)));
  if (options.json) return printed(routeJson(chosen, options.details, options.pretty));
  const lines = chosen.map(route => (options.details ? route.detail : route.text));
  return printed(lines.map(line => `${options.oneLine ? line.replaceAll('\n', '\\') : line}\n`).join(''));
}

/** `dev tunl0`, `proto bird`, `via A`, `type T`, `root P`, `exact P`, `match P`, or a prefix alone (which is `root`). */
function selector(words: readonly string[]): (route: RouteView) => boolean {
  const tests: ((route: RouteView) => boolean)[] = [];
  const list = [...words];
  while (list.length > 0) {
    const word = list.shift()!;
    if (['dev', 'proto', 'protocol', 'via', 'type', 'scope', 'src', 'metric'].includes(word)) {
      const value = list.shift() ?? '';
      const key = word === 'protocol' ? 'proto' : word;
      tests.push(
        key === 'type' ? view => view.type === value : view => ` ${view.text} `.includes(` ${key} ${value} `),
      );
    } else if (['unicast', 'local', 'broadcast', 'blackhole', 'unreachable', 'prohibit'].includes(word)) {
      tests.push(view => view.type === word);
    } else {
      const relation = word === 'to' ? list.shift()! : word;
      const how = ['root', 'match', 'exact'].includes(relation) ? relation : 'exact';
      const prefix = parseDestination(how === relation ? (list.shift() ?? '') : relation);
      tests.push(view =>
        how === 'root'
          ? Prefix.covers(prefix, view.prefix)
          : how === 'match'
            ? Prefix.covers(view.prefix, prefix)
            : Prefix.equal(view.prefix, prefix),
      );
    }
  }
  return view => tests.every(test => test(view));
}

const ERRNO: Readonly<Record<string, string>> = {
  ENETUNREACH: 'Network is unreachable',
  EHOSTUNREACH: 'No route to host',
  EACCES: 'Permission denied',
  EINVAL: 'Invalid argument',
  ENETDOWN: 'Network is down',
};

async function get(given: readonly string[], options: IpOptions, io: CommandIo): Promise<ShellResult> {
  const { cluster, place } = io;
  const fibmatch = given.includes('fibmatch');
  const words = given.filter(word => word !== 'fibmatch');
  const after = (word: string): string | undefined => {
    const at = words.indexOf(word);
    return at < 0 ? undefined : words[at + 1];
  };
  const target = words[0] === 'to' ? words[1] : words[0];
  if (target === undefined) throw new BadRoute('need at least a destination address\n', 255);
  if (after('iif') !== undefined) return failed('ip route get iif: not emulated in this lab\n', 2);
  const destination = parseDestination(target).address;
  if (fibmatch) return match(destination, options, io);
  const from = after('from');
  const source = from === undefined ? 0 : parseDestination(from).address;
  const device = after('oif') ?? after('dev');
  if (device !== undefined && !(await cluster.devices(place)).some(d => d.name === device))
    return failed(`Cannot find device "${device}"\n`);
  const { machine, namespace } = place;
  const command = { do: 'path', namespace, destination, source, device } as const;
  const path = await cluster.controller.ask<PathView | string>(machine, command);
  if (typeof path === 'string') return failed(`RTNETLINK answers: ${ERRNO[path] ?? path}\n`, 2);
  const { details, oneLine, pretty } = options;
  if (options.json) return printed(pathJson(destination, path, source, pretty));
  return printed(pathText(destination, path, { from: source, details, oneLine }));
}

/** `ip route get fibmatch A`: the route itself that decides. */
async function match(
  destination: number,
  { details, json, pretty }: IpOptions,
  { cluster, place }: CommandIo,
): Promise<ShellResult> {
  const { machine, namespace } = place;
  const route = await cluster.controller.ask<RouteView | null>(machine, {
    do: 'route-get',
    namespace,
    destination,
  });
  if (route === null) return failed('RTNETLINK answers: Network is unreachable\n', 2);
  if (json) return printed(routeJson([route], details, pretty));
  return printed(`${details ? route.detail : route.text}\n`);
}

const WITH_ERROR = new Set<KernelRefusal>([
  'Nexthop has invalid gateway',
  'Invalid prefix for given prefix length',
  'Invalid prefsrc address',
]);

async function change(
  verb: RouteEdit['verb'],
  words: readonly string[],
  io: CommandIo,
): Promise<ShellResult> {
  const { cluster, place } = io;
  const edit = parseRoute(verb, words);
  const names = (await cluster.devices(place)).flatMap(d => [d.name, ...d.altnames]);
  for (const { device } of edit.hops)
    if (device !== undefined && !names.includes(device)) return failed(`Cannot find device "${device}"\n`);
  const { machine, namespace } = place;
  const refusal = await cluster.controller.ask<KernelRefusal>(machine, { do: 'route-edit', namespace, edit });
  if (refusal === '') return printed('');
  return failed(WITH_ERROR.has(refusal) ? `Error: ${refusal}.\n` : `RTNETLINK answers: ${refusal}\n`, 2);
}

/** `flush cache`, or those of the main table that the words choose; `flush table main` for all. */
async function flush(
  words: readonly string[],
  { statistics }: IpOptions,
  io: CommandIo,
): Promise<ShellResult> {
  const { cluster, place } = io;
  const { machine, namespace } = place;
  if (words.length === 0) return failed('"ip route flush" requires arguments.\n', 1);
  if (words[0] === 'cache') {
    await cluster.controller.ask(machine, { do: 'flush', namespace, what: 'route-cache' });
    return printed('');
  }
  const at = words.indexOf('table');
  if (at >= 0 && !['main', '254'].includes(words[at + 1] ?? ''))
    return failed('ip route flush table: only main is emulated in this lab\n', 2);
  const unknown = await unknownDevice(words, io);
  if (unknown !== undefined) return failed(`Cannot find device "${unknown}"\n`);
  const doomed = (await cluster.routes(place)).filter(selector(at < 0 ? words : words.toSpliced(at, 2)));
  for (const { prefix, type, protocol, metric, nextHops } of doomed) {
    const [hop] = nextHops;
    const edit: RouteEdit = {
      verb: 'del',
      prefix,
      type: type as RouteType,
      hops: hop === undefined ? [] : [{ via: hop.via, device: hop.device, weight: hop.weight }],
      onlink: false,
      protocol,
      scope: undefined,
      metric,
      source: 0,
      mtu: 0,
    };
    await cluster.controller.ask(machine, { do: 'route-edit', namespace, edit });
  }
  if (!statistics) return printed('');
  return printed(
    doomed.length === 0
      ? 'Nothing to flush.\n'
      : `\n*** Round 1, deleting ${doomed.length} entries ***\n*** Flush is complete after 1 round ***\n`,
  );
}

async function unknownDevice(
  words: readonly string[],
  { cluster, place }: CommandIo,
): Promise<string | undefined> {
  const at = words.indexOf('dev');
  const name = at < 0 ? undefined : (words[at + 1] ?? '');
  const names = (await cluster.devices(place)).flatMap(d => [d.name, ...d.altnames]);
  return name === undefined || names.includes(name) ? undefined : name;
}
