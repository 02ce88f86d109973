/**
 * IPPool, IPReservation and IPAMConfiguration (facts: calico-resources §1, §7), with the checks and the words of the
 * v3.28 client (libcalico-go/lib/clientv3/ippool.go).
 */
import * as Prefix from '../../addr/prefix.ts';
import type { FieldPath, Problem, ResourceBase } from './meta.ts';
import { checkSelector, oneOf, quoted } from './rules.ts';
import { bool, int, list, object, string } from './shape.ts';

export type EncapsulationMode = 'Never' | 'Always' | 'CrossSubnet';
export type AllowedUse = 'Workload' | 'Tunnel';

export interface IPPool extends ResourceBase<'IPPool'> {
  spec: {
    cidr: string;
    ipipMode?: EncapsulationMode;
    vxlanMode?: EncapsulationMode;
    blockSize?: number;
    natOutgoing?: boolean;
    disabled?: boolean;
    disableBGPExport?: boolean;
    nodeSelector?: string;
    allowedUses?: AllowedUse[];
  };
}

export interface IPReservation extends ResourceBase<'IPReservation'> {
  spec: { reservedCIDRs?: string[] };
}

export interface IPAMConfiguration extends ResourceBase<'IPAMConfiguration'> {
  spec: { strictAffinity?: boolean; maxBlocksPerHost?: number; autoAllocateBlocks?: boolean };
}

export const DEFAULT_POOL_NAME = 'default-ipv4-ippool';
export const DEFAULT_BLOCK_SIZE = 26;
const DEFAULT_BLOCK_SIZE_IPV6 = 122;
const LINK_LOCAL = Prefix.from('169.254.0.0/16');

export const IPPOOL_SPEC = object('IPPoolSpec', {
  cidr: string,
  ipipMode: string,
  vxlanMode: string,
  blockSize: int,
  natOutgoing: bool,
  disabled: bool,
  disableBGPExport: bool,
  nodeSelector: string,
  allowedUses: list(string),
});

export const IPRESERVATION_SPEC = object('IPReservationSpec', { reservedCIDRs: list(string) });

export const IPAMCONFIG_SPEC = object('IPAMConfigurationSpec', {
  strictAffinity: bool,
  maxBlocksPerHost: int,
  autoAllocateBlocks: bool,
});

/** An IPv6 CIDR by its looks: such a pool is refused, but with Calico's own words where it has some. */
const isIpv6 = (cidr: string): boolean => /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\/\d{1,3}$/.test(cidr);

/** The pool as the client stores it: CIDR masked, every defaulted field filled in. */
export function defaultIPPool(pool: IPPool): IPPool {
  const prefix = Prefix.parse(pool.spec.cidr);
  const cidr =
    prefix === undefined ? pool.spec.cidr : Prefix.format(Prefix.network(prefix.address, prefix.length));
  const { blockSize, allowedUses, nodeSelector, ipipMode, vxlanMode } = pool.spec;
  const spec = {
    ...pool.spec,
    cidr,
    blockSize: blockSize || (isIpv6(cidr) ? DEFAULT_BLOCK_SIZE_IPV6 : DEFAULT_BLOCK_SIZE),
    allowedUses: allowedUses?.length ? allowedUses : (['Workload', 'Tunnel'] as AllowedUse[]),
    nodeSelector: nodeSelector || 'all()',
    ipipMode: ipipMode || 'Never',
    vxlanMode: vxlanMode || 'Never',
  };
  // The API omits false and empty fields, so they read the same whether they were written or not.
  if (spec.natOutgoing === false) delete spec.natOutgoing;
  if (spec.disabled === false) delete spec.disabled;
  if (spec.disableBGPExport === false) delete spec.disableBGPExport;
  return { ...pool, spec };
}

/** What else is in the datastore, for the checks of a new pool. */
export interface PoolContext {
  readonly pools: readonly IPPool[];
  /** CIDRs of the IPAM blocks that exist. */
  readonly blockCidrs: readonly string[];
}

