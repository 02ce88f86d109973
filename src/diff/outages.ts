/** Who is cut off, and for how long, while a change is made: a flow of probes for each pair that talks. */
import type { Cluster } from '../controller/cluster.ts';
import { GRID } from '../controller/convergence.ts';
import { type Outage, ProbeFlow } from '../controller/flows.ts';
import type { ProbeOutcome } from '../controller/probes.ts';
import type { VirtualTime } from '../sim/time.ts';

export interface PairOutage {
  readonly pair: string;
  readonly lengthNs: VirtualTime;
  /** When the first unanswered probe was sent, behind the change; and when the last one had its time. */
  readonly fromNs: VirtualTime;
  readonly toNs: VirtualTime;
  /** It answered again while it was watched, or when the lab had settled, or never. */
  readonly end: 'seen' | 'later' | 'never';
  readonly reason: string | undefined;
  readonly at: string | undefined;
}

/** Flows grow with the square of the pods: of more pairs only the first are watched. */
const FLOWS = 64;

interface PairFlow {
  readonly pair: string;
  readonly flow: ProbeFlow;
}

/** A flow for each pair that talks, over the change. */
export class Flows {
  readonly #flows: readonly PairFlow[];

  static async begin({ controller }: Cluster, outcomes: readonly ProbeOutcome[]): Promise<Flows> {
    const flows: PairFlow[] = [];
    for (const { from, to } of outcomes.filter(({ result }) => result.answered).slice(0, FLOWS))
      flows.push({ pair: `${from.name} -> ${to.name}`, flow: await ProbeFlow.begin(controller, from, to) });
    return new Flows(flows);
  }

  private constructor(flows: readonly PairFlow[]) {
    this.#flows = flows;
  }

  /** Those that were cut off: for good first, then the longest. */
  async end(begun: VirtualTime): Promise<PairOutage[]> {
    const outages: PairOutage[] = [];
    for (const { pair, flow } of this.#flows) {
      const outage = outageOf(pair, await flow.end(), begun);
      if (outage !== undefined) outages.push(outage);
    }
    const rank = ({ end, lengthNs }: PairOutage): number =>
      end === 'seen' ? lengthNs : Number.POSITIVE_INFINITY;
    return outages.sort((a, b) => (rank(b) === rank(a) ? (a.pair < b.pair ? -1 : 1) : rank(b) - rank(a)));
  }
}

function outageOf(pair: string, { result, died }: Outage, begun: VirtualTime): PairOutage | undefined {
  const [first] = result?.lost ?? [];
  if (result === undefined || first === undefined) return undefined;
  const last = result.lost.at(-1)!;
  return {
    pair,
    lengthNs: result.lost.length * GRID,
    fromNs: Math.max(0, first - begun),
    toNs: last + GRID - begun,
    end: last === result.last ? 'never' : 'seen',
    reason: died?.reason,
    at: died?.machine,
  };
}

/** Those that were still cut off when nobody watched any more, told by who talks once the lab has settled. */
export const settledOutages = (
  outages: readonly PairOutage[],
  talks: (pair: string) => boolean,
): PairOutage[] =>
  outages.map(outage =>
    outage.end === 'never' && talks(outage.pair) ? { ...outage, end: 'later' } : outage,
  );
