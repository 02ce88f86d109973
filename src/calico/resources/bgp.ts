/** BGPConfiguration, BGPPeer and BGPFilter (facts: calico-resources §2–§4), as of v3.28. */
import * as Ipv4 from '../../addr/ipv4.ts';
import * as Prefix from '../../addr/prefix.ts';
import type { FieldPath, Problem, ResourceBase } from './meta.ts';
import { checkSelector, oneOf, parsePeerAddress, quoted } from './rules.ts';
import { asNumber, bool, int, list, map, object, string } from './shape.ts';

export interface SecretKeyRef {
  name: string;
  key: string;
}

export interface CidrBlock {
  cidr: string;
}

export interface BGPConfiguration extends ResourceBase<'BGPConfiguration'> {
  spec: {
    logSeverityScreen?: string;
    nodeToNodeMeshEnabled?: boolean;
    asNumber?: number;
    listenPort?: number;
    bindMode?: 'None' | 'NodeIP';
    nodeMeshPassword?: { secretKeyRef?: SecretKeyRef };
    nodeMeshMaxRestartTime?: string;
    communities?: { name: string; value: string }[];
    prefixAdvertisements?: { cidr: string; communities: string[] }[];
    serviceClusterIPs?: CidrBlock[];
    serviceExternalIPs?: CidrBlock[];
    serviceLoadBalancerIPs?: CidrBlock[];
    ignoredInterfaces?: string[];
  };
}

export interface BGPPeer extends ResourceBase<'BGPPeer'> {
  spec: {
    node?: string;
    nodeSelector?: string;
    peerIP?: string;
    asNumber?: number;
    peerSelector?: string;
    localASNumber?: number;
    keepOriginalNextHop?: boolean;
    nextHopMode?: 'Auto' | 'Self' | 'Keep';
    password?: { secretKeyRef?: SecretKeyRef };
    sourceAddress?: 'UseNodeIP' | 'None';
    maxRestartTime?: string;
    keepaliveTime?: string;
    numAllowedLocalASNumbers?: number;
    ttlSecurity?: number;
    reachableBy?: string;
    filters?: string[];
    reversePeering?: 'Auto' | 'Manual';
  };
}

export interface BGPFilterRule {
  cidr?: string;
  prefixLength?: { min?: number; max?: number };
  matchOperator?: 'Equal' | 'NotEqual' | 'In' | 'NotIn';
  source?: 'RemotePeers';
  interface?: string;
  action: 'Accept' | 'Reject';
}

export interface BGPFilter extends ResourceBase<'BGPFilter'> {
  spec: {
    exportV4?: BGPFilterRule[];
    importV4?: BGPFilterRule[];
    exportV6?: BGPFilterRule[];
    importV6?: BGPFilterRule[];
  };
}

export const DEFAULT_AS_NUMBER = 64512;
export const DEFAULT_BGP_PORT = 179;

const SECRET = object('BGPPassword', {
  secretKeyRef: object('SecretKeySelector', { name: string, key: string }),
});
const CIDR_BLOCKS = list(object('CIDRBlock', { cidr: string }));

export const BGPCONFIGURATION_SPEC = object('BGPConfigurationSpec', {
  logSeverityScreen: string,
  nodeToNodeMeshEnabled: bool,
  asNumber,
  listenPort: int,
  bindMode: string,
  nodeMeshPassword: SECRET,
  nodeMeshMaxRestartTime: string,
  communities: list(object('Community', { name: string, value: string })),
  prefixAdvertisements: list(object('PrefixAdvertisement', { cidr: string, communities: list(string) })),
  serviceClusterIPs: CIDR_BLOCKS,
  serviceExternalIPs: CIDR_BLOCKS,
  serviceLoadBalancerIPs: CIDR_BLOCKS,
  ignoredInterfaces: list(string),
});