const problem = (field: string, value: unknown, reason: string, path: FieldPath): Problem => ({
  field: `IPPool.Spec.${field}`,
  value,
  reason,
  path,
});

const CIDR: FieldPath = ['spec', 'cidr'];
const BLOCK_SIZE: FieldPath = ['spec', 'blockSize'];

/**
 * Check a pool that `given` asks for; `old` is the stored one of the same name, if any (immutability then, overlap
 * otherwise). Problems come in the client's order.
 */
export function validateIPPool(given: IPPool, old: IPPool | undefined, context: PoolContext): Problem[] {
  const asked = given.spec.cidr;
  if (!asked) return [problem('CIDR', undefined, 'IPPool CIDR must be specified', CIDR)];
  const v6 = isIpv6(asked);
  const prefix = Prefix.parse(asked);
  if (prefix === undefined && !v6) {
    return [problem('CIDR', asked, 'IPPool CIDR must be a valid subnet', CIDR)];
  }
  const pool = defaultIPPool(given);
  const { spec } = pool;
  const problems: Problem[] = [];
  if (old !== undefined && old.spec.cidr !== spec.cidr) {
    problems.push(problem('CIDR', spec.cidr, 'IPPool CIDR cannot be modified', CIDR));
  }
  if (old !== undefined && old.spec.blockSize !== spec.blockSize) {
    problems.push(problem('BlockSize', spec.blockSize, 'IPPool BlockSize cannot be modified', BLOCK_SIZE));
  }
  problems.push(...blockSizeProblems(pool, v6));
  if (prefix !== undefined) problems.push(...sizeAndOverlapProblems(pool, prefix, old, context));
  problems.push(...modeProblems(pool, v6));
  if (prefix !== undefined && !Prefix.isMasked(prefix)) {
    problems.push(problem('CIDR', spec.cidr, 'IPPool CIDR is not strictly masked', CIDR));
  }
  if (prefix !== undefined && Prefix.overlap(prefix, LINK_LOCAL)) {
    const reason = 'IPPool CIDR overlaps with IPv4 Link Local range 169.254.0.0/16';
    problems.push(problem('CIDR', spec.cidr, reason, CIDR));
  }
  if (problems.length > 0) return problems;
  if (v6) return [problem('CIDR', spec.cidr, 'IPv6 pools are not emulated', CIDR)];
  return [...fieldProblems(pool), ...(old === undefined ? blockConflicts(pool, context) : [])];
}

function blockSizeProblems(pool: IPPool, v6: boolean): Problem[] {
  const size = pool.spec.blockSize!;
  const [low, high] = v6 ? [116, 128] : [20, 32];
  if (size >= low && size <= high) return [];
  const reason = `IPv${v6 ? 6 : 4} block size must be between ${low} and ${high}`;
  return [problem('BlockSize', size, reason, BLOCK_SIZE)];
}

function sizeAndOverlapProblems(
  pool: IPPool,
  prefix: Prefix.Prefix,
  old: IPPool | undefined,
  context: PoolContext,
): Problem[] {
  const { spec } = pool;
  const problems: Problem[] = [];
  if (spec.disabled !== true && prefix.length > spec.blockSize!) {
    const reason =
      'IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.';
    problems.push(problem('CIDR', spec.cidr, reason, CIDR));
  }
  if (old !== undefined) return problems;
  for (const other of context.pools) {
    if (other.metadata.name === pool.metadata.name) continue;
    const otherPrefix = Prefix.parse(other.spec.cidr);
    if (otherPrefix === undefined || !Prefix.overlap(prefix, otherPrefix)) continue;
    const reason = `IPPool(${pool.metadata.name}) CIDR overlaps with IPPool(${other.metadata.name}) CIDR ${other.spec.cidr}`;
    problems.push(problem('CIDR', spec.cidr, reason, CIDR));
  }
  return problems;
}

