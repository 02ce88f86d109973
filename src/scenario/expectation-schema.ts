/**
 * The closed vocabulary of expectations. One kind is one row of `EXPECTATIONS`, known by its keyword: the key whose
 * presence says which kind a map is. Its words are those of `ip route`, of BGP, and of the drop reasons.
 */
import { z } from 'zod';
import * as Ipv4 from '../addr/ipv4.ts';
import * as Mac from '../addr/mac.ts';
import * as Prefix from '../addr/prefix.ts';
import { type DropReason, dropReasonNames, dropReasons } from '../trace/drop-reason.ts';
import { parseRate, parseShare } from './quantity.ts';
import { address, duration, meaning, network, show, size, text } from './schema-kit.ts';
import { type Amount, LAWS, NEIGHBOUR_STATES, SNAPSHOT_PARTS } from './types.ts';

/** Two endpoints: `pod1 -> pod3`, `kube-system/coredns -> 8.8.8.8`, both ways with `<->`. */
export interface EndpointPair {
  readonly from: string;
  readonly to: string;
  readonly symmetric: boolean;
}

function parsePair(written: string): EndpointPair | undefined {
  const match = /^([\w./-]*[\w./]) *(<?->) *([\w./-]+)$/.exec(written);
  return match === null ? undefined : { from: match[1]!, to: match[3]!, symmetric: match[2] === '<->' };
}

const pair = (description: string) => meaning('two endpoints such as "pod1 -> pod3"', parsePair, description);

/** Why a packet died. A code that nothing raises yet is known, but cannot be expected: it would never hold. */
const reason = (description: string) =>
  z
    .enum(dropReasonNames as [DropReason, ...DropReason[]])
    .refine(name => dropReasons[name].reserved !== true, {
      error: issue => `${String(issue.input)} is reserved: nothing raises it yet`,
    })
    .meta({ description });

const time = {
  within: duration('Poll until it holds, for at most this long').optional(),
  for: duration('From then on it must hold for this long').optional(),
  never: duration('It must not hold once in this long; 0s: not now. Stands alone').optional(),
};

const probe = {
  proto: z.enum(['icmp', 'udp', 'tcp']).default('icmp').meta({ description: 'What is sent' }),
  port: z.int().min(1).max(65535).optional().meta({ description: 'Destination port (udp, tcp)' }),
  size: size('Payload in octets, as `ping -s` counts').optional(),
  df: z.boolean().default(false).meta({ description: 'Set DF: do not fragment' }),
  symmetric: z.boolean().optional().meta({ description: 'The other way round too (as `<->`)' }),
  ...time,
};

const destination = (description: string) =>
  meaning(
    'a prefix such as 172.16.34.0/24, or default',
    written => (written === 'default' ? { address: 0, length: 0 } : Prefix.parse(written)),
    description,
  );

const routeFields = {
  on: text('Node, pod or router whose main table is read'),
  via: address('Next hop').optional(),
  dev: text('Outgoing device; eth0 also stands for a node NIC of another name').optional(),
  proto: z
    .enum(['bird', 'kernel', 'static', 'boot', 'dhcp', 'bgp', '80'])
    .optional()
    .meta({ description: 'Who put it there, as `ip route` names it' }),
  onlink: z.boolean().optional().meta({ description: 'The onlink flag is (not) set' }),
  type: z
    .enum(['unicast', 'blackhole', 'unreachable', 'prohibit'])
    .optional()
    .meta({ description: 'Type of the route' }),
  metric: z.int().min(0).max(4_294_967_295).optional().meta({ description: 'Metric; 0 is none' }),
  ...time,
};

const strings = (description: string) =>
  z.union([text(description), z.array(text(description)).min(1).max(100)]).meta({ description });

const mac = (description: string) =>
  meaning('a MAC address such as 66:39:1c:00:00:01', written => Mac.parse(written), description);

function parseFdbKey(
  written: string,
): { mac: Mac.MacAddress } | { destination: Ipv4.Ipv4Address } | undefined {
  const [octets, destination] = [Mac.parse(written), Ipv4.parse(written)];
  if (octets !== undefined) return { mac: octets };
  return destination === undefined ? undefined : { destination };
}

const packets = (description: string) => z.int().min(0).max(1e9).meta({ description });