export const BGPPEER_SPEC = object('BGPPeerSpec', {
  node: string,
  nodeSelector: string,
  peerIP: string,
  asNumber,
  peerSelector: string,
  localASNumber: asNumber,
  keepOriginalNextHop: bool,
  nextHopMode: string,
  password: SECRET,
  sourceAddress: string,
  maxRestartTime: string,
  keepaliveTime: string,
  numAllowedLocalASNumbers: int,
  ttlSecurity: int,
  reachableBy: string,
  filters: list(string),
  reversePeering: string,
});

const FILTER_RULES = (family: 'V4' | 'V6') =>
  list(
    object(`BGPFilterRule${family}`, {
      cidr: string,
      prefixLength: object(`BGPFilterPrefixLength${family}`, { min: int, max: int }),
      matchOperator: string,
      source: string,
      interface: string,
      action: string,
    }),
  );

export const BGPFILTER_SPEC = object('BGPFilterSpec', {
  exportV4: FILTER_RULES('V4'),
  importV4: FILTER_RULES('V4'),
  exportV6: FILTER_RULES('V6'),
  importV6: FILTER_RULES('V6'),
});

/** Labels and annotations; shared by every kind's metadata. */
export const STRING_MAP = map(string);

const at = (field: string, value: unknown, reason: string, path: FieldPath): Problem => ({
  field,
  value,
  reason,
  path,
});

const DURATION = /^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/;

export function validateBGPConfiguration(config: BGPConfiguration): Problem[] {
  const { spec } = config;
  const mesh = spec.nodeToNodeMeshEnabled !== false;
  const perNode = config.metadata.name.startsWith('node.');
  const problems: Problem[] = [
    ...oneOf(
      'LogSeverityScreen',
      'omitempty,logLevel',
      spec.logSeverityScreen,
      ['Trace', 'Debug', 'Info', 'Warning', 'Error', 'Fatal'],
      ['spec', 'logSeverityScreen'],
    ),
    ...oneOf('BindMode', 'bindMode', spec.bindMode, ['None', 'NodeIP'], ['spec', 'bindMode']),
    ...portProblems(spec.listenPort),
    ...ignoredInterfaceProblems(spec.ignoredInterfaces ?? []),
    ...communityProblems(spec),
    ...serviceProblems(spec),
  ];
  if (spec.nodeToNodeMeshEnabled !== undefined && perNode) {
    const reason = 'Cannot set nodeToNodeMeshEnabled on a non default BGP Configuration.';
    problems.push(
      at('BGPConfiguration.Spec.NodeToNodeMeshEnabled', mesh, reason, ['spec', 'nodeToNodeMeshEnabled']),
    );
  }
  for (const [key, name] of [
    ['nodeMeshPassword', 'NodeMeshPassword'],
    ['nodeMeshMaxRestartTime', 'NodeMeshMaxRestartTime'],
  ] as const) {
    if (spec[key] === undefined) continue;
    const shown = key === 'nodeMeshPassword' ? undefined : spec[key];
    if (perNode) {
      const reason = `Cannot set ${key} on a non default BGP Configuration.`;
      problems.push(at(`BGPConfiguration.Spec.${name}`, shown, reason, ['spec', key]));
    }
    if (!mesh) {
      const reason = `${key} cannot be set when nodeToNodeMeshEnabled is false`;
      problems.push(at(`BGPConfiguration.Spec.${name}`, shown, reason, ['spec', key]));
    }
  }
  if (spec.nodeMeshPassword !== undefined && mesh && !perNode) {
    const path = ['spec', 'nodeMeshPassword'];
    problems.push(at('BGPConfiguration.Spec.NodeMeshPassword', undefined, NO_PASSWORDS, path));
  }
  return problems;
}

/** Without them a session comes up that a real node would refuse: refused here, not ignored. */
const NO_PASSWORDS = 'TCP MD5 passwords are not emulated';
const NO_GTSM = 'TTL security (GTSM) is not emulated';

function sessionProblems(spec: BGPPeer['spec']): Problem[] {
  const problems: Problem[] = [];
  if (spec.password !== undefined)
    problems.push(at('BGPPeer.Spec.Password', undefined, NO_PASSWORDS, ['spec', 'password']));
  if ((spec.ttlSecurity ?? 0) > 0)
    problems.push(at('BGPPeer.Spec.TTLSecurity', spec.ttlSecurity, NO_GTSM, ['spec', 'ttlSecurity']));
  return problems;
}

