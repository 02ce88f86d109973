/** FelixConfiguration (facts: calico-resources §6), as of v3.28, and the values Felix uses when a field is absent. */
import * as Ipv4 from '../../addr/ipv4.ts';
import type { Problem, ResourceBase } from './meta.ts';
import { oneOf } from './rules.ts';
import { any, bool, int, list, object, string } from './shape.ts';

export interface FelixConfigurationSpec {
  ipipEnabled?: boolean;
  vxlanEnabled?: boolean;
  ipipMTU?: number;
  vxlanMTU?: number;
  wireguardMTU?: number;
  mtuIfacePattern?: string;
  vxlanVNI?: number;
  vxlanPort?: number;
  routeSource?: 'CalicoIPAM' | 'WorkloadIPs';
  deviceRouteProtocol?: number;
  deviceRouteSourceAddress?: string;
  removeExternalRoutes?: boolean;
  interfacePrefix?: string;
  chainInsertMode?: string;
  defaultEndpointToHostAction?: string;
  natOutgoingAddress?: string;
  natOutgoingExclusions?: 'IPPoolsOnly' | 'IPPoolsAndHostIPs';
  natPortRange?: string | number;
  iptablesNATOutgoingInterfaceFilter?: string;
  ipForwarding?: 'Enabled' | 'Disabled';
  externalNodesList?: string[];
  allowIPIPPacketsFromWorkloads?: boolean;
  allowVXLANPacketsFromWorkloads?: boolean;
  workloadSourceSpoofing?: 'Disabled' | 'Any';
  serviceLoopPrevention?: string;
  awsSrcDstCheck?: 'DoNothing' | 'Enable' | 'Disable';
  wireguardEnabled?: boolean;
  bpfEnabled?: boolean;
  nftablesMode?: string;
  logSeverityScreen?: string;
  routeRefreshInterval?: string;
  interfaceRefreshInterval?: string;
  iptablesRefreshInterval?: string;
  ipsetsRefreshInterval?: string;
}

export interface FelixConfiguration extends ResourceBase<'FelixConfiguration'> {
  spec: FelixConfigurationSpec;
}

export const FELIXCONFIGURATION_SPEC = object('FelixConfigurationSpec', {
  ipipEnabled: bool,
  vxlanEnabled: bool,
  ipipMTU: int,
  vxlanMTU: int,
  vxlanMTUV6: int,
  wireguardMTU: int,
  mtuIfacePattern: string,
  vxlanVNI: int,
  vxlanPort: int,
  routeSource: string,
  deviceRouteProtocol: int,
  deviceRouteSourceAddress: string,
  removeExternalRoutes: bool,
  interfacePrefix: string,
  chainInsertMode: string,
  defaultEndpointToHostAction: string,
  natOutgoingAddress: string,
  natOutgoingExclusions: string,
  natPortRange: any,
  iptablesNATOutgoingInterfaceFilter: string,
  ipForwarding: string,
  externalNodesList: list(string),
  allowIPIPPacketsFromWorkloads: bool,
  allowVXLANPacketsFromWorkloads: bool,
  workloadSourceSpoofing: string,
  serviceLoopPrevention: string,
  awsSrcDstCheck: string,
  wireguardEnabled: bool,
  wireguardEnabledV6: bool,
  wireguardListeningPort: int,
  bpfEnabled: bool,
  bpfLogLevel: string,
  nftablesMode: string,
  logSeverityScreen: string,
  logSeverityFile: string,
  logSeveritySys: string,
  logFilePath: string,
  logPrefix: string,
  reportingInterval: string,
  reportingTTL: string,
  routeRefreshInterval: string,
  interfaceRefreshInterval: string,
  iptablesRefreshInterval: string,
  ipsetsRefreshInterval: string,
  iptablesBackend: string,
  iptablesFilterAllowAction: string,
  iptablesFilterDenyAction: string,
  iptablesMangleAllowAction: string,
  iptablesMarkMask: int,
  ipv6Support: bool,
  interfaceExclude: string,
  healthEnabled: bool,
  healthHost: string,
  healthPort: int,
  prometheusMetricsEnabled: bool,
  prometheusMetricsPort: int,
  floatingIPs: string,
  featureDetectOverride: string,
  usageReportingEnabled: bool,
});

