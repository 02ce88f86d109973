/**
 * The form of a scenario file, as a zod schema: the source of the checks, of the raw types, and of
 * `scenarios/scenario.schema.json`, which editors use. What a form cannot say (names that must exist, addresses that
 * must fit) is in `fabric.ts` and `steps.ts`.
 */
import { z } from 'zod';
import { HOST_MODELS } from '../cost/models.ts';
import { parseTraffic } from '../fabric/traffic.ts';
import { EXPECTATION_LIMIT, expectation, snapshotName } from './expectation-schema.ts';
import { parseShare } from './quantity.ts';
import {
  address,
  asNumber,
  delay,
  duration,
  interfaceAddress,
  labels,
  meaning,
  name,
  named,
  network,
  rate,
  size,
  text,
} from './schema-kit.ts';

export const API_VERSION = 'tunlab.dev/v1alpha1';

/** Releases of profile A (facts: Calico up to 3.31 shows the same routes); the behaviour that is built. */
export const DEFAULT_CALICO_VERSION = 'v3.28.1';
const PROFILE_A = { major: 3, firstMinor: 20, lastMinor: 31 };

/** Sysctls that the network stack knows. */
export const SYSCTLS = [
  'net.ipv4.ip_forward',
  'net.ipv4.conf.all.rp_filter',
  'net.ipv4.conf.default.rp_filter',
  'net.ipv4.conf.eth0.rp_filter',
  'net.ipv4.ip_no_pmtu_disc',
  'net.ipv4.tcp_mtu_probing',
  'net.ipv4.icmp_ratelimit',
  'net.ipv4.icmp_ratemask',
  'net.ipv4.icmp_errors_use_inbound_ifaddr',
] as const;

const version = meaning(
  'a release such as v3.28.1',
  written => {
    const match = /^v?(\d+)\.(\d+)\.(\d+)$/.exec(written);
    if (match === null) return undefined;
    const minor = Number(match[2]);
    const built =
      Number(match[1]) === PROFILE_A.major && minor >= PROFILE_A.firstMinor && minor <= PROFILE_A.lastMinor;
    return built
      ? `v${match[1]}.${match[2]}.${match[3]}`
      : new Error(`the behaviour of ${written} is not built: v3.20.0 to v3.31.x are`);
  },
  'Calico release whose behaviour is emulated',
);

const date = meaning(
  'a time such as 2024-09-22T09:00:00Z',
  written => {
    if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,3})?Z)?$/.test(written)) return undefined;
    const ms = Date.parse(written);
    return Number.isNaN(ms) || ms < 0 ? undefined : ms;
  },
  'The virtual wall clock when the run begins (UTC)',
);

/** `router .254` or `router 192.168.10.254`. */
const placed = (what: string, example: string, description: string) =>
  meaning(
    `${what} such as "${example}"`,
    written => {
      const match = /^([a-z0-9][-a-z0-9.]*) +(\.?\d[\d.]*)$/.exec(written);
      return match === null ? undefined : { name: match[1]!, host: match[2]! };
    },
    description,
  );

const traffic = meaning(
  'traffic such as ipip, vxlan, bgp, icmp, tcp/179 or "tcp/179 in"',
  parseTraffic,
  'A protocol, with a port where it has one, and a direction as the node sees it',
);

const blocks = (description: string) => z.array(traffic).max(100).default([]).meta({ description });

const hostPart = meaning(
  'an address such as .10 or 192.168.10.10',
  written => (/^\.?\d{1,3}(\.\d{1,3}){0,3}$/.test(written) ? written : undefined),
  'Address in the subnet, in full or by its last octets (.10)',
);

const routeTarget = meaning(
  'none or an address',
  written => (written === 'none' ? ('none' as const) : /^\.?\d[\d.]*$/.test(written) ? written : undefined),
  'Next hop of the default route, or none',
);

const onOff = (description: string) =>
  z
    .enum(['on', 'off'])
    .transform(value => value === 'on')
    .meta({ description });

