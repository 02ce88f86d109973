/** What an IP pool decides: the encapsulation, masquerading, who is told of it, whether there is one. */
import * as Prefix from '../addr/prefix.ts';
import type { IPPool } from '../calico/resources/pool.ts';
import { type Candidate, patched, placeOf, typed } from './candidate.ts';
import { type Facts, parties } from './facts.ts';

interface Mode {
  readonly ipipMode: 'Never' | 'CrossSubnet' | 'Always';
  readonly vxlanMode: 'Never' | 'CrossSubnet' | 'Always';
}

/** Of each row the first that helps is enough: a tunnel everywhere is offered only where one between subnets is no help. */
const MODES: readonly (readonly Mode[])[] = [
  [
    { ipipMode: 'CrossSubnet', vxlanMode: 'Never' },
    { ipipMode: 'Always', vxlanMode: 'Never' },
  ],
  [
    { ipipMode: 'Never', vxlanMode: 'CrossSubnet' },
    { ipipMode: 'Never', vxlanMode: 'Always' },
  ],
  [{ ipipMode: 'Never', vxlanMode: 'Never' }],
];

const poolsOf = ({ pools }: Facts, addresses: readonly number[]): IPPool[] =>
  pools.filter(pool => addresses.some(address => Prefix.contains(Prefix.from(pool.spec.cidr), address)));

/** Rows of candidates: the first of a row that helps makes the rest of it superfluous. */
export function modes(facts: Facts): Candidate[][] {
  const [pool] = poolsOf(
    facts,
    parties(facts).map(party => party.address),
  );
  if (pool === undefined) return [];
  const { ipipMode = 'Never', vxlanMode = 'Never' } = pool.spec;
  return MODES.map(row =>
    row
      .filter(mode => mode.ipipMode !== ipipMode || mode.vxlanMode !== vxlanMode)
      .map(mode => {
        const field = mode.ipipMode !== 'Never' || vxlanMode === 'Never' ? 'ipipMode' : 'vxlanMode';
        const shown = mode.vxlanMode !== 'Never' ? 'vxlanMode' : field;
        const { name } = pool.metadata;
        const cure = patched(facts.scenario, 'IPPool', name, ['spec'], mode, `${shown}: ${mode[shown]}`);
        return { ...cure, place: placeOf(facts.scenario, 'IPPool', name, ['spec', shown]) };
      }),
  );
}

/** Whether what leaves a pool is masqueraded: its own switch, and other pools that cover where it goes. */
export function masquerading(facts: Facts): Candidate[] {
  const [from, to] = parties(facts);
  if (from === undefined || to === undefined || to.namespace !== '') return [];
  const off = poolsOf(facts, [from.address]).filter(pool => pool.spec.natOutgoing !== true);
  const covering = from.namespace === '' ? [] : poolsOf(facts, [to.address]);
  return [
    ...off.map(({ metadata }) =>
      patched(facts.scenario, 'IPPool', metadata.name, ['spec', 'natOutgoing'], true, 'natOutgoing: true'),
    ),
    ...covering.map(({ metadata, spec }) =>
      typed(`no pool over ${spec.cidr}`, `calicoctl delete ippool ${metadata.name}`),
    ),
  ];
}

/** A pool whose routes are kept from BGP. */
export const unexported = (facts: Facts): Candidate[] =>
  poolsOf(
    facts,
    parties(facts).map(party => party.address),
  )
    .filter(pool => pool.spec.disableBGPExport === true)
    .map(({ metadata }) =>
      patched(
        facts.scenario,
        'IPPool',
        metadata.name,
        ['spec', 'disableBGPExport'],
        false,
        'disableBGPExport: false',
      ),
    );

/** Why a pod has no address. */
export function addresses(facts: Facts): Candidate[] {
  if (facts.pending.length === 0) return [];
  const { scenario, pools } = facts;
  const off = pools.filter(pool => pool.spec.disabled === true);
  const chosen = pools.filter(pool => ![undefined, '', 'all()'].includes(pool.spec.nodeSelector));
  const set = (name: string, field: string, value: unknown): Candidate =>
    patched(scenario, 'IPPool', name, ['spec', field], value, `${field}: ${value}`);
  return [
    typed('strictAffinity: false', 'calicoctl ipam configure --strictaffinity=false'),
    ...off.map(({ metadata }) => set(metadata.name, 'disabled', false)),
    ...chosen.map(({ metadata }) => set(metadata.name, 'nodeSelector', 'all()')),
  ];
}
