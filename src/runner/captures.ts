/** `capture`: how many packets that pass a filter a device has seen since the step began. */
import * as Ipv4 from '../addr/ipv4.ts';
import { type Cluster, NoSuchParty } from '../controller/cluster.ts';
import type { Observed } from '../controller/controller.ts';
import type { CaptureExpectation, Step } from '../scenario/types.ts';
import { type PacketFilter, packetFilter } from '../trace/packet-filter.ts';
import type { PacketRecord } from '../trace/record.ts';
import type { Verdict } from './verdict.ts';

/** The counter of an expectation, or why there is none. */
export type Captures = ReadonlyMap<CaptureExpectation, Counter | NoSuchParty>;

/** Longer than any headers that a filter can look into. */
const SNAP_LENGTH = 256;

/** A capture that is under way. */
interface Counter {
  readonly capture: number;
  readonly machine: string;
  readonly heard: (observed: Observed<PacketRecord>) => void;
  count: number;
}

export async function beginCaptures(cluster: Cluster, step: Step): Promise<Captures> {
  const counters = new Map<CaptureExpectation, Counter | NoSuchParty>();
  for (const expectation of step.expect) {
    if (expectation.kind !== 'capture') continue;
    try {
      counters.set(expectation, await begin(cluster, expectation));
    } catch (error) {
      if (!(error instanceof NoSuchParty)) throw error;
      counters.set(expectation, error);
    }
  }
  return counters;
}

async function begin(cluster: Cluster, expectation: CaptureExpectation): Promise<Counter> {
  const { on, dev } = expectation;
  const { controller } = cluster;
  const filter = await compiled(cluster, expectation.filter);
  const { machine, namespace } = await cluster.party(on);
  const capture = await controller.startCapture(machine, namespace, dev, SNAP_LENGTH);
  const counter: Counter = {
    capture,
    machine,
    count: 0,
    heard: ({ record }) => {
      if (record.capture === capture && passes(record, filter, expectation)) counter.count++;
    },
  };
  controller.on('packet', counter.heard);
  return counter;
}

/** Names of pods are those that have an address now; one that has none is no party. */
async function compiled(cluster: Cluster, expression: string): Promise<PacketFilter> {
  const hosts = cluster.hosts();
  const pods = new Map(
    (await cluster.list('Pod')).flatMap(({ metadata: { namespace, name }, status }) =>
      status?.podIP === undefined
        ? []
        : [[namespace === 'default' ? name : `${namespace}/${name}`, Ipv4.from(status.podIP)]],
    ),
  );
  return packetFilter(expression, name => {
    const address = Object.hasOwn(hosts, name) ? hosts[name] : pods.get(name);
    if (address === undefined) throw new NoSuchParty(`there is no pod ${name} with an address`);
    return address;
  });
}

function passes(record: PacketRecord, filter: PacketFilter, { direction }: CaptureExpectation): boolean {
  if (direction !== 'inout' && (direction === 'in') !== (record.direction === 'receive')) return false;
  return filter(record);
}

export async function endCaptures({ controller }: Cluster, captures: Captures): Promise<void> {
  for (const counter of captures.values()) {
    if (counter instanceof NoSuchParty) continue;
    controller.off('packet', counter.heard);
    await controller.stopCapture(counter.machine, counter.capture);
  }
}

export function judgeCapture(captures: Captures, expectation: CaptureExpectation): Verdict {
  const { filter, dev, least, most, direction } = expectation;
  const what = filter === '' ? 'packets' : `packets that pass "${filter}"`;
  const way = direction === 'inout' ? '' : ` (${direction})`;
  const expected = `${numberText(least, most)} ${what} on ${dev}${way}`;
  const counter = captures.get(expectation);
  if (counter === undefined || counter instanceof NoSuchParty)
    return { ok: false, inconclusive: true, expected, received: counter?.message ?? 'no capture' };
  const { count } = counter;
  const ok = count >= least && (most === undefined || count <= most);
  return { ok, expected, received: `${count} since the step began` };
}

function numberText(least: number, most: number | undefined): string {
  if (most === undefined) return `at least ${least}`;
  if (least === most) return String(least);
  return least === 0 ? `at most ${most}` : `${least} to ${most}`;
}
