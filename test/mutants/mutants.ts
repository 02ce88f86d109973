/**
 * Mutants: one wrong line each, and the tests that must notice. `from` stands once in `file`; `tests` are patterns of
 * `test/run.ts`. A mutant that is not noticed is a test that is missing.
 */
export type Area = 'bgp' | 'fib' | 'encapsulation' | 'ipam' | 'other';

export interface Mutant {
  readonly name: string;
  readonly area: Area;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly tests: readonly string[];
}

export const MUTANTS: readonly Mutant[] = [
  // BGP
  {
    name: 'the lower LOCAL_PREF wins',
    area: 'bgp',
    file: 'src/bgp/decision.ts',
    from: 'compare: high(localPref)',
    to: 'compare: low(localPref)',
    tests: ['bgp/'],
  },
  {
    name: 'the longer AS path wins',
    area: 'bgp',
    file: 'src/bgp/decision.ts',
    from: 'compare: low(asPathLength)',
    to: 'compare: high(asPathLength)',
    tests: ['bgp/'],
  },
  {
    name: 'MEDs of different neighbours are compared',
    area: 'bgp',
    file: 'src/bgp/decision.ts',
    from: '(neighbourAs(a) === neighbourAs(b) ? med(a) - med(b) : 0)',
    to: 'med(a) - med(b)',
    tests: ['bgp/'],
  },
  {
    name: 'a client is told nothing of what other clients say',
    area: 'bgp',
    file: 'src/bgp/advertise.ts',
    from: '!from.rrClient && !to.identity.rrClient',
    to: '!from.rrClient || !to.identity.rrClient',
    tests: ['bgp/', 'routing/matrix'],
  },
  {
    name: 'MED is passed on to another AS',
    area: 'bgp',
    file: 'src/bgp/advertise.ts',
    from: '(med !== undefined && identity.internal ? { med } : {})',
    to: '(med !== undefined ? { med } : {})',
    tests: ['bgp/'],
  },
  {
    name: 'the own AS is not put in front of the path',
    area: 'bgp',
    file: 'src/bgp/advertise.ts',
    from: 'asPath: prepend(changed.asPath ?? [], identity.localAs)',
    to: 'asPath: changed.asPath ?? []',
    tests: ['bgp/'],
  },
  {
    name: 'a path with the own AS in it is taken once',
    area: 'bgp',
    file: 'src/bgp/import.ts',
    from: 'occurrences > (config.allowLocalAs ?? 0)',
    to: 'occurrences > (config.allowLocalAs ?? 1)',
    tests: ['bgp/'],
  },
  {
    name: 'next hops on the own network count as far away',
    area: 'bgp',
    file: 'src/bgp/next-hop.ts',
    from: 'gateway: nextHop, device, igpMetric: 0 }',
    to: 'gateway: nextHop, device, igpMetric: IGP_METRIC_UNKNOWN }',
    tests: ['bgp/'],
  },
  {
    name: 'the larger hold time is negotiated',
    area: 'bgp',
    file: 'src/bgp/session.ts',
    from: 'return Math.min(open.holdTimeSec, ',
    to: 'return Math.max(open.holdTimeSec, ',
    tests: ['bgp/'],
  },
  {
    name: 'own blocks of pools that must not be exported are told',
    area: 'bgp',
    file: 'src/bgp/calico-filters.ts',
    from: 'if (disabled !== undefined) return reject(',
    to: 'if (disabled !== undefined && ownBlocks.length === 0) return reject(',
    tests: ['bgp/', 'calico/bgp-config'],
  },
  {
    name: 'single addresses of the own block are told',
    area: 'bgp',
    file: 'src/bgp/calico-filters.ts',
    from: 'if (within(block)) return reject(',
    to: 'if (within(block)) return accept(',
    tests: ['bgp/', 'calico/bgp-config'],
  },
  {
    name: 'who brought a route is told of it like all others',
    area: 'bgp',
    file: 'src/bgp/update-group.ts',
    from: 'if (this.#bringers.has(peer)) {',
    to: 'if (again && this.#bringers.has(peer)) {',
    tests: ['bgp/'],
  },
  {
    name: 'who comes from another update group keeps what only that one told',
    area: 'bgp',
    file: 'src/bgp/update-group.ts',
    from: 'for (const key of former.#steps.keys()) keys.add(key);',
    to: '',
    tests: ['bgp/'],
  },
  {
    name: 'an update group is not told of what changed while it had no news of its own',
    area: 'bgp',
    file: 'src/bgp/outbox.ts',
    from: 'peering.isWide ? this.#changedForWide : this.#changed, table, judge',
    to: 'this.#changed, table, judge',
    tests: ['bgp/'],
  },
  // FIB
  {
    name: 'CrossSubnet tunnels inside the subnet',
    area: 'fib',
    file: 'src/bgp/calico-filters.ts',
    from: `changes: { krtTunnel: '' }, because`,
    to: `changes: { krtTunnel: 'tunl0' }, because`,
    tests: ['bgp/', 'routing/ipip'],
  },
  {
    name: 'a tunnel route goes to the gateway, not to the node',
    area: 'fib',
    file: 'src/bgp/kernel-export.ts',
    from: '{ via: nextHop, device: tunnel, onlink: true }',
    to: '{ via: best.gateway ?? nextHop, device: tunnel, onlink: true }',
    tests: ['bgp/', 'routing/ipip'],
  },
  {
    name: 'what is no longer wanted stays in the kernel',
    area: 'fib',
    file: 'src/bgp/kernel-sync.ts',
    from: 'else if (wanted === undefined || wanted.metric !== route.metric)',
    to: 'else if (wanted !== undefined && wanted.metric !== route.metric)',
    tests: ['bgp/'],
  },
  {
    name: 'the higher metric wins',
    area: 'fib',
    file: 'src/netstack/fib.ts',
    from: '(rank(other) || other.metric - route.metric) > 0',
    to: '(rank(other) || route.metric - other.metric) > 0',
    tests: ['netstack/fib'],
  },
  {
    name: 'a removed prefix takes longer ones with it',
    area: 'fib',
    file: 'src/netstack/fib-trie.ts',
    from: 'else if (word < 0 && leafLength(word) === length) words[slot] = cover;',
    to: 'else if (word < 0 && leafLength(word) >= length) words[slot] = cover;',
    tests: ['netstack/fib'],
  },
  {
    name: 'a packet of exactly the MTU is too large',
    area: 'fib',
    file: 'src/netstack/ip-forward.ts',
    from: 'if (Ipv4.totalLength(view, at) > mtu && Ipv4.dontFragment(view, at)) {',
    to: 'if (Ipv4.totalLength(view, at) >= mtu && Ipv4.dontFragment(view, at)) {',
    tests: ['netstack/icmp', 'netstack/fragment', 'netstack/tunnel', 'golden/', 'traffic/'],
  },
  // Encapsulation
  {
    name: 'IPIP forgets DF',
    area: 'encapsulation',
    file: 'src/netstack/tunnel/ipip.ts',
    from: 'header.flags = df ? Ipv4.FLAG_DF : 0;',
    to: 'header.flags = 0;',
    tests: ['netstack/tunnel', 'golden/ipip-always'],
  },
  {
    name: 'IPIP begins with a TTL of its own',
    area: 'encapsulation',
    file: 'src/netstack/tunnel/ipip.ts',
    from: 'header.ttl = Ipv4.ttl(view, at);',
    to: 'header.ttl = 64;',
    tests: ['netstack/tunnel', 'golden/ipip-always'],
  },
  {
    name: 'VXLAN of any network is taken',
    area: 'encapsulation',
    file: 'src/netstack/tunnel/vxlan.ts',
    from: 'if (isOwn || Vxlan.vni(view, vxlanAt) !== this.vni) ',
    to: 'if (isOwn || Vxlan.vni(view, vxlanAt) === -1) ',
    tests: ['netstack/tunnel'],
  },
  {
    name: 'congestion is shown to the tunnel',
    area: 'encapsulation',
    file: 'src/netstack/tunnel/ecn.ts',
    from: '(inner & 3) === Ipv4.ECN_CE ? Ipv4.ECN_ECT0 : inner & 3',
    to: '(inner & 3) === Ipv4.ECN_CE ? Ipv4.ECN_CE : inner & 3',
    tests: ['netstack/tunnel'],
  },
  {
    name: 'VXLAN costs 40 octets of MTU',
    area: 'encapsulation',
    file: 'src/calico/felix/mtu.ts',
    from: 'const VXLAN_OVERHEAD = 50;',
    to: 'const VXLAN_OVERHEAD = 40;',
    tests: ['calico/felix', 'routing/vxlan'],
  },
  {
    name: 'VXLAN CrossSubnet tunnels everything',
    area: 'encapsulation',
    file: 'src/calico/felix/routes.ts',
    from: `pool.spec.vxlanMode === 'CrossSubnet' && Prefix.contains(own.subnet, underlay)`,
    to: `pool.spec.vxlanMode === 'CrossSubnet' && Prefix.contains(own.subnet, 0)`,
    tests: ['calico/felix', 'routing/vxlan'],
  },
  // IPAM
  {
    name: 'freed addresses are given out first',
    area: 'ipam',
    file: 'src/calico/ipam/block.ts',
    from: 'unallocated: [...spec.unallocated, ...ordinals],',
    to: 'unallocated: [...ordinals, ...spec.unallocated],',
    tests: ['calico/ipam'],
  },
  {
    name: 'reserved addresses are given out',
    area: 'ipam',
    file: 'src/calico/ipam/block.ts',
    from: 'const at = spec.unallocated.findIndex(ordinal => !isReserved(reservations, base + ordinal));',
    to: 'const at = spec.unallocated.findIndex(ordinal => !isReserved(reservations, ordinal));',
    tests: ['calico/ipam'],
  },
  {
    name: 'an empty block is taken from its owner at once',
    area: 'ipam',
    file: 'src/calico/ipam/auto-assign.ts',
    from: 'const MIN_RECLAIM_AGE_MS = 60_000;',
    to: 'const MIN_RECLAIM_AGE_MS = 0;',
    tests: ['calico/ipam', 'routing/ipam'],
  },
  {
    name: 'strict affinity borrows',
    area: 'ipam',
    file: 'src/calico/ipam/auto-assign.ts',
    from: 'if (config.strictAffinity) {',
    to: 'if (config.strictAffinity && pools.length === 0) {',
    tests: ['calico/ipam'],
  },
  {
    name: 'a block that another node was faster to claim is used all the same',
    area: 'ipam',
    file: 'src/calico/ipam/affinity.ts',
    from: `block = yield* get('IPAMBlock', blockName(prefix));
    if (block.spec.affinity !== hostAffinity(node)) {`,
    to: `block = yield* get('IPAMBlock', blockName(prefix));
    if (block.spec.affinity === undefined) {`,
    tests: ['calico/ipam'],
  },
  {
    name: 'pools for workloads alone give tunnel addresses',
    area: 'ipam',
    file: 'src/calico/ipam/tunnel-address.ts',
    from: `uses.includes('Tunnel') &&`,
    to: `uses.length > 0 &&`,
    tests: ['calico/ipam'],
  },
  // Elsewhere
  {
    name: 'a lost update of the datastore is no conflict',
    area: 'other',
    file: 'src/api/store.ts',
    from: `const old = this.get(kind, name, namespace);
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {`,
    to: `const old = this.get(kind, name, namespace);
    if (resourceVersion !== undefined && old.metadata.resourceVersion === undefined) {`,
    tests: ['api/'],
  },
  {
    name: 'the source/destination check looks at one direction only',
    area: 'other',
    file: 'src/fabric/cloud.ts',
    from: 'if (rules.sourceDestinationCheck && !rules.addresses.includes(own))',
    to: `if (rules.sourceDestinationCheck && direction === 'fromNode' && !rules.addresses.includes(own))`,
    tests: ['fabric/'],
  },
  {
    name: 'natOutgoing masquerades from pool to pool, too',
    area: 'other',
    file: 'src/netstack/felix-hooks.ts',
    from: 'masqueradePools.has(Ipv4.source(view, at)) && !allPools.has(Ipv4.destination(view, at)),',
    to: 'masqueradePools.has(Ipv4.source(view, at)) && !allPools.has(Ipv4.source(view, at) - 1),',
    tests: ['netstack/nat', 'golden/', 'routing/matrix'],
  },
  {
    name: 'proxy ARP answers for what is on the same link',
    area: 'other',
    file: 'src/netstack/arp.ts',
    from: 'if (!device.sysctl.proxyArp || route.nextHops[0]!.device === device) return false;',
    to: 'if (!device.sysctl.proxyArp) return false;',
    tests: ['netstack/neighbour', 'netstack/recordings'],
  },
];
