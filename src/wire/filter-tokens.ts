/** The words of a capture filter, with their places, as libpcap's scanner cuts them: the longest match. See filter.ts. */

/** The expression cannot be understood; the message is tcpdump's. `at` is 0-based, in UTF-16 units of the expression. */
export class FilterError extends Error {
  readonly code = 'FILTER_SYNTAX';
  readonly at: number;

  constructor(at: number, why: string) {
    super(why === SYNTAX_ERROR ? `can't parse filter expression: ${why}` : why);
    this.at = at;
  }
}
export const SYNTAX_ERROR = 'syntax error';

export interface Token {
  /** `id` is a name, `keyword` a word with a meaning; only the latter can be mistaken for neither. */
  readonly kind: 'keyword' | 'id' | 'number' | 'dotted' | 'mac' | 'ipv6' | 'operator';
  readonly text: string;
  readonly at: number;
  /** Of a number. */
  readonly value: number;
}

const SYNONYMS: Readonly<Record<string, string>> = {
  '&&': 'and',
  '||': 'or',
  '!': 'not',
  '==': '=',
  link: 'ether',
  ppp: 'ether',
  slip: 'ether',
  fddi: 'ether',
  tr: 'ether',
  wlan: 'ether',
  netmask: 'mask',
  ifname: 'on',
  rulenum: 'rnr',
  subrulenum: 'srnr',
  ruleset: 'rset',
  direction: 'dir',
  address1: 'addr1',
  address2: 'addr2',
  address3: 'addr3',
  address4: 'addr4',
};

/** Named numbers: places in a header, and what stands there. */
const CONSTANTS: Readonly<Record<string, number>> = {
  icmptype: 0,
  icmpcode: 1,
  'icmp-echoreply': 0,
  'icmp-unreach': 3,
  'icmp-sourcequench': 4,
  'icmp-redirect': 5,
  'icmp-echo': 8,
  'icmp-routeradvert': 9,
  'icmp-routersolicit': 10,
  'icmp-timxceed': 11,
  'icmp-paramprob': 12,
  'icmp-tstamp': 13,
  'icmp-tstampreply': 14,
  'icmp-ireq': 15,
  'icmp-ireqreply': 16,
  'icmp-maskreq': 17,
  'icmp-maskreply': 18,
  icmp6type: 0,
  icmp6code: 1,
  'icmp6-destinationrunreach': 1,
  'icmp6-packettoobig': 2,
  'icmp6-timeexceeded': 3,
  'icmp6-parameterproblem': 4,
  'icmp6-echo': 128,
  'icmp6-echoreply': 129,
  'icmp6-multicastlistenerquery': 130,
  'icmp6-multicastlistenerreportv1': 131,
  'icmp6-multicastlistenerdone': 132,
  'icmp6-routersolicit': 133,
  'icmp6-routeradvert': 134,
  'icmp6-neighborsolicit': 135,
  'icmp6-neighboradvert': 136,
  'icmp6-redirect': 137,
  tcpflags: 13,
  'tcp-fin': 1,
  'tcp-syn': 2,
  'tcp-rst': 4,
  'tcp-push': 8,
  'tcp-ack': 16,
  'tcp-urg': 32,
  'tcp-ece': 64,
  'tcp-cwr': 128,
};

const KEYWORDS: ReadonlySet<string> = new Set(
  `ether link ppp slip fddi tr wlan arp rarp ip sctp tcp udp icmp igmp igrp pim vrrp carp ip6 icmp6 ah esp atalk aarp
  decnet lat sca moprc mopdl iso esis es-is isis is-is l1 l2 iih lsp snp csnp psnp clnp stp ipx netbeui radio host net
  mask netmask port portrange proto protochain gateway src dst and or not less greater byte broadcast multicast
  inbound outbound ifindex vlan mpls pppoed pppoes geneve len type subtype dir direction addr1 addr2 addr3 addr4
  address1 address2 address3 address4 ra ta on ifname rnr rulenum srnr subrulenum reason rset ruleset action llc lane
  oam oamf4 metac bcc oamf4sc oamf4ec sc ilmic vpi vci connectmsg fisu lssu msu hfisu hlssu hmsu sio opc dpc sls hsio
  hopc hdpc hsls`.split(/\s+/),
);