function portProblems(port: number | undefined): Problem[] {
  if (port === undefined || (port >= 1 && port <= 65535)) return [];
  return [quoted('ListenPort', port, port < 1 ? 'gt' : 'lte', ['spec', 'listenPort'])];
}

function ignoredInterfaceProblems(names: readonly string[]): Problem[] {
  return names.flatMap((name, i) =>
    name !== '*' && /^[a-zA-Z0-9_.*-]{1,15}$/.test(name)
      ? []
      : [quoted(`IgnoredInterfaces[${i}]`, name, 'ignoredInterface', ['spec', 'ignoredInterfaces', i])],
  );
}

/** Advertising Services changes routes, and there are no Services here: refused, not ignored. */
function serviceProblems(spec: BGPConfiguration['spec']): Problem[] {
  const lists = ['serviceClusterIPs', 'serviceExternalIPs', 'serviceLoadBalancerIPs'] as const;
  return lists
    .filter(list => (spec[list] ?? []).length > 0)
    .map(list => {
      const field = `BGPConfiguration.Spec.S${list.slice(1)}`;
      return at(
        field,
        spec[list]!.map(b => b.cidr),
        'Services are not emulated',
        ['spec', list],
      );
    });
}

/** `aa:nn` of 16-bit parts, or `aa:nn:mm` of 32-bit parts. */
export function isCommunity(value: string): boolean {
  const parts = value.split(':');
  const limit = parts.length === 2 ? 65535 : 4294967295;
  return (
    (parts.length === 2 || parts.length === 3) && parts.every(p => /^\d{1,10}$/.test(p) && Number(p) <= limit)
  );
}

function communityProblems(spec: BGPConfiguration['spec']): Problem[] {
  const communities = spec.communities ?? [];
  const advertisements = spec.prefixAdvertisements ?? [];
  const problems: Problem[] = [];
  if (communities.length > 0 && advertisements.length === 0) {
    const reason = 'communities are defined but not used in prefixAdvertisements';
    problems.push(at('Spec.Communities[]', [], reason, ['spec', 'communities']));
  }
  const known = new Set(communities.map(c => c.name));
  communities.forEach((community, i) => {
    if (isCommunity(community.value)) return;
    const reason = `invalid community value or format used.`;
    problems.push(
      at('Spec.Communities[].Value', community.value, reason, ['spec', 'communities', i, 'value']),
    );
  });
  advertisements.forEach((advertisement, i) => {
    const path = ['spec', 'prefixAdvertisements', i];
    if (Prefix.parse(advertisement.cidr) === undefined) {
      problems.push(quoted('CIDR', advertisement.cidr, 'cidr', [...path, 'cidr']));
    }
    advertisement.communities.forEach((name, j) => {
      if (known.has(name) || isCommunity(name)) return;
      const reason = 'community used is invalid or not defined';
      problems.push(
        at('Spec.PrefixAdvertisements[].Communities[]', name, reason, [...path, 'communities', j]),
      );
    });
  });
  return problems;
}

