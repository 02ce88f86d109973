/**
 * For any topology (2 to 20 nodes, 1 to 3 racks, with or without BGP at the router), any mode, a pool with room or one so
 * tight that addresses are borrowed, and any failures that have been healed, the tables after convergence are what
 * `expected-fib.ts` works out from the datastore, without a loop in them, and every frame is accounted for.
 *
 *   PROPERTY_RUNS=200 PROPERTY_SEED=7 node build/test/run.js property --limit=3600000
 */
import fc from 'fast-check';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import type { Lab } from '../../src/lab.ts';
import type { FdbView, NeighbourView } from '../../src/node/command.ts';
import { breachesOf } from '../../src/runner/invariants.ts';
import { LAWS } from '../../src/scenario/types.ts';
import { SECOND } from '../../src/sim/time.ts';
import { assert, suite } from '../kit.ts';
import {
  bootLab,
  calico,
  encapsulation,
  MODES,
  type Mode,
  pool,
  routeLines,
} from '../routing/reference-lab.ts';
import { type Facts, nodeRoutes, routerRoutes, vteps } from './expected-fib.ts';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 6);
const SEED = Number(process.env['PROPERTY_SEED'] ?? 20_240_922);
/** Longer than the hold time, the graceful restart and the longest wait after an error together. */
const PATIENCE = 900 * SECOND;

type Fault =
  | {
      readonly kind: 'link' | 'rack' | 'power' | 'calico-node';
      readonly node: number;
      readonly waitSec: number;
    }
  | { readonly kind: 'mode'; readonly mode: Mode; readonly waitSec: number };

interface Case {
  readonly racks: number;
  /** Rack of each node, modulo `racks`. */
  readonly nodes: readonly number[];
  /** Node of each pod, modulo their number. */
  readonly pods: readonly number[];
  readonly mode: Mode;
  readonly routerBgp: boolean;
  /** Fewer blocks than nodes may want. */
  readonly tight: boolean;
  readonly faults: readonly Fault[];
  readonly seed: number;
}

const waitSec = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 300 }));
const mode = fc.constantFrom(...MODES);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('link' as const, 'rack' as const, 'power' as const, 'calico-node' as const),
    node: fc.nat(19),
    waitSec,
  }),
  fc.record({ kind: fc.constant('mode' as const), mode, waitSec }),
);
const cases: fc.Arbitrary<Case> = fc.record({
  racks: fc.integer({ min: 1, max: 3 }),
  nodes: fc.array(fc.nat(2), { minLength: 2, maxLength: 20 }),
  pods: fc.array(fc.nat(19), { maxLength: 12 }),
  mode,
  routerBgp: fc.boolean(),
  tight: fc.boolean(),
  faults: fc.array(fault, { maxLength: 4 }),
  seed: fc.nat(1_000_000),
});

/** Eight blocks of eight addresses. */
const TIGHT = { cidr: '172.16.0.0/26', blockSize: 29 };

const nodeName = (index: number): string => `n${index}`;
const rackOf = ({ racks, nodes }: Case, index: number): number => nodes[index]! % racks;

function boot(each: Case): Promise<Lab> {
  const { racks, nodes, pods, routerBgp, seed } = each;
  const subnets = Object.fromEntries(
    Array.from({ length: racks }, (_, r) => [`r${r}`, { cidr: `10.${r}.0.0/24`, gateway: 'rtr .254' }]),
  );
  const bgp = { as: 64512, listenRange: '10.0.0.0/8' };
  const fabric = {
    routers: { rtr: routerBgp ? { bgp } : {} },
    subnets,
    nodes: Object.fromEntries(nodes.map((_, i) => [nodeName(i), `r${rackOf(each, i)} .${i + 1}`])),
  };
  const peer = calico('BGPPeer', 'router', { peerIP: '10.0.0.254', asNumber: 64512 });
  return bootLab({
    fabric,
    seed,
    pods: Object.fromEntries(pods.map((node, i) => [`pod${i}`, nodeName(node % nodes.length)])),
    resources: [pool(each.mode, each.tight ? TIGHT : { blockSize: 26 }), ...(routerBgp ? [peer] : [])],
  });
}

