/**
 * What `ss` lets through: `state S`, `dst A[/n][:P]`, `src …`, `sport = :P`, `dport >= :P`, `and`, `or`, `not`, brackets
 * (ss(8), "EXPRESSION").
 */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { SocketView } from '../node/command.ts';

type Test = (socket: SocketView) => boolean;

/** An expression that `ss` refuses, in its words, line feed included. */
export class BadFilter extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 255) {
    super(message);
    this.exitCode = exitCode;
  }
}

export interface SocketFilter {
  readonly keeps: Test;
  /** States asked for by name. */
  readonly states: ReadonlySet<string> | undefined;
}

const STATES: Readonly<Record<string, readonly string[]>> = {
  established: ['ESTAB'],
  'syn-sent': ['SYN-SENT'],
  'syn-recv': ['SYN-RECV'],
  'fin-wait-1': ['FIN-WAIT-1'],
  'fin-wait-2': ['FIN-WAIT-2'],
  'time-wait': ['TIME-WAIT'],
  unconnected: ['UNCONN'],
  'close-wait': ['CLOSE-WAIT'],
  'last-ack': ['LAST-ACK'],
  listening: ['LISTEN'],
  closing: ['CLOSING'],
};
const CONNECTED = Object.entries(STATES)
  .filter(([name]) => name !== 'listening' && name !== 'unconnected')
  .flatMap(([, states]) => states);
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  all: Object.values(STATES).flat(),
  connected: CONNECTED,
  synchronized: CONNECTED.filter(state => state !== 'SYN-SENT'),
};
const PORTS: Readonly<Record<string, number>> = { bgp: 179, http: 80, https: 443, ssh: 22 };

export function socketFilter(words: readonly string[]): SocketFilter {
  const tokens = words
    .join(' ')
    .replace(/[()]/g, ' $& ')
    .split(/\s+/)
    .filter(word => word !== '');
  let states: Set<string> | undefined;
  while (tokens[0] === 'state' || tokens[0] === 'exclude') {
    const [verb, name = ''] = tokens.splice(0, 2);
    const found = STATES[name] ?? GROUPS[name];
    if (found === undefined) throw new BadFilter(`ss: wrong state name: ${name}\n`);
    const old = states ?? new Set(verb === 'exclude' ? GROUPS['all'] : []);
    states = new Set(verb === 'exclude' ? [...old].filter(s => !found.includes(s)) : [...old, ...found]);
  }
  const test = tokens.length === 0 ? () => true : either(tokens);
  if (tokens.length > 0)
    throw new BadFilter(`ss: bison bellows (while parsing filter): "syntax error!" Sorry.\n`);
  return { keeps: test, states };
}

function either(tokens: string[]): Test {
  let test = both(tokens);
  while (['or', '||', '|'].includes(tokens[0] ?? '')) {
    tokens.shift();
    const [one, other] = [test, both(tokens)];
    test = socket => one(socket) || other(socket);
  }
  return test;
}

function both(tokens: string[]): Test {
  let test = single(tokens);
  while (tokens.length > 0 && !['or', '||', '|', ')'].includes(tokens[0]!)) {
    if (['and', '&&', '&'].includes(tokens[0]!)) tokens.shift();
    const [one, other] = [test, single(tokens)];
    test = socket => one(socket) && other(socket);
  }
  return test;
}

function single(tokens: string[]): Test {
  const word = tokens.shift() ?? '';
  if (word === 'not' || word === '!') {
    const test = single(tokens);
    return socket => !test(socket);
  }
  if (word === '(') {
    const test = either(tokens);
    tokens.shift();
    return test;
  }
  if (word === 'dst' || word === 'src') {
    if (tokens[0] === '=') tokens.shift();
    return ofAddress(word, tokens.shift() ?? '');
  }
  if (word === 'dport' || word === 'sport') return ofPort(word, tokens.shift() ?? '', tokens.shift() ?? '');
  return ofAddress('dst', word);
}

function ofAddress(side: 'dst' | 'src', text: string): Test {
  const [, host = '', port] = /^(.*?)(?::(\w+|\*))?$/.exec(text)!;
  const address = Ipv4.parse(host);
  const prefix =
    host === '' || host === '*' ? ANY : address === undefined ? Prefix.parse(host) : { address, length: 32 };
  if (prefix === undefined)
    throw new BadFilter(
      `Error: an inet prefix is expected rather than "${host}".\nCannot parse dst/src address.\n`,
      1,
    );
  const number = port === undefined || port === '*' ? undefined : portCalled(port);
  return socket => {
    const there = side === 'dst' ? socket.remoteAddress : socket.localAddress;
    const thatPort = side === 'dst' ? socket.remotePort : socket.localPort;
    return Prefix.contains(prefix, there) && (number === undefined || thatPort === number);
  };
}

const ANY: Prefix.Prefix = { address: 0, length: 0 };

function portCalled(text: string): number {
  const number = PORTS[text] ?? Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65_535)
    throw new BadFilter(`Error: "${text}" does not look like a port.\nCannot parse dst/src address.\n`, 1);
  return number;
}

function ofPort(side: 'dport' | 'sport', operator: string, text: string): Test {
  const port = portCalled(text.replace(/^:/, ''));
  const compare: Readonly<Record<string, (value: number) => boolean>> = {
    '=': value => value === port,
    '==': value => value === port,
    eq: value => value === port,
    '!=': value => value !== port,
    ne: value => value !== port,
    '>=': value => value >= port,
    ge: value => value >= port,
    '<=': value => value <= port,
    le: value => value <= port,
    '>': value => value > port,
    gt: value => value > port,
    '<': value => value < port,
    lt: value => value < port,
  };
  const fits = Object.hasOwn(compare, operator) ? compare[operator]! : undefined;
  if (fits === undefined)
    throw new BadFilter(`ss: bison bellows (while parsing filter): "syntax error!" Sorry.\n`);
  return socket => fits(side === 'dport' ? socket.remotePort : socket.localPort);
}
