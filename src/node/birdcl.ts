/**
 * `birdcl show …`: the words of a command line, and what BIRD 1.6 answers (facts: calico-cli-formats §4; its `nest/cmds.c`,
 * `rt-table.c` and `client/commands.c`). Keywords may be cut short where they stay clear, as in the real client.
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { formatTimestamp } from '../api/store-time.ts';
import { protocols, type RouteQuery, routes, status, VERSION, type WallClock } from '../bgp/show.ts';
import type { Speaker } from '../bgp/speaker.ts';
import type { VirtualTime } from '../sim/time.ts';

/** BIRD prints local time, which in calico-node's container is UTC. */
export const wallClock = (startMs: number): WallClock => {
  const stamp = (at: VirtualTime): string => formatTimestamp(startMs + Math.floor(at / 1e6));
  return {
    time: at => stamp(at).slice(11, 19),
    dateTime: at => stamp(at).slice(0, 19).replace('T', ' '),
  };
};

/** A command that BIRD does not understand; the message is its own. */
class BadCommand extends Error {}

const NO_COMMAND = "No such command. Press `?' for help.";
const OBJECTS = ['protocols', 'route', 'status'];

/** `words` behind `birdcl`. */
export function birdcl(speaker: Speaker, words: readonly string[], clock: WallClock): string {
  try {
    return answer(speaker, words, clock);
  } catch (error) {
    if (!(error instanceof BadCommand)) throw error;
    return `BIRD ${speaker.config.version ?? VERSION} ready.\n${error.message}\n`;
  }
}

function answer(speaker: Speaker, words: readonly string[], clock: WallClock): string {
  const [verb = '', object = '', ...rest] = words;
  if (!'show'.startsWith(verb) || verb === '' || object === '') throw new BadCommand(NO_COMMAND);
  switch (OBJECTS.find(name => name.startsWith(object))) {
    case 'status':
      return status(speaker, clock);
    case 'protocols':
      return showProtocols(speaker, rest, clock);
    case 'route':
      return routes(speaker, routeQuery(speaker, rest), clock);
    default:
      throw new BadCommand(NO_COMMAND);
  }
}

const unquoted = (text: string): string => text.replace(/^"|"$/g, '');

/** `[all] [NAME | "PATTERN"]`. */
function showProtocols(speaker: Speaker, words: readonly string[], clock: WallClock): string {
  const all = words[0] === 'all';
  const [name, ...more] = words.slice(all ? 1 : 0);
  if (more.length > 0) throw new BadCommand('syntax error');
  if (name === undefined) return protocols(speaker, { all }, clock);
  const isPattern = name.startsWith('"');
  const pattern = unquoted(name);
  const fits = isPattern ? matcher(pattern) : (other: string): boolean => other === name;
  if (![...protocolNames(speaker)].some(fits))
    throw new BadCommand(isPattern ? 'No protocols match' : `${name} is not a protocol`);
  return protocols(speaker, { all, fits }, clock);
}

function* protocolNames(speaker: Speaker): Iterable<string> {
  for (const { name } of speaker.local.list) yield name;
  for (const { protocol } of speaker.peerings.values()) yield protocol.name;
}

/** `*` and `?`, as `patmatch` reads them. */
function matcher(pattern: string): (text: string) => boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${source}$`);
  return text => expression.test(text);
}

/** `[PREFIX | for A] [table master] [export P] [protocol P] [primary] [filtered] [all] [count | stats]`, in any order. */
function routeQuery(speaker: Speaker, words: readonly string[]): RouteQuery {
  const list = [...words];
  const query: { -readonly [key in keyof RouteQuery]: RouteQuery[key] } = {};
  while (list.length > 0) {
    const word = list.shift()!;
    const prefix = prefixOf(word);
    if (prefix !== undefined) query.prefix = prefix;
    else if (word === 'for') query.for = destination(list.shift());
    else if (word === 'all') query.all = true;
    else if (word === 'primary') query.primary = true;
    else if (word === 'count') query.count = true;
    else if (word === 'stats') query.stats = true;
    // With `import keep filtered` off, which Calico leaves so, nothing is ever kept of what a filter refused.
    else if (word === 'filtered') query.filtered = true;
    else if (word === 'protocol') query.protocol = protocolCalled(speaker, list.shift());
    else if (word === 'export') query.export = protocolCalled(speaker, list.shift());
    else if (word === 'table') {
      const table = list.shift() ?? '';
      if (table !== 'master') throw new BadCommand(`${table} is not a table`);
    } else throw new BadCommand('syntax error');
  }
  return query;
}

/** `10.0.0.0/8`, or `10.0.0.1` for itself. */
function prefixOf(word: string): Prefix.Prefix | undefined {
  const address = Ipv4.parse(word);
  return address === undefined ? Prefix.parse(word) : { address, length: 32 };
}

/** The address that is looked up: that of a prefix, if it is one. */
function destination(word = ''): Ipv4.Ipv4Address {
  const prefix = prefixOf(word);
  if (prefix === undefined) throw new BadCommand('syntax error');
  return prefix.address;
}

function protocolCalled(speaker: Speaker, word = ''): string {
  const name = unquoted(word);
  if (name === '') throw new BadCommand('syntax error');
  if (![...protocolNames(speaker)].includes(name)) throw new BadCommand(`${name} is not a protocol`);
  return name;
}