function modeProblems(pool: IPPool, v6: boolean): Problem[] {
  const { ipipMode, vxlanMode } = pool.spec;
  const problems: Problem[] = [];
  if (ipipMode !== 'Never' && vxlanMode !== 'Never') {
    const reason = 'Cannot enable both VXLAN and IPIP on the same IPPool';
    problems.push(problem('VXLANMode', vxlanMode, reason, ['spec', 'vxlanMode']));
  }
  if (v6 && ipipMode !== 'Never') {
    const reason = 'IPIP is not supported on an IPv6 IP pool';
    problems.push(problem('IPIPMode', ipipMode, reason, ['spec', 'ipipMode']));
  }
  return problems;
}

/** The checks of lib/validator/v3, which run after those of the client. */
function fieldProblems(pool: IPPool): Problem[] {
  const { spec } = pool;
  const modes = ['Always', 'CrossSubnet', 'Never'];
  const problems = [
    ...oneOf('VXLANMode', 'vxlanMode', spec.vxlanMode, modes, ['spec', 'vxlanMode']),
    ...oneOf('IPIPMode', 'ipIpMode', spec.ipipMode, modes, ['spec', 'ipipMode']),
    ...checkSelector('NodeSelector', spec.nodeSelector, ['spec', 'nodeSelector'], 'IPPool nodeSelector'),
  ];
  for (const use of spec.allowedUses ?? []) {
    if (use === 'Workload' || use === 'Tunnel') continue;
    const path = ['spec', 'allowedUses'];
    problems.push({
      field: 'IPpool.AllowedUses',
      value: spec.allowedUses,
      reason: `unknown use: ${use}`,
      path,
    });
  }
  return problems;
}

function blockConflicts(pool: IPPool, context: PoolContext): Problem[] {
  const prefix = Prefix.from(pool.spec.cidr);
  const conflict = context.blockCidrs.map(Prefix.from).some(block => {
    return block.length !== pool.spec.blockSize && Prefix.overlap(block, prefix);
  });
  // The misspelling is Calico's.
  const reason = 'IPPool blocksSize conflicts with existing allocations that use a different blockSize';
  return conflict ? [problem('BlockSize', pool.spec.blockSize, reason, BLOCK_SIZE)] : [];
}

export function validateIPReservation(reservation: IPReservation): Problem[] {
  return (reservation.spec.reservedCIDRs ?? []).flatMap((cidr, i) =>
    Prefix.parse(cidr.includes('/') ? cidr : `${cidr}/32`) === undefined
      ? [quoted('ReservedCIDRs', cidr, 'cidrs', ['spec', 'reservedCIDRs', i])]
      : [],
  );
}

export function validateIPAMConfiguration(config: IPAMConfiguration): Problem[] {
  const { name } = config.metadata;
  if (name !== 'default') {
    const reason = 'resource name must be "default"';
    return [{ field: 'metadata.name', value: name, reason, path: ['metadata', 'name'] }];
  }
  const { strictAffinity = false, autoAllocateBlocks = true, maxBlocksPerHost = 0 } = config.spec;
  const problems: Problem[] = [];
  if (!strictAffinity && !autoAllocateBlocks) {
    const reason = "Cannot disable 'StrictAffinity' and 'AutoAllocateBlocks' at the same time";
    problems.push({
      field: 'AutoAllocateBlocks',
      value: false,
      reason,
      path: ['spec', 'autoAllocateBlocks'],
    });
  }
  if (maxBlocksPerHost < 0) {
    const reason = 'must be greater than or equal to 0';
    problems.push({
      field: 'MaxBlocksPerHost',
      value: maxBlocksPerHost,
      reason,
      path: ['spec', 'maxBlocksPerHost'],
    });
  }
  if (!strictAffinity && maxBlocksPerHost > 0) {
    const reason = "'StrictAffinity' must be true when 'MaxBlocksPerHost' is greater than 0";
    problems.push({
      field: 'MaxBlocksPerHost',
      value: maxBlocksPerHost,
      reason,
      path: ['spec', 'maxBlocksPerHost'],
    });
  }
  return problems;
}