const B = '[0-9a-fA-F]{1,2}';
const N = '(?:0[xX][0-9a-fA-F]+|[0-9]+)';
const group = (separator: string): string => `(?:${B}${separator}){5}${B}`;
const DOTTED_IPV6_TAIL = '(?:[0-9]{1,3}\\.){3}[0-9]{1,3}';
const H = '[0-9a-fA-F]{1,4}';
const IPV6 = `(?:(?:${H}:){7}${H}|(?:${H}:){6}${DOTTED_IPV6_TAIL}|(?:${H}(?::${H})*)?::(?:(?:${H}:)*(?:${DOTTED_IPV6_TAIL}|${H}))?)`;

const BOGUS = 'bogus';
/** In the order in which they win when they match the same length. */
const PATTERNS: readonly (readonly [Token['kind'] | typeof BOGUS, RegExp])[] = [
  ['operator', /&&|\|\||<<|>>|<=|>=|!=|==|[!()[\]:/\-+*%&|^<>=]/y],
  [
    'mac',
    new RegExp(
      `${group(':')}|${group('-')}|${group('\\.')}|[0-9a-fA-F]{4}(?:\\.[0-9a-fA-F]{4}){2}|[0-9a-fA-F]{12}`,
      'y',
    ),
  ],
  ['dotted', new RegExp(`${N}(?:\\.${N}){1,3}`, 'y')],
  ['number', new RegExp(N, 'y')],
  ['ipv6', new RegExp(IPV6, 'y')],
  [BOGUS, new RegExp(`${B}:+(?:${B}:+)+`, 'y')],
  ['id', /[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?/y],
  ['id', /\\[^ !()\n\t]+/y],
];

/** Throws `FilterError`. */
export function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < expression.length; ) {
    if (/[ \n\r\t]/.test(expression[at]!)) {
      at += 1;
      continue;
    }
    let longest: readonly [kind: Token['kind'] | typeof BOGUS, text: string] = ['operator', ''];
    for (const [kind, pattern] of PATTERNS) {
      pattern.lastIndex = at;
      const text = pattern.exec(expression)?.[0] ?? '';
      if (text.length > longest[1].length) longest = [kind, text];
    }
    const [kind, text] = longest;
    if (text === '') throw new FilterError(at, SYNTAX_ERROR);
    if (kind === BOGUS) throw new FilterError(at, `bogus ethernet address ${text}`);
    tokens.push(token(kind, text, at));
    at += text.length;
  }
  return tokens;
}

function token(kind: Token['kind'], text: string, at: number): Token {
  const plain = { kind, text: SYNONYMS[text] ?? text, at, value: 0 };
  if (kind === 'number') return { ...plain, value: numberOf(text, at) };
  if (kind === 'operator')
    return ['and', 'or', 'not'].includes(plain.text) ? { ...plain, kind: 'keyword' } : plain;
  if (kind !== 'id') return plain;
  if (text.startsWith('\\')) return { ...plain, text: text.slice(1) };
  if (Object.hasOwn(CONSTANTS, text)) return { ...plain, kind: 'number', value: CONSTANTS[text]! };
  return KEYWORDS.has(text) ? { ...plain, kind: 'keyword' } : { ...plain, text };
}

/** As C reads numbers: 0x… and 0… */
function numberOf(text: string, at: number): number {
  const octal = /^0[0-9]/.test(text);
  if (octal && /[89]/.test(text)) throw new FilterError(at, `number ${text} contains non-octal digit`);
  const value = octal ? Number.parseInt(text, 8) : Number(text);
  if (value > 0xffff_ffff) throw new FilterError(at, `number ${text} overflows 32 bits`);
  return value;
}
