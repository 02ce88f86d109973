/** The columns of `calicoctl get`, per kind (facts: calico-cli-formats §1). First row = header. */
import type { Kind, Resource, ResourceByKind } from '../calico/resources/kinds.ts';

type Columns<R> = readonly (readonly [header: string, cell: (resource: R) => string])[];
interface Table<R> {
  readonly narrow: Columns<R>;
  readonly wide: Columns<R>;
}

const name = (r: Resource): string => r.metadata.name;
const text = (value: unknown): string => (value === undefined ? '' : String(value));
const NAME: Columns<Resource> = [['NAME', name]];

const IPPOOL: Table<ResourceByKind['IPPool']> = {
  narrow: [
    ['NAME', name],
    ['CIDR', p => p.spec.cidr],
    ['SELECTOR', p => p.spec.nodeSelector ?? 'all()'],
  ],
  wide: [
    ['NAME', name],
    ['CIDR', p => p.spec.cidr],
    ['NAT', p => String(p.spec.natOutgoing === true)],
    ['IPIPMODE', p => p.spec.ipipMode ?? 'Never'],
    ['VXLANMODE', p => p.spec.vxlanMode ?? 'Never'],
    ['DISABLED', p => String(p.spec.disabled === true)],
    ['DISABLEBGPEXPORT', p => String(p.spec.disableBGPExport === true)],
    ['SELECTOR', p => p.spec.nodeSelector ?? 'all()'],
  ],
};

const NODE: Table<ResourceByKind['Node']> = {
  narrow: NAME,
  wide: [
    ['NAME', name],
    ['ASN', n => (n.spec.bgp?.asNumber === undefined ? '(64512)' : String(n.spec.bgp.asNumber))],
    ['IPV4', n => text(n.spec.bgp?.ipv4Address)],
    ['IPV6', n => text(n.spec.bgp?.ipv6Address)],
  ],
};

const BGPPEER_COLUMNS: Columns<ResourceByKind['BGPPeer']> = [
  ['NAME', name],
  ['PEERIP', p => text(p.spec.peerIP)],
  ['NODE', p => p.spec.node ?? p.spec.nodeSelector ?? '(global)'],
  ['ASN', p => String(p.spec.asNumber ?? 0)],
];

const BGPCONFIGURATION_COLUMNS: Columns<ResourceByKind['BGPConfiguration']> = [
  ['NAME', name],
  ['LOGSEVERITY', c => c.spec.logSeverityScreen ?? '-'],
  ['MESHENABLED', c => text(c.spec.nodeToNodeMeshEnabled ?? '-')],
  ['ASNUMBER', c => text(c.spec.asNumber ?? '-')],
];

const WEP: Table<ResourceByKind['WorkloadEndpoint']> = {
  narrow: [
    ['WORKLOAD', w => w.spec.pod],
    ['NODE', w => w.spec.node],
    ['NETWORKS', w => w.spec.ipNetworks.join(',')],
    ['INTERFACE', w => w.spec.interfaceName],
  ],
  wide: [
    ['NAME', name],
    ['WORKLOAD', w => w.spec.pod],
    ['NODE', w => w.spec.node],
    ['NETWORKS', w => w.spec.ipNetworks.join(',')],
    ['INTERFACE', w => w.spec.interfaceName],
    ['PROFILES', w => w.spec.profiles.join(',')],
    ['NATS', () => ''],
  ],
};

const IPRESERVATION: Table<ResourceByKind['IPReservation']> = {
  narrow: NAME,
  wide: [
    ['NAME', name],
    ['CIDRS', r => (r.spec.reservedCIDRs ?? []).join(',').slice(0, 80)],
  ],
};

const BGPFILTER_COLUMNS: Columns<ResourceByKind['BGPFilter']> = [
  ['NAME', name],
  ['NUMEXPORTV4', f => text((f.spec.exportV4 ?? []).length)],
  ['NUMIMPORTV4', f => text((f.spec.importV4 ?? []).length)],
  ['NUMEXPORTV6', f => text((f.spec.exportV6 ?? []).length)],
  ['NUMIMPORTV6', f => text((f.spec.importV6 ?? []).length)],
];

const TABLES: { readonly [K in Kind]?: Table<ResourceByKind[K]> } = {
  IPPool: IPPOOL,
  Node: NODE,
  BGPPeer: { narrow: BGPPEER_COLUMNS, wide: BGPPEER_COLUMNS },
  BGPConfiguration: { narrow: BGPCONFIGURATION_COLUMNS, wide: BGPCONFIGURATION_COLUMNS },
  BGPFilter: { narrow: BGPFILTER_COLUMNS, wide: BGPFILTER_COLUMNS },
  WorkloadEndpoint: WEP,
  IPReservation: IPRESERVATION,
};

/** Header and rows for `objects`, all of `kind`. */
export function calicoColumns(
  kind: Kind,
  objects: readonly Resource[],
  wide: boolean,
  withNamespace: boolean,
): string[][] {
  const table = (TABLES[kind] ?? { narrow: NAME, wide: NAME }) as Table<Resource>;
  const own = wide ? table.wide : table.narrow;
  const namespace: Columns<Resource> = [['NAMESPACE', r => text(r.metadata.namespace)]];
  const columns = withNamespace && objects.some(o => o.metadata.namespace) ? [...namespace, ...own] : own;
  return [
    columns.map(([header]) => header),
    ...objects.map(object => columns.map(([, cell]) => cell(object))),
  ];
}