const mtu = (description: string) => z.int().min(576).max(9216).meta({ description });

const subnet = z
  .strictObject({
    cidr: network('Prefix of the subnet, /8 to /30'),
    gateway: placed(
      'a router and its address',
      'k8s-rtr .254',
      'Router and its address: `k8s-rtr .254`',
    ).optional(),
    routers: named(hostPart, 'More routers on this subnet, with their addresses').optional(),
    rate: rate('Rate of each link').prefault('10Gbit'),
    delay: delay('Delay of each link, from a node to the switch').prefault('50us'),
    mtu: mtu('MTU of the NICs').default(1500),
    queue: size('Bound of each transmit queue').optional(),
  })
  .meta({ description: 'A layer 2 segment: a switch with a link to each of its members' });

const neighbor = z.union([
  text('A node, a router or an address'),
  z.strictObject({
    peer: text('A node, a router or an address'),
    as: asNumber('AS number of the neighbor').optional(),
  }),
]);

const routerBgp = z
  .strictObject({
    as: asNumber('AS number of the router'),
    routerId: address('BGP identifier; default: the highest address').optional(),
    networks: z
      .array(network('A prefix'))
      .max(10_000)
      .default([])
      .meta({ description: 'Prefixes it originates' }),
    neighbors: z.array(neighbor).max(5000).default([]).meta({ description: 'Sessions it opens' }),
    listenRange: z
      .union([
        network('Who may open a session'),
        z.strictObject({
          prefix: network('Who may open a session'),
          as: asNumber('AS number of those peers').optional(),
        }),
      ])
      .optional()
      .meta({ description: 'Dynamic neighbors: sources that may open a session' }),
    routeReflectorClient: z
      .boolean()
      .default(false)
      .meta({ description: 'Its neighbors are reflector clients' }),
    clusterId: address('Cluster ID; default: the BGP identifier').optional(),
    nextHopSelf: z.boolean().default(false).meta({ description: 'Put its own address as next hop' }),
    maximumPaths: z.int().min(1).max(64).default(1).meta({ description: 'Equal paths it installs' }),
    gracefulRestart: z
      .boolean()
      .default(false)
      .meta({ description: 'Keeps the routes of neighbors while they restart' }),
  })
  .meta({ description: 'BGP speaker of the router' });

const router = z
  .strictObject({
    default: routeTarget.default('none'),
    bgp: routerBgp.optional(),
    loopbacks: z
      .array(interfaceAddress('An address'))
      .max(64)
      .default([])
      .meta({ description: 'Addresses of dummy devices: 10.1.1.254/24' }),
    routes: z
      .array(
        z.strictObject({
          to: network('Destination'),
          via: address('Next hop, in a subnet of the router'),
        }),
      )
      .max(10_000)
      .default([])
      .meta({ description: 'Static routes: `{ to: 172.16.34.0/24, via: 192.168.20.100 }`' }),
    answersPing: z.boolean().optional().meta({ description: 'Answers pings to itself; default true' }),
    silent: z.boolean().optional().meta({ description: 'Sends no ICMP errors; default false' }),
  })
  .meta({ description: 'A router' });

const node = z.union([
  placed('a subnet and an address', 'a .10', 'Subnet and address: `a .10`'),
  z
    .strictObject({
      subnet: name('Subnet of the node'),
      address: hostPart,
      labels: labels('Labels of the node').default({}),
      interface: z
        .enum(['eth0', 'ens5'])
        .optional()
        .meta({ description: 'Name of the NIC; ens5 has altname enp0s5' }),
      mtu: mtu('MTU of the NIC; default: that of the subnet').optional(),
      defaultRoute: routeTarget.optional(),
      asNumber: asNumber('AS number of the node, if not the cluster’s').optional(),
      sourceDestCheck: onOff('Source/destination check of this NIC').optional(),
      blocks: blocks('What the network does not carry to or from this node'),
      bgpAddress: interfaceAddress(
        'What the Node resource says of its address; default: address/length',
      ).optional(),
    })
    .meta({ description: 'A node' }),
]);

