/**
 * The closed vocabulary of expectations. One kind is one row of `EXPECTATIONS`, known by its keyword: the key whose
 * presence says which kind a map is. Its words are those of `ip route`, of BGP, and of the drop reasons.
 */
import { z } from 'zod';
import * as Prefix from '../addr/prefix.ts';
import { type DropReason, dropReasonNames, dropReasons } from '../trace/drop-reason.ts';
import { address, duration, meaning, network, size, text } from './schema-kit.ts';

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
        })
        .meta({ description: 'Standard output and error of the last command' }),
      ...time,
    })
    .meta({ description: 'What the last command printed' }),
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
  ],
);

export type RawExpectation = z.output<typeof expectation>;