/** What Felix takes when neither `default` nor `node.NAME` sets a field. */
export const FELIX_DEFAULTS = {
  ipipMTU: 0,
  vxlanMTU: 0,
  mtuIfacePattern: '^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)',
  vxlanVNI: 4096,
  vxlanPort: 4789,
  deviceRouteProtocol: 3,
  natOutgoingExclusions: 'IPPoolsOnly',
  ipForwarding: 'Enabled',
  defaultEndpointToHostAction: 'Drop',
} as const;

/** The configuration that a node's Felix sees: `node.NAME` over `default`. */
export function felixConfigFor(
  node: string,
  configurations: readonly FelixConfiguration[],
): FelixConfigurationSpec {
  const named = (name: string) => configurations.find(c => c.metadata.name === name)?.spec ?? {};
  return { ...named('default'), ...named(`node.${node}`) };
}

export function validateFelixConfiguration(config: FelixConfiguration): Problem[] {
  const { spec } = config;
  const problems: Problem[] = [
    ...oneOf(
      'RouteSource',
      'omitempty,routeSource',
      spec.routeSource,
      ['CalicoIPAM', 'WorkloadIPs'],
      ['spec', 'routeSource'],
    ),
    ...oneOf(
      'DefaultEndpointToHostAction',
      'omitempty,dropAcceptReturn',
      spec.defaultEndpointToHostAction,
      ['Drop', 'Accept', 'Return', 'DROP', 'ACCEPT', 'RETURN'],
      ['spec', 'defaultEndpointToHostAction'],
    ),
    ...oneOf(
      'AWSSrcDstCheck',
      'awsSrcDstCheck',
      spec.awsSrcDstCheck,
      ['DoNothing', 'Enable', 'Disable'],
      ['spec', 'awsSrcDstCheck'],
    ),
  ];
  for (const [key, name] of [
    ['natOutgoingAddress', 'NATOutgoingAddress'],
    ['deviceRouteSourceAddress', 'DeviceRouteSourceAddress'],
  ] as const) {
    const value = spec[key];
    if (value === undefined || Ipv4.parse(value) !== undefined) continue;
    problems.push({ field: name, value, reason: 'is not a valid IPv4 address', path: ['spec', key] });
  }
  return [...problems, ...notEmulated(spec)];
}

/** Settings that change where packets go and that this emulator does not have: refused, never silently ignored. */
function notEmulated(spec: FelixConfigurationSpec): Problem[] {
  const refused: [keyof FelixConfigurationSpec, boolean, string][] = [
    ['wireguardEnabled', spec.wireguardEnabled === true, 'WireGuard is not emulated'],
    ['bpfEnabled', spec.bpfEnabled === true, 'the eBPF dataplane is not emulated'],
    ['nftablesMode', spec.nftablesMode === 'Enabled', 'the nftables dataplane is not emulated'],
    ['routeSource', spec.routeSource === 'WorkloadIPs', 'routeSource WorkloadIPs is not emulated'],
    ['natPortRange', spec.natPortRange !== undefined, 'natPortRange is not emulated'],
    [
      'awsSrcDstCheck',
      ![undefined, 'DoNothing'].includes(spec.awsSrcDstCheck),
      'the check is a property of the fabric here',
    ],
    [
      'interfacePrefix',
      ![undefined, 'cali'].includes(spec.interfacePrefix),
      'only the prefix cali is emulated',
    ],
  ];
  return refused
    .filter(([, asked]) => asked)
    .map(([key, , reason]) => ({
      field: `FelixConfiguration.Spec.${key[0]!.toUpperCase()}${key.slice(1)}`,
      value: spec[key],
      reason,
      path: ['spec', key],
    }));
}