export function validateBGPPeer(peer: BGPPeer): Problem[] {
  const { spec } = peer;
  const problems: Problem[] = [
    ...checkSelector('NodeSelector', spec.nodeSelector, ['spec', 'nodeSelector'], 'BGPPeer nodeSelector'),
    ...checkSelector('PeerSelector', spec.peerSelector, ['spec', 'peerSelector'], 'BGPPeer peerSelector'),
    ...oneOf(
      'SourceAddress',
      'sourceAddress',
      spec.sourceAddress,
      ['UseNodeIP', 'None'],
      ['spec', 'sourceAddress'],
    ),
    ...oneOf(
      'NextHopMode',
      'nextHopMode',
      spec.nextHopMode,
      ['Auto', 'Self', 'Keep'],
      ['spec', 'nextHopMode'],
    ),
    ...oneOf(
      'ReversePeering',
      'reversePeering',
      spec.reversePeering,
      ['Auto', 'Manual'],
      ['spec', 'reversePeering'],
    ),
    ...durationProblem('MaxRestartTime', spec.maxRestartTime, ['spec', 'maxRestartTime']),
    ...durationProblem('KeepaliveTime', spec.keepaliveTime, ['spec', 'keepaliveTime']),
  ];
  if (spec.peerIP && parsePeerAddress(spec.peerIP) === undefined) {
    problems.push(quoted('PeerIP', spec.peerIP, 'IP:port', ['spec', 'peerIP']));
  }
  if (spec.node && spec.nodeSelector) {
    const reason = 'Node field must be empty when NodeSelector is specified';
    problems.push(at('Node', spec.node, reason, ['spec', 'node']));
  }
  if (spec.peerIP && spec.peerSelector) {
    const reason = 'PeerIP field must be empty when PeerSelector is specified';
    problems.push(at('PeerIP', spec.peerIP, reason, ['spec', 'peerIP']));
  }
  if (spec.asNumber && spec.peerSelector) {
    const reason = 'ASNumber field must be empty when PeerSelector is specified';
    problems.push(at('ASNumber', spec.asNumber, reason, ['spec', 'asNumber']));
  }
  return [...problems, ...reachableByProblems(spec), ...sessionProblems(spec)];
}

function durationProblem(field: string, text: string | undefined, path: FieldPath): Problem[] {
  return text === undefined || DURATION.test(text) ? [] : [quoted(field, text, 'duration', path)];
}

function reachableByProblems(spec: BGPPeer['spec']): Problem[] {
  const { reachableBy, peerIP } = spec;
  if (!reachableBy) return [];
  const path = ['spec', 'reachableBy'];
  // `ReachablyBy` is Calico's spelling.
  if (!peerIP) {
    return [at('ReachableBy', reachableBy, 'ReachablyBy field must be empty when PeerIP is empty', path)];
  }
  if (Ipv4.parse(reachableBy) !== undefined) return [];
  const reason = reachableBy.includes(':')
    ? 'ReachableBy and PeerIP address family mismatched'
    : 'ReachableBy is invalid address';
  return [at('ReachableBy', reachableBy, reason, path)];
}

export function validateBGPFilter(filter: BGPFilter): Problem[] {
  return (['exportV4', 'importV4', 'exportV6', 'importV6'] as const).flatMap(list =>
    (filter.spec[list] ?? []).flatMap((rule, i) => ruleProblems(rule, ['spec', list, i])),
  );
}

function ruleProblems(rule: BGPFilterRule, path: FieldPath): Problem[] {
  const operators = ['Equal', 'NotEqual', 'In', 'NotIn'];
  const problems: Problem[] = [
    ...oneOf('MatchOperator', 'matchOperator', rule.matchOperator, operators, [...path, 'matchOperator']),
    ...oneOf('Source', 'source', rule.source, ['RemotePeers'], [...path, 'source']),
  ];
  if (rule.action !== 'Accept' && rule.action !== 'Reject') {
    problems.push(quoted('Action', rule.action ?? '', 'filterAction', [...path, 'action']));
  }
  if (rule.interface && rule.interface !== '*' && !/^[a-zA-Z0-9_.*-]{1,15}$/.test(rule.interface)) {
    problems.push(quoted('Interface', rule.interface, 'bgpFilterInterface', [...path, 'interface']));
  }
  if (rule.cidr && !rule.matchOperator) {
    const reason = 'MatchOperator cannot be empty when CIDR is not';
    problems.push(at('CIDR', rule.cidr, reason, [...path, 'cidr']));
  }
  if (!rule.cidr && rule.matchOperator) {
    const reason = 'CIDR cannot be empty when MatchOperator is not';
    problems.push(at('MatchOperator', rule.matchOperator, reason, [...path, 'matchOperator']));
  }
  if (!rule.cidr && rule.prefixLength) {
    const reason = 'CIDR cannot be empty when PrefixLength is not';
    problems.push(at('PrefixLength', rule.prefixLength, reason, [...path, 'prefixLength']));
  }
  return problems;
}
