/** `bird.cfg`, bird_aggr.cfg and bird_ipam.cfg as confd writes them (recordings). For reading, not for parsing. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import type { BirdConfig, BirdPeer, KernelPool } from './bgp-config.ts';
import type { BGPFilterRule } from './resources/bgp.ts';

function communities(config: BirdConfig): string[] {
  const rules = config.communities.flatMap(rule => [
    `  if ( net ~ ${Prefix.format(rule.prefix)} ) then {`,
    ...rule.communities.map(c => {
      const parts = c.split(':');
      return `    bgp_${parts.length === 3 ? 'large_' : ''}community.add((${parts.join(', ')}));`;
    }),
    '  }',
  ]);
  return ['function apply_communities ()', '{', ...rules, '}'];
}

function statics(config: BirdConfig): string[] {
  const routes = config.staticRoutes.map(r =>
    r.kind === 'blackhole'
      ? `   route ${Prefix.format(r.prefix)} blackhole;`
      : `   route ${Prefix.format(r.prefix)} via ${Ipv4.format(r.gateway)};`,
  );
  const aggregates = config.blocks.flatMap(block => {
    const net = Prefix.format(block);
    return [
      `      # Block ${net} is confirmed`,
      `      if ( net = ${net} ) then { accept; }`,
      `      if ( net ~ ${net} ) then { reject; }`,
    ];
  });
  return [
    'protocol static {',
    ...(routes.length > 0
      ? ['   # IP blocks for this host.', ...routes]
      : ['   # No IP blocks for this host.']),
    '}',
    '# Aggregation of routes on this host; export the block, nothing beneath it.',
    'function calico_aggr ()',
    '{',
    ...aggregates,
    '}',
  ];
}

function exportFunction(config: BirdConfig): string[] {
  const each = (pools: readonly Prefix.Prefix[], verdict: string) =>
    pools.flatMap(p => [`  if ( net ~ ${Prefix.format(p)} ) then {`, `    ${verdict};`, '  }']);
  return [
    'function reject_disabled_pools ()',
    '{',
    ...each(config.unexportedPools, 'reject'),
    '}',
    'function reject_tunnel_routes () {',
    '  if (defined(ifname)) then {',
    '     if ((ifname ~ "*.cali") || (ifname ~ "*.calico")) then {',
    '        reject;',
    '     }',
    '  }',
    '}',
    'function calico_export_to_bgp_peers(bool internal_peer) {',
    '  reject_disabled_pools();',
    '  if (internal_peer) then {',
    '    reject_tunnel_routes();',
    '  }',
    '  apply_communities();',
    '  calico_aggr();',
    ...each(config.exportedPools, 'accept'),
    '}',
  ];
}

function kernelPool(pool: KernelPool, subnet: string): string[] {
  const body: Record<KernelPool['program'], string[]> = {
    none: ['    krt_tunnel = "";', '    accept;'],
    tunl0: ['    krt_tunnel = "tunl0";', '    accept;'],
    'tunl0-unless-local': [
      `    if defined(bgp_next_hop) && ( bgp_next_hop ~ ${subnet} ) then`,
      '      krt_tunnel = "";',
      '    else',
      '      krt_tunnel = "tunl0";',
      '    accept;',
    ],
    reject: ["    # Don't program VXLAN routes into the kernel - these are handled by Felix.", '    reject;'],
  };
  return [`  if ( net ~ ${Prefix.format(pool.prefix)} ) then {`, ...body[pool.program], '  }'];
}

function rule(r: BGPFilterRule): string {
  const conditions: string[] = [];
  if (r.cidr !== undefined) {
    const [low, high] = prefixRange(r);
    const net = r.prefixLength ? `[ ${r.cidr}{${low},${high}} ]` : r.cidr;
    const operator = { Equal: '=', NotEqual: '!=', In: '~', NotIn: '!~' }[r.matchOperator ?? 'In'];
    conditions.push(`(net ${operator} ${net})`);
  }
  if (r.source === 'RemotePeers') conditions.push('((defined(source))&&(source ~ [ RTS_BGP ]))');
  if (r.interface !== undefined) conditions.push(`((defined(ifname))&&(ifname ~ "${r.interface}"))`);
  const verdict = `${r.action.toLowerCase()};`;
  return conditions.length === 0 ? verdict : `if (${conditions.join('&&')}) then { ${verdict} }`;
}

/** The lengths that a rule with `prefixLength` takes: at least the mask, at most 32. */
export function prefixRange(r: BGPFilterRule): [number, number] {
  const mask = Number(r.cidr?.split('/')[1] ?? 0);
  return [Math.max(mask, r.prefixLength?.min ?? mask), Math.min(32, r.prefixLength?.max ?? 32)];
}

