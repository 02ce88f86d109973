/**
 * The rules behind `Hooks` as `iptables-save` lists them: those that this lab carries out, NAT and the protection of
 * tunnels. Chains of policies are not among them, for there are no policies.
 *
 * Felix marks each rule with a hash of it and of all before it in its chain (its iptables/rules.go): SHA-224, the first
 * 16 digits of base64. So a rule here has the mark that a real node shows.
 */
import { createHash } from 'node:crypto';
import * as Ipv4 from '../../addr/ipv4.ts';
import { type Hooks, type InputRule, IP_SETS } from './hooks.ts';

/** `written` is Felix's own form, which is hashed; `match` and `target` are what iptables-save makes of it. */
interface Rule {
  readonly written: string;
  /** In front of the comment: protocol and devices. */
  readonly first?: string;
  readonly remark?: string;
  readonly match?: string;
  readonly target: string;
}

type Chains = ReadonlyMap<string, readonly Rule[]>;

interface Table {
  readonly name: 'filter' | 'nat';
  readonly builtIn: readonly string[];
  readonly chains: Chains;
}

const jump = (chain: string): Rule => ({ written: `--jump ${chain}`, target: chain });

const MASQUERADE = 'MASQUERADE --random-fully';

function natOutgoing({ natOutgoing }: Hooks): Rule[] {
  if (natOutgoing === undefined) return [];
  const { sourceSet, exceptDestinationSets, toAddress, outInterface } = natOutgoing;
  const sets = exceptDestinationSets.map(set => `-m set ! --match-set ${set} dst`).join(' ');
  const match = `-m set --match-set ${sourceSet} src ${sets}`;
  const target =
    toAddress === undefined ? MASQUERADE : `SNAT --to-source ${Ipv4.format(toAddress)} --random-fully`;
  const device = outInterface === undefined ? '' : ` --out-interface ${outInterface}`;
  return [
    {
      written: `${match}${device} --jump ${target}`,
      ...(outInterface !== undefined && { first: `-o ${outInterface} ` }),
      match: `${match} `,
      target,
    },
  ];
}

const ONLY_ITS_OWN = '-m addrtype ! --src-type LOCAL --limit-iface-out -m addrtype --src-type LOCAL';

const tunnelMasquerade = (device: string): Rule => ({
  written: `--out-interface ${device} ${ONLY_ITS_OWN} --jump ${MASQUERADE}`,
  first: `-o ${device} `,
  match: `${ONLY_ITS_OWN} `,
  target: MASQUERADE,
});

function natTable(hooks: Hooks): Table {
  const chains = new Map<string, readonly Rule[]>([
    ['PREROUTING', [jump('cali-PREROUTING')]],
    ['OUTPUT', [jump('cali-OUTPUT')]],
    ['POSTROUTING', [jump('cali-POSTROUTING')]],
    ['cali-OUTPUT', [jump('cali-fip-dnat')]],
    [
      'cali-POSTROUTING',
      [
        jump('cali-fip-snat'),
        jump('cali-nat-outgoing'),
        ...hooks.tunnelMasquerade.map(device => tunnelMasquerade(device)),
      ],
    ],
    ['cali-PREROUTING', [jump('cali-fip-dnat')]],
    ['cali-fip-dnat', []],
    ['cali-fip-snat', []],
    ['cali-nat-outgoing', natOutgoing(hooks)],
  ]);
  return { name: 'nat', builtIn: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'], chains };
}

function inputRule({ protocol, destinationPort, sourceSet, destinationLocal, verdict }: InputRule): Rule {
  const ipip = protocol === 'ipip';
  const [allow, drop] = ipip
    ? ['Allow IPIP packets from Calico hosts', 'Drop IPIP packets from non-Calico hosts']
    : ['Allow IPv4 VXLAN packets from allowed hosts', 'Drop IPv4 VXLAN packets from non-allowed hosts'];
  const remark = `-m comment --comment "${verdict === 'ACCEPT' ? allow : drop}" `;
  const rest =
    (sourceSet === undefined ? '' : `-m set --match-set ${sourceSet} src `) +
    (destinationLocal ? '-m addrtype --dst-type LOCAL ' : '');
  const written = ipip ? '-p 4 ' : `-p udp -m multiport --destination-ports ${destinationPort} `;
  return {
    written: `${remark}${written}${rest}--jump ${verdict}`,
    first: ipip ? '-p ipencap ' : '-p udp ',
    remark,
    match: `${ipip ? '' : `-m multiport --dports ${destinationPort} `}${rest}`,
    target: verdict,
  };
}

function filterTable(hooks: Hooks): Table {
  const chains = new Map<string, readonly Rule[]>([
    ['INPUT', [jump('cali-INPUT')]],
    ['cali-INPUT', hooks.input.map(inputRule)],
  ]);
  return { name: 'filter', builtIn: ['INPUT', 'FORWARD', 'OUTPUT'], chains };
}

/** The marks of a chain's rules, in order. */
export function ruleHashes(chain: string, written: readonly string[]): string[] {
  let hash = createHash('sha224').update(chain).digest();
  return written.map(rule => {
    hash = createHash('sha224').update(hash).update(`-A ${chain} HASH ${rule}`).digest();
    return hash.toString('base64url').slice(0, 16);
  });
}

function lines({ name, builtIn, chains }: Table): string[] {
  const own = [...chains.keys()].filter(chain => !builtIn.includes(chain));
  const rules = [...chains].flatMap(([chain, all]) => {
    const marks = ruleHashes(
      chain,
      all.map(rule => rule.written),
    );
    return all.map(({ first = '', remark = '', match = '', target }, i) => {
      const mark = `-m comment --comment "cali:${marks[i]}" `;
      return `-A ${chain} ${first}${mark}${remark}${match}-j ${target}`;
    });
  });
  return [
    `*${name}`,
    ...builtIn.map(chain => `:${chain} ACCEPT [0:0]`),
    ...own.map(chain => `:${chain} - [0:0]`),
    ...rules,
    'COMMIT',
  ];
}

/** The lines of each table, `*nat` to `COMMIT`. Without Felix there is nothing in them. */
export function iptablesTables(hooks: Hooks | undefined): ReadonlyMap<'filter' | 'nat', readonly string[]> {
  const bare = (table: Table): Table => (hooks === undefined ? { ...table, chains: new Map() } : table);
  const tables = [filterTable(hooks ?? NO_HOOKS), natTable(hooks ?? NO_HOOKS)];
  return new Map(tables.map(table => [table.name, lines(bare(table))]));
}

const NO_HOOKS: Hooks = {
  ipSets: {
    [IP_SETS.allPools]: [],
    [IP_SETS.masqPools]: [],
    [IP_SETS.allHosts]: [],
    [IP_SETS.allVxlan]: [],
  },
  input: [],
  tunnelMasquerade: [],
  workloadRpfStrict: true,
  workloadMayNotSend: [],
  vxlanPort: 0,
  workloadToHost: 'DROP',
};
