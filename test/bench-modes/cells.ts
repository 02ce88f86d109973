/** The smallest lab that has two pods on two nodes, and how a test measures a cell of it. */
import type { Cell, Durations, Measured, Part } from '../../src/bench/cell.ts';
import { measure, type Task } from '../../src/bench/measure.ts';
import { parseScenario } from '../../src/scenario/load.ts';
import { validateResources } from '../../src/scenario/resource-validator.ts';
import type { Scenario } from '../../src/scenario/types.ts';
import { MICROSECOND, MILLISECOND } from '../../src/sim/time.ts';
import { fromRoot } from '../kit.ts';

/** Two nodes and a router on one switch (without a default route no node answers its pods' ARP); `delay` of each link, `queue` in front of each, octets. */
export function smallLab(delay = '10us', queue = '4MB', resources = 'small.yaml'): Scenario {
  const text = `
apiVersion: tunlab.dev/v1alpha1
kind: Scenario
metadata: { name: small }
spec:
  calico: { version: v3.28.1 }
  fabric:
    routers: { r: {} }
    subnets: { a: { cidr: 10.1.0.0/24, gateway: r .254, delay: ${delay}, queue: ${queue} } }
    nodes: { n1: a .1, n2: a .2 }
  resources: [${resources}]
`;
  const file = fromRoot('test/fixtures/bench-modes/small-lab.yaml');
  return parseScenario(text, { file, validate: validateResources });
}

export const CELL: Cell = {
  mode: 'direct',
  mtu: 1500,
  rate: 10e9,
  streams: 1,
  hostModel: 'ideal',
  sameSubnet: true,
  from: 'a',
  to: 'b',
};

/** Enough for 4000 full segments at `rate`, and for slow start before them. */
export function durationsAt(rate: number, mtu: number): Durations {
  const segment = ((mtu + 38) * 8e9) / rate;
  const tcp = Math.ceil((4000 * segment) / (100 * MICROSECOND)) * 100 * MICROSECOND;
  return { warmUp: Math.max(4 * MILLISECOND, tcp), tcp, udp: MILLISECOND, transactions: 20 };
}

export function measured(cell: Cell, parts: readonly Part[], more: Partial<Task> = {}): Promise<Measured> {
  const durations = durationsAt(cell.rate, cell.mtu);
  return measure({ scenario: smallLab(), cell, parts, seed: 1, durations, workers: 0, ...more });
}