const host = z.union([
  placed('a subnet and an address', 'a .50', 'Subnet and address: `a .50`'),
  z
    .strictObject({
      address: address('Its address'),
      behind: name('The router it hangs on'),
    })
    .meta({ description: 'A host behind a router: `{ address: 8.8.8.8, behind: vpc }`' }),
]);

const link = z
  .strictObject({
    rate: rate('Rate').optional(),
    delay: delay('Delay').optional(),
    queue: size('Bound of the transmit queue').optional(),
    loss: z.number().min(0).max(1).optional().meta({ description: 'Share of frames lost, 0 to 1' }),
    corrupt: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .meta({ description: 'Share of packets in which the switch flips a bit, 0 to 1' }),
    tos: z
      .int()
      .min(0)
      .max(255)
      .optional()
      .meta({ description: 'What the switch writes over the octet of DSCP and ECN' }),
  })
  .meta({ description: 'What differs from the subnet' });

const fabric = z
  .strictObject({
    cloud: z
      .enum(['none', 'aws-vpc', 'azure-vnet', 'port-security'])
      .default('none')
      .meta({ description: 'What the network between the nodes drops' }),
    sourceDestCheck: onOff('Source/destination check of all NICs (aws-vpc; default on)').optional(),
    blocks: blocks('What the network does not carry to or from nodes: `[ipip, tcp/179]`'),
    routers: named(router, 'Routers by name').default({}),
    subnets: named(subnet, 'Subnets by name'),
    nodes: named(node, 'Kubernetes nodes by name: `k8s-w1: a .101`, or the long form'),
    hosts: named(host, 'Machines outside the cluster, by name').default({}),
    links: z
      .record(z.string(), link)
      .default({})
      .meta({ description: 'Links that differ, by `node/device`: `k8s-w1/eth0: { rate: 1Gbit }`' }),
  })
  .meta({ description: 'The network between the nodes' });

const one = <T extends z.ZodType>(item: T, description: string, limit: number) =>
  z.union([item, z.array(item).min(1).max(limit)]).meta({ description });

/** `node/device`. */
const jack = (description: string) =>
  meaning(
    'a node and its device such as "k8s-w1/eth0"',
    written => {
      const match = /^([a-z0-9][-a-z0-9.]*)\/([\w.@-]+)$/.exec(written);
      return match === null ? undefined : { owner: match[1]!, device: match[2]! };
    },
    description,
  );

const step = z
  .strictObject({
    name: text('What the step is about').optional(),
    link: z
      .strictObject({
        down: jack('Take this link down').optional(),
        up: jack('Bring this link up').optional(),
      })
      .optional()
      .meta({ description: 'Take a link down or bring it up: `{ down: k8s-w1/eth0 }`' }),
    node: z
      .strictObject({
        stop: name('Power this node off').optional(),
        start: name('Power this node on').optional(),
      })
      .optional()
      .meta({ description: 'Power a node off or on' }),
    run: one(text('A shell command'), 'Commands, typed at k8s-m', 1000).optional(),
    wait: duration('Let virtual time pass').optional(),
    expect: one(expectation, 'What must hold', EXPECTATION_LIMIT).optional(),
    snapshot: snapshotName('Keep the tables under this name, for `noChange` of a later step').optional(),
  })
  .meta({ description: 'Parts happen in this order: link, node, run, wait, expect, snapshot' });

const pod = z.union([
  name('Node of the pod'),
  z.strictObject({
    node: name('Node of the pod'),
    labels: labels('Labels of the pod').default({}),
  }),
]);

const MODES = ['direct', 'ipip', 'vxlan', 'ipip-crosssubnet', 'vxlan-crosssubnet'] as const;

const share = (description: string) => meaning('a share such as 1.5%', parseShare, description);

