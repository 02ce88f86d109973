/** `vtysh -c 'show …'` of a router: the words of FRR's commands, cut short as anybody likes, and what it answers. */
import * as Ipv4 from '../addr/ipv4.ts';
import { ipBgp, ipRoute, type RouteCode, summary } from '../bgp/frr-show.ts';
import type { Peering } from '../bgp/peering.ts';
import type { Speaker } from '../bgp/speaker.ts';

/** Text and exit code; undefined: FRR has it and this lab has not. */
export type VtyshAnswer = readonly [text: string, exitCode: number] | undefined;

/** Commands that are understood, keyword by keyword; `A` stands for an address or prefix. */
const COMMANDS: readonly (readonly [
  words: string,
  answer: (speaker: Speaker, at: string) => string | undefined,
])[] = [
  ['show ip bgp', speaker => ipBgp(speaker)],
  ['show ip bgp ipv4 unicast', speaker => ipBgp(speaker)],
  ['show bgp', speaker => ipBgp(speaker)],
  ['show bgp ipv4 unicast', speaker => ipBgp(speaker)],
  ['show ip bgp summary', summary],
  ['show bgp summary', summary],
  ['show bgp ipv4 unicast summary', summary],
  ['show ip bgp neighbors A routes', (speaker, at) => ofPeer(speaker, at)],
  ['show bgp neighbors A routes', (speaker, at) => ofPeer(speaker, at)],
  ['show bgp ipv4 unicast neighbors A routes', (speaker, at) => ofPeer(speaker, at)],
  ['show ip route', speaker => ipRoute(speaker, undefined)],
  ...(['bgp', 'connected', 'kernel'] as const).map(
    origin => [`show ip route ${origin}`, (speaker: Speaker) => ipRoute(speaker, CODES[origin])] as const,
  ),
  ['show ip bgp A', () => undefined],
  ['show ip bgp neighbors', () => undefined],
  ['show ip bgp neighbors A', () => undefined],
  ['show ip bgp neighbors A advertised-routes', () => undefined],
  ['show bgp neighbors', () => undefined],
  ['show ip route A', () => undefined],
  ['show ip route static', () => undefined],
  ['show running-config', () => undefined],
  ['show version', () => undefined],
  ['show interface', () => undefined],
  ['show interface brief', () => undefined],
  ['configure terminal', () => undefined],
  ['clear ip bgp A', () => undefined],
  ['write memory', () => undefined],
];

const CODES: Readonly<Record<'bgp' | 'connected' | 'kernel', RouteCode>> = {
  bgp: 'B',
  connected: 'C',
  kernel: 'K',
};

export function vtysh(speaker: Speaker, words: readonly string[]): VtyshAnswer {
  const typed = words.join(' ');
  const fitting = COMMANDS.filter(([command]) => fits(command.split(' '), words));
  const exact = fitting.find(([command]) => command === typed);
  const [found] = exact === undefined ? fitting : [exact];
  if (found === undefined) return [`% Unknown command: ${typed}\n`, 1];
  if (exact === undefined && new Set(fitting.map(([, answer]) => answer)).size > 1)
    return [`% Ambiguous command: ${typed}\n`, 1];
  const address = words.find(word => ADDRESS.test(word)) ?? '';
  const text = found[1](speaker, address);
  return text === undefined ? undefined : [text, 0];
}

const ADDRESS = /^\d+\.\d+\.\d+\.\d+(\/\d+)?$/;

const fits = (command: readonly string[], words: readonly string[]): boolean =>
  command.length === words.length &&
  command.every((keyword, i) => (keyword === 'A' ? ADDRESS.test(words[i]!) : keyword.startsWith(words[i]!)));

function ofPeer(speaker: Speaker, at: string): string {
  const address = Ipv4.parse(at);
  const peering: Peering | undefined = [...speaker.peerings.values()].find(
    ({ config }) => config.remoteAddress === address,
  );
  return peering === undefined ? '% No such neighbor or address family\n' : ipBgp(speaker, peering);
}
