/** `birdcl show …`: the words of a command line, and what BIRD answers (facts: calico-cli-formats §4). */
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

/** `words` behind `birdcl`. Keywords may be cut short, as in the real one. */
export function birdcl(speaker: Speaker, words: readonly string[], clock: WallClock): string {
  const [verb = '', object = '', ...rest] = words;
  if (!'show'.startsWith(verb) || verb === '') return `BIRD ${VERSION} ready.\nsyntax error\n`;
  if (isWord(object, 'status')) return status(speaker, clock);
  if (isWord(object, 'protocols')) {
    const all = rest[0] === 'all';
    const name = rest[all ? 1 : 0];
    return protocols(speaker, { all, ...(name !== undefined && { name: name.replace(/"/g, '') }) }, clock);
  }
  if (isWord(object, 'route')) return routes(speaker, routeQuery(rest), clock);
  return `BIRD ${VERSION} ready.\nsyntax error\n`;
}

const isWord = (text: string, word: string): boolean => text !== '' && word.startsWith(text);

function routeQuery(words: readonly string[]): RouteQuery {
  const after = (word: string): string | undefined => {
    const at = words.indexOf(word);
    return at < 0 ? undefined : words[at + 1];
  };
  const target = after('for');
  const address = target === undefined ? undefined : Ipv4.parse(target);
  const prefix = words.map(Prefix.parse).find(p => p !== undefined);
  const protocol = after('protocol')?.replace(/"/g, '');
  return {
    all: words.includes('all'),
    primary: words.includes('primary'),
    ...(address !== undefined && { for: address }),
    ...(prefix !== undefined && { prefix }),
    ...(protocol !== undefined && { protocol }),
  };
}