const benchExpectation = z
  .strictObject({
    mode: z.enum(MODES).meta({ description: 'Whose goodput' }),
    pair: z.enum(['same', 'cross']).optional().meta({ description: 'Within a subnet or across; else both' }),
    within: share('So much less than the mode `of` at most').optional(),
    of: z.enum(MODES).default('direct').meta({ description: 'What `within` compares with' }),
    atLeast: rate('TCP goodput at least').optional(),
    limit: z
      .enum(['wire', 'window', 'CPU', 'MTU', 'loss', 'dead'])
      .optional()
      .meta({ description: 'What holds it down' }),
  })
  .meta({ description: 'A threshold: `{ mode: ipip, within: 1.5%, of: direct }`' });

const bench = z
  .strictObject({
    modes: z
      .array(z.enum(MODES))
      .min(1)
      .default([...MODES])
      .meta({ description: 'Modes to compare' }),
    mtus: z.array(mtu('An MTU')).min(1).default([1500]).meta({ description: 'MTUs of the underlay' }),
    rates: z.array(rate('A rate')).min(1).prefault(['10Gbit']).meta({ description: 'Rates of the links' }),
    streams: z
      .array(z.int().min(1).max(64))
      .min(1)
      .default([1])
      .meta({ description: 'Numbers of parallel TCP streams' }),
    duration: duration('Virtual time of each TCP measurement').prefault('200ms'),
    expect: one(
      benchExpectation,
      'Thresholds: a cell that misses one is a failure',
      EXPECTATION_LIMIT,
    ).default([]),
  })
  .meta({ description: 'Cells of `tunlab bench`' });

export const scenarioSchema = z
  .strictObject({
    apiVersion: z.literal(API_VERSION).meta({ description: 'Version of this form' }),
    kind: z.literal('Scenario').meta({ description: 'Always Scenario' }),
    metadata: z
      .strictObject({
        name: name('Name of the scenario'),
        annotations: z
          .record(z.string(), z.string().max(65536))
          .default({})
          .meta({ description: 'Free text; `tunlab/about` is shown in listings' }),
      })
      .meta({ description: 'Who it is' }),
    spec: z
      .strictObject({
        calico: z
          .strictObject({ version: version.prefault(DEFAULT_CALICO_VERSION) })
          .prefault({})
          .meta({ description: 'Calico' }),
        seed: z
          .int()
          .min(0)
          .max(4_294_967_295)
          .default(1)
          .meta({ description: 'Seed of all random streams' }),
        date: date.prefault('2024-09-22'),
        hooks: z
          .enum(['calico', 'none', 'masquerade'])
          .default('calico')
          .meta({ description: 'Netfilter hooks that are there: all of Calico, none, or natOutgoing only' }),
        sysctls: z
          .partialRecord(z.enum(SYSCTLS), z.int().min(0).max(2_147_483_647))
          .default({})
          .meta({ description: 'Sysctls of every node' }),
        hostModel: z
          .enum(HOST_MODELS.map(model => model.name) as [string, ...string[]])
          .optional()
          .meta({ description: "What packets cost the nodes' processors; default: nothing" }),
        fabric,
        resources: z
          .array(text('Path of a YAML file, relative to this one'))
          .max(1000)
          .default([])
          .meta({ description: 'Files with Calico and Kubernetes resources' }),
        pods: z
          .record(z.string(), pod)
          .default({})
          .meta({ description: 'Pods from before: `coredns-1: k8s-w1`, `kube-system/coredns-1: k8s-w1`' }),
        steps: z.array(step).max(10_000).default([]).meta({ description: 'What is done and what must hold' }),
        bench: bench.optional(),
      })
      .meta({ description: 'What it holds' }),
  })
  .meta({
    title: 'tunlab scenario',
    description: 'A network, a Calico configuration, and what happens to it',
  });

export type RawScenario = z.output<typeof scenarioSchema>;
export type RawFabric = RawScenario['spec']['fabric'];
export type RawStep = RawScenario['spec']['steps'][number];