/** Break something; returns what heals it. */
async function breakIt(lab: Lab, each: Case, fault: Fault): Promise<() => Promise<unknown>> {
  const { controller } = lab;
  if (fault.kind === 'mode') {
    const patch = { spec: encapsulation(fault.mode) };
    const name = 'default-ipv4-ippool';
    await controller.api({ do: 'patch', kind: 'IPPool', name, type: 'strategic', patch });
    return async () => {};
  }
  const node = nodeName(fault.node % each.nodes.length);
  if (fault.kind === 'link' || fault.kind === 'rack') {
    const rack = rackOf(each, fault.node % each.nodes.length);
    const nic =
      fault.kind === 'link'
        ? controller.plan.nic(node, 'eth0')!
        : controller.plan.nic('rtr', `eth${rack + 1}`)!;
    await controller.setCarrier(nic, false);
    return () => controller.setCarrier(nic, true);
  }
  if (fault.kind === 'power') {
    await controller.ask(node, { do: 'power', on: false });
    return () => controller.ask(node, { do: 'power', on: true });
  }
  const pods = await lab.cluster.list('Pod', 'kube-system');
  const victim = pods.find(pod => pod.spec.nodeName === node);
  if (victim !== undefined) {
    const { name, namespace } = victim.metadata;
    await controller.api({ do: 'delete', kind: 'Pod', name, namespace: namespace! });
  }
  return async () => {};
}

async function factsOf(lab: Lab, each: Case): Promise<Facts> {
  const changes = each.faults.flatMap(f => (f.kind === 'mode' ? [f.mode] : []));
  const nodes = (await lab.cluster.list('Node')).map(({ metadata, spec }) => {
    const index = Number(metadata.name.slice(1));
    const tunnel = spec.ipv4VXLANTunnelAddr ?? spec.bgp?.ipv4IPIPTunnelAddr ?? '';
    const rack = rackOf(each, index);
    return { name: metadata.name, rack, address: `10.${rack}.0.${index + 1}`, tunnel };
  });
  const pods = (await lab.cluster.list('Pod', 'default')).map(({ metadata, spec, status }) => ({
    name: metadata.name,
    node: spec.nodeName!,
    address: status!.podIP!,
  }));
  const blocks = (await lab.cluster.list('BlockAffinity')).map(({ spec }) => ({
    cidr: spec.cidr,
    node: spec.node,
  }));
  const { routerBgp, racks } = each;
  return { mode: changes.at(-1) ?? each.mode, nodes, pods, blocks, routerBgp, racks };
}

async function vtepsSeen(lab: Lab, node: string): Promise<string[]> {
  const ask = { namespace: '' };
  const fdb = await lab.controller.ask<FdbView[]>(node, { do: 'fdb', ...ask });
  const neighbours = await lab.controller.ask<NeighbourView[]>(node, { do: 'neighbours', ...ask });
  const remote = new Map(fdb.map(entry => [entry.mac, Ipv4.format(entry.destination)]));
  return neighbours
    .filter(entry => entry.device === 'vxlan.calico')
    .map(entry => `${Ipv4.format(entry.address)} ${remote.get(entry.mac)}`)
    .sort();
}

async function holds(each: Case): Promise<void> {
  const lab = await boot(each);
  try {
    await lab.converge();
    const heal: (() => Promise<unknown>)[] = [];
    for (const fault of each.faults) {
      heal.push(await breakIt(lab, each, fault));
      await lab.run({ for: fault.waitSec * SECOND });
    }
    for (const mend of heal) await mend();
    await lab.run({ for: '20s' });
    const { converged, missing } = await lab.converge(PATIENCE);
    assert.ok(converged, missing.join(', '));
    const facts = await factsOf(lab, each);
    assert.is(facts.nodes.length, each.nodes.length);
    for (const node of facts.nodes) {
      assert.equal((await routeLines(lab, node.name)).sort(), nodeRoutes(facts, node), node.name);
      assert.equal(await vtepsSeen(lab, node.name), vteps(facts, node), node.name);
    }
    assert.equal((await routeLines(lab, 'rtr')).sort(), routerRoutes(facts), 'rtr');
    for (const law of LAWS)
      if (law !== 'noBlackHole') assert.equal(await breachesOf(lab.cluster, law), [], law);
  } finally {
    await lab.close();
  }
}

const t = suite('property/converged-fib', undefined, 3_600_000);

t(`the tables after convergence (${RUNS} labs, seed ${SEED})`, () =>
  fc.assert(fc.asyncProperty(cases, holds), { numRuns: RUNS, seed: SEED, endOnFailure: true }),
);

t.run();
