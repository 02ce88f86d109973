/** The words of `ip route add`: `[TYPE] PREFIX via A dev D onlink proto P metric N src A scope S mtu N nexthop …`. */
import * as Ipv4 from '../../../addr/ipv4.ts';
import * as Prefix from '../../../addr/prefix.ts';
import type { RouteType } from '../../../netstack/route.ts';
import type { RouteEdit } from '../../../node/routing-commands.ts';

/** What iproute2 itself refuses, line feed included. */
export class BadRoute extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

const TYPES: readonly RouteType[] = ['unicast', 'blackhole', 'unreachable', 'prohibit', 'throw'];
const PROTOCOLS: Readonly<Record<string, string>> = {
  '12': 'bird',
  '2': 'kernel',
  '3': 'boot',
  '4': 'static',
  '16': 'dhcp',
  '186': 'bgp',
};

/** `default`, `10.0.0.1`, `10.0.0.0/8`. */
export function parseDestination(text: string): Prefix.Prefix {
  if (text === 'default' || text === 'any' || text === 'all') return { address: 0, length: 0 };
  const address = Ipv4.parse(text);
  const prefix = address === undefined ? Prefix.parse(text) : { address, length: 32 };
  if (prefix === undefined) throw new BadRoute(`Error: inet prefix is expected rather than "${text}".\n`);
  return prefix;
}

function parseAddress(text: string | undefined): Ipv4.Ipv4Address {
  const address = text === undefined ? undefined : Ipv4.parse(text);
  if (address === undefined)
    throw new BadRoute(`Error: inet address is expected rather than "${text ?? ''}".\n`);
  return address;
}

function parseNumber(text: string | undefined, what: string): number {
  if (text === undefined || !/^\d+$/.test(text))
    throw new BadRoute(`Error: argument "${text ?? ''}" is wrong: "${what}" value is invalid\n`, 255);
  return Number(text);
}

interface Hop {
  via: Ipv4.Ipv4Address;
  device: string | undefined;
  weight: number;
}

export function parseRoute(verb: RouteEdit['verb'], words: readonly string[]): RouteEdit {
  const list = [...words];
  const edit = {
    verb,
    type: undefined as RouteType | undefined,
    onlink: false,
    protocol: undefined as string | undefined,
    scope: undefined as RouteEdit['scope'],
    metric: undefined as number | undefined,
    source: 0,
    mtu: 0,
  };
  let prefix: Prefix.Prefix | undefined;
  const only: Hop = { via: 0, device: undefined, weight: 1 };
  const several: Hop[] = [];
  let hop = only;
  while (list.length > 0) {
    const word = list.shift()!;
    if (TYPES.includes(word as RouteType)) edit.type = word as RouteType;
    else if (word === 'via') hop.via = parseAddress(list.shift());
    else if (word === 'dev' || word === 'oif') hop.device = list.shift() ?? '';
    else if (word === 'weight') hop.weight = parseNumber(list.shift(), 'weight');
    else if (word === 'nexthop') {
      hop = { via: 0, device: undefined, weight: 1 };
      several.push(hop);
    } else if (word === 'onlink') edit.onlink = true;
    else if (word === 'proto' || word === 'protocol') edit.protocol = protocolCalled(list.shift());
    else if (word === 'metric' || word === 'preference' || word === 'priority')
      edit.metric = parseNumber(list.shift(), 'metric');
    else if (word === 'src') edit.source = parseAddress(list.shift());
    else if (word === 'mtu')
      edit.mtu = parseNumber(list[0] === 'lock' ? list.splice(0, 2)[1] : list.shift(), 'mtu');
    else if (word === 'scope') edit.scope = scopeCalled(list.shift());
    else if (word === 'table') tableCalled(list.shift());
    else if (word === 'to') prefix = parseDestination(list.shift() ?? '');
    else if (prefix === undefined) prefix = parseDestination(word);
    else throw new BadRoute(`Error: either "to" is duplicate, or "${word}" is a garbage.\n`, 255);
  }
  if (prefix === undefined) {
    if (only.device === undefined && only.via === 0)
      throw new BadRoute('Error: need at least a destination.\n', 255);
    prefix = { address: 0, length: 0 };
  }
  const given = only.via !== 0 || only.device !== undefined;
  return { ...edit, prefix, hops: several.length > 0 ? several : given ? [only] : [] };
}

function protocolCalled(text = ''): string {
  if (/^\d+$/.test(text)) return PROTOCOLS[text] ?? text;
  if (!/^(kernel|boot|static|dhcp|bird|bgp|ra|zebra)$/.test(text))
    throw new BadRoute(`Error: argument "${text}" is wrong: "protocol" value is invalid\n\n`, 255);
  return text;
}

function scopeCalled(text = ''): 'global' | 'link' | 'host' {
  if (text === 'global' || text === 'universe') return 'global';
  if (text === 'link' || text === 'host') return text;
  throw new BadRoute(`Error: argument "${text}" is wrong: invalid "scope" value\n\n`, 255);
}

function tableCalled(text = ''): void {
  if (text !== 'main' && text !== '254')
    throw new BadRoute('ip route table: only main is emulated in this lab\n', 2);
}