function peer(p: BirdPeer, config: BirdConfig): string[] {
  const port = p.port === 179 ? '' : ` port ${p.port}`;
  const own = p.localAsNumber === config.asNumber ? [] : [`  local as ${p.localAsNumber};`];
  return [
    `protocol bgp ${p.name} from bgp_template {`,
    ...own,
    `  neighbor ${Ipv4.format(p.address)}${port} as ${p.asNumber};`,
    ...(p.sourceAddress === undefined
      ? []
      : [
          `  source address ${Ipv4.format(p.sourceAddress)};  # The local address we use for the TCP connection`,
        ]),
    ...(p.origin === 'mesh'
      ? []
      : p.ttlSecurityHops === undefined || p.ttlSecurityHops === 0
        ? ['  ttl security off;', '  multihop;']
        : ['  ttl security on;', `  multihop ${p.ttlSecurityHops};`]),
    ...(p.importRules.length === 0
      ? ['  import all;']
      : ['  import filter {', ...p.importRules.map(r => `    ${rule(r)}`), '    accept;', '  };']),
    '  export filter {',
    ...p.exportRules.map(r => `    ${rule(r)}`),
    `    calico_export_to_bgp_peers(${p.internal});`,
    '    reject;',
    '  };  # Only want to export routes for workloads.',
    ...(p.gracefulRestartSec === 120 ? [] : [`  graceful restart time ${p.gracefulRestartSec};`]),
    ...(p.allowLocalAs === 0 ? [] : [`  allow local as ${p.allowLocalAs};`]),
    ...(p.nextHop === 'auto' ? [] : [`  next hop ${p.nextHop};`]),
    ...(p.rrClient ? ['  rr client;', `  rr cluster id ${config.clusterId};`] : []),
    ...(p.passive ? ['  passive on; # Mesh is unidirectional, peer will connect to us.'] : []),
    '}',
  ];
}

function protocols(config: BirdConfig): string[] {
  const excluded = config.directExcluded.map(i => `-"${i}", `).join('');
  return [
    'protocol kernel {',
    '  learn;             # Learn all alien routes from the kernel',
    "  persist;           # Don't remove routes on bird shutdown",
    `  scan time ${config.scanTimeSec};       # Scan kernel routing table every ${config.scanTimeSec} seconds`,
    '  import all;',
    '  export filter calico_kernel_programming; # Default is export none',
    '  graceful restart;',
    '  merge paths on;    # Allow export multipath routes (ECMP)',
    '}',
    'protocol device {',
    '  debug { states };',
    `  scan time ${config.scanTimeSec};    # Scan interfaces every ${config.scanTimeSec} seconds`,
    '}',
    'protocol direct {',
    '  debug { states };',
    `  interface ${excluded}"*"; # Exclude cali* and kube-ipvs* but include everything else.`,
    '}',
    'template bgp bgp_template {',
    '  debug { states };',
    '  description "Connection to BGP peer";',
    `  local as ${config.asNumber};`,
    '  gateway recursive; # This should be the default, but just in case.',
    '  add paths on;',
    '  graceful restart;',
    `  connect delay time ${config.connectDelaySec};`,
    `  connect retry time ${config.connectRetrySec};`,
    `  error wait time ${config.errorWaitSec.join()};`,
    '}',
  ];
}

/** The three files by name, as confd writes them: the first includes the others. */
export function renderBirdFiles(config: BirdConfig): Record<string, string> {
  const file = (lines: readonly string[]): string => `${lines.join('\n')}\n`;
  const [communityRules, main] = mainParts(config);
  const includes = ['# Generated by confd', 'include "bird_aggr.cfg";', 'include "bird_ipam.cfg";'];
  return {
    'bird.cfg': file([...communityRules, ...includes, ...main]),
    'bird_aggr.cfg': file(['# Generated by confd', ...statics(config)]),
    'bird_ipam.cfg': file(['# Generated by confd', ...ipam(config)]),
  };
}

/** All of it as one text, in the order in which BIRD reads it, a line feed at its end. */
export function renderBirdCfg(config: BirdConfig): string {
  const [communityRules, main] = mainParts(config);
  const lines = [...communityRules, '# Generated by confd', ...statics(config), ...ipam(config), ...main];
  return `${lines.join('\n')}\n`;
}

function ipam(config: BirdConfig): string[] {
  const subnet = Prefix.format(config.localSubnet);
  return [
    ...exportFunction(config),
    'filter calico_kernel_programming {',
    ...config.kernelPools.flatMap(p => kernelPool(p, subnet)),
    '  accept;',
    '}',
  ];
}

/** bird.cfg in front of its includes, and behind them. */
function mainParts(config: BirdConfig): readonly [string[], string[]] {
  const address = config.listenAddress === undefined ? '' : ` address ${Ipv4.format(config.listenAddress)}`;
  const port = config.listenPort === 179 ? '' : ` port ${config.listenPort}`;
  const section = (title: string, origin: BirdPeer['origin']) => {
    const peers = config.peers.filter(p => p.origin === origin);
    return [`# ------------- ${title} -------------`, ...peers.flatMap(p => peer(p, config))];
  };
  const main = [
    `router id ${Ipv4.format(config.routerId)};`,
    ...(address === '' && port === '' ? [] : [`listen bgp${address}${port};`]),
    ...protocols(config),
    ...section('Node-to-node mesh', 'mesh'),
    ...section('Global peers', 'global'),
    ...section('Node-specific peers', 'node'),
  ];
  return [communities(config), main];
}
