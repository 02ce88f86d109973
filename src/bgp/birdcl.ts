/**
 * The commands of `birdcl` that a lab needs, as BIRD 1.6 reads them:
 *
 *     show status
 *     show protocols [all] [NAME]
 *     show route [all] [count] [primary] [for ADDRESS] [PREFIX] [protocol NAME]     in any order
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import * as Show from './show.ts';
import type { Speaker } from './speaker.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What `birdcl COMMAND` prints, or `undefined` when it is not one of the above. Words may be shortened as in BIRD: `sh r`. */
export function birdcl(speaker: Speaker, command: string, clock?: Show.WallClock): string | undefined {
  const [verb = '', noun = '', ...rest] = command.trim().split(/\s+/);
  if (!isShortFor(verb, 'show')) return undefined;
  if (noun !== '' && isShortFor(noun, 'status') && rest.length === 0) return Show.status(speaker, clock);
  if (isShortFor(noun, 'protocols')) return protocols(speaker, rest, clock);
  if (isShortFor(noun, 'route')) return routes(speaker, rest, clock);
  return undefined;
}

const isShortFor = (word: string, full: string): boolean => word !== '' && full.startsWith(word);

function protocols(speaker: Speaker, words: readonly string[], clock?: Show.WallClock): string | undefined {
  const names = words.filter(word => word !== 'all');
  if (names.length > 1) return undefined;
  const name = names[0]?.replaceAll('"', '');
  return Show.protocols(
    speaker,
    { all: words.includes('all'), ...(name === undefined ? {} : { name }) },
    clock,
  );
}

function routes(speaker: Speaker, words: readonly string[], clock?: Show.WallClock): string | undefined {
  const query: Mutable<Show.RouteQuery> = {};
  const left = [...words];
  while (left.length > 0) {
    const word = left.shift()!;
    if (word === 'all' || word === 'primary' || word === 'count') query[word] = true;
    else if (word === 'for') {
      const address = Ipv4.parse(left.shift()?.split('/')[0] ?? '');
      if (address === undefined) return undefined;
      query.for = address;
    } else if (word === 'protocol') {
      const name = left.shift();
      if (name === undefined) return undefined;
      query.protocol = name.replaceAll('"', '');
    } else {
      const prefix = Prefix.parse(word.includes('/') ? word : `${word}/32`);
      if (prefix === undefined) return undefined;
      query.prefix = prefix;
    }
  }
  return Show.routes(speaker, query, clock);
}