/** `97%` of something, or `900Mbit`. */
const amount = (description: string) =>
  meaning(
    'a share such as 97% or a rate such as 900Mbit',
    (written): Amount | undefined => {
      const share = parseShare(written);
      if (share !== undefined) return { unit: 'share', value: share };
      const rate = parseRate(written);
      return rate === undefined ? undefined : { unit: 'bit/s', value: rate };
    },
    description,
  );

/** It is the name of a file, too. */
export const snapshotName = (description: string) =>
  z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, {
      error: issue =>
        `${show(issue.input)} is not the name of a snapshot: lower-case letters, digits and "-"`,
    })
    .meta({ description });

export const EXPECTATIONS = {
  converged: z
    .strictObject({
      converged: z.literal(true).meta({ description: 'Always true' }),
      ...time,
    })
    .meta({ description: 'All sessions are Established and no table has changed for 2.5 s' }),
  reachable: z
    .strictObject({
      reachable: pair('Who reaches whom: `pod1 -> pod3`'),
      via: z
        .enum(['direct', 'tunl0', 'vxlan.calico'])
        .optional()
        .meta({ description: 'The way the packets were seen to take' }),
      ...probe,
    })
    .meta({ description: 'A probe is answered' }),
  unreachable: z
    .strictObject({
      unreachable: pair('Who does not reach whom'),
      reason: reason('Why the packet dies').optional(),
      at: text('Node, router or host where it dies').optional(),
      ...probe,
    })
    .meta({ description: 'A probe is not answered' }),
  path: z
    .strictObject({
      path: pair('Who sends to whom'),
      hops: z
        .array(text('Node, router or host'))
        .min(1)
        .max(64)
        .meta({ description: "The machines on the way: the sender's first, the receiver's last" }),
      ...probe,
    })
    .meta({ description: 'The way that a probe was seen to take' }),
  outage: z
    .strictObject({
      outage: pair('Who sends to whom, every 10 ms'),
      max: duration('For how long probes may go unanswered, all in all'),
      within: duration('How long to wait for all to be quiet; default 60s').optional(),
      for: duration('Watch for at least this long').optional(),
    })
    .meta({
      description:
        'How long the flow is cut off while the step runs, until all sessions and tables are quiet',
    }),
  route: z
    .strictObject({ route: destination('Destination of the route'), ...routeFields })
    .meta({ description: 'There is a route that fits' }),
  noRoute: z
    .strictObject({ noRoute: destination('Destination of the route'), ...routeFields })
    .meta({ description: 'There is no route that fits' }),
  bgp: z
    .strictObject({
      bgp: z
        .enum(['Established', 'Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'none'])
        .meta({ description: 'State of the session; `none` when there is no such session' }),
      on: text('Node or router whose session it is'),
      peer: text('The other side: a node, a router or an address'),
      ...time,
    })
    .meta({ description: 'State of a BGP session' }),
  mtu: z
    .strictObject({
      mtu: z.int().min(68).max(65535).meta({ description: 'MTU in octets' }),
      on: text('Node, pod or router'),
      dev: text('Device').default('eth0'),
      ...time,
    })
    .meta({ description: 'MTU of a device' }),
  ipam: z
    .strictObject({
      ipam: text('A pod, or a node'),
      address: address('Address of the pod, or of the tunnel device of the node').optional(),
      block: network('Block that the address is from, or that is affine to the node').optional(),
      ...time,
    })
    .meta({ description: 'What IPAM has given' }),
  drops: z
    .strictObject({
      drops: reason('Why frames died since the step began'),
      on: text('Node, router or host where they did; default: anywhere').optional(),
      ...time,
    })
    .meta({ description: 'At least one frame died of this, whoever sent it' }),
  output: z
    .strictObject({
      output: z
        .strictObject({
          contains: strings('Text that must be in it').optional(),
          equals: z.string().max(65536).optional().meta({ description: 'The whole of it' }),
          exitCode: z.int().min(0).max(255).optional().meta({ description: 'How it ended' }),
        })
        .meta({ description: 'Standard output and error of the last command' }),
      ...time,
    })
    .meta({ description: 'What the last command printed' }),
  neigh: z
    .strictObject({
      neigh: address('Address of the neighbour'),
      on: text('Node, pod, router or host whose neighbour table is read'),
      dev: text('Device').optional(),
      lladdr: mac('Its MAC address').optional(),
      state: z
        .enum(NEIGHBOUR_STATES)
        .optional()
        .meta({ description: 'As `ip neigh` says; `none` when there is no entry' }),
      ...time,
    })
    .meta({ description: 'An entry of the neighbour table' }),
  fdb: z
    .strictObject({
      fdb: meaning(
        'a MAC address, or the address of the machine it is behind',
        parseFdbKey,
        'A MAC address, or the address of the machine it is behind (`dst`)',
      ),
      on: text('Node whose forwarding database is read'),
      dev: text('Device').default('vxlan.calico'),
      dst: address('The machine that it is behind').optional(),
      ...time,
    })
    .meta({ description: 'An entry of the forwarding database of a VXLAN device' }),
  capture: z
    .strictObject({
      capture: z
        .string()
        .max(4096)
        .meta({ description: 'Filter in the language of tcpdump: `proto 4 and host k8s-w1`; empty: all' }),
      on: text('Node, pod, router or host'),
      dev: text('Device, or any').default('eth0'),
      direction: z
        .enum(['in', 'out', 'inout'])
        .default('inout')
        .meta({ description: 'As `tcpdump -Q`: what comes in, what goes out, or both' }),
      count: packets('So many, exactly').optional(),
      atLeast: packets('So many or more').optional(),
      atMost: packets('So many or fewer').optional(),
      ...time,
    })
    .meta({ description: 'How many packets a device saw since the step began' }),
  throughput: z
    .strictObject({
      throughput: pair('Who sends to whom, by TCP'),
      of: pair('The flow that a share is of; default: the rate of the sender’s NIC').optional(),
      atLeast: amount('Goodput at least').optional(),
      atMost: amount('Goodput at most').optional(),
      duration: duration('How long it is measured, behind a warm-up').prefault('20ms'),
      ...time,
    })
    .meta({ description: 'TCP goodput, or its ratio to that of another flow' }),
  noChange: z
    .strictObject({
      noChange: snapshotName('Name of a snapshot: of an earlier step, or of the folder beside the scenario'),
      of: z
        .union([z.enum(SNAPSHOT_PARTS), z.array(z.enum(SNAPSHOT_PARTS)).min(1)])
        .default([...SNAPSHOT_PARTS])
        .meta({ description: 'Which tables; default: all' }),
      ...time,
    })
    .meta({ description: 'The tables are those of a snapshot; `tunlab test --update` writes it anew' }),
  invariant: z
    .strictObject({
      invariant: z
        .union([z.enum(['all', ...LAWS]), z.array(z.enum(LAWS)).min(1)])
        .meta({ description: 'noLoop, oneOwner, noBlackHole, allCounted, or all' }),
      ...time,
    })
    .meta({
      description:
        'No forwarding loop; no address or block with two owners; no pair of pods cut off while their nodes talk; every frame delivered, dropped for a reason, or on its way',
    }),
} as const;

/** Expectations of one step. */
export const EXPECTATION_LIMIT = 1000;

export type Keyword = keyof typeof EXPECTATIONS;
export const KEYWORDS = Object.keys(EXPECTATIONS) as Keyword[];

export const expectation = z.union(
  Object.values(EXPECTATIONS) as unknown as [
    (typeof EXPECTATIONS)['converged'],
    (typeof EXPECTATIONS)['reachable'],
    (typeof EXPECTATIONS)['unreachable'],
    (typeof EXPECTATIONS)['path'],
    (typeof EXPECTATIONS)['outage'],
    (typeof EXPECTATIONS)['route'],
    (typeof EXPECTATIONS)['noRoute'],
    (typeof EXPECTATIONS)['bgp'],
    (typeof EXPECTATIONS)['mtu'],
    (typeof EXPECTATIONS)['ipam'],
    (typeof EXPECTATIONS)['drops'],
    (typeof EXPECTATIONS)['output'],
    (typeof EXPECTATIONS)['neigh'],
    (typeof EXPECTATIONS)['fdb'],
    (typeof EXPECTATIONS)['capture'],
    (typeof EXPECTATIONS)['throughput'],
    (typeof EXPECTATIONS)['noChange'],
    (typeof EXPECTATIONS)['invariant'],
  ],
);

export type RawExpectation = z.output<typeof expectation>;
