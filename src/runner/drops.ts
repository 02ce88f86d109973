/** `drops`: frames that died of one reason since the step began, whoever sent them. */
import type { Cluster } from '../controller/cluster.ts';
import type { DropsExpectation, Step } from '../scenario/types.ts';
import type { Verdict } from './verdict.ts';

/** What was dropped before the step, for each expectation that will ask. */
export type DropCounts = ReadonlyMap<DropsExpectation, number>;

export async function countDrops(cluster: Cluster, { expect }: Step): Promise<DropCounts> {
  const counts = new Map<DropsExpectation, number>();
  for (const e of expect) if (e.kind === 'drops') counts.set(e, await cluster.dropped(e.reason, e.on));
  return counts;
}

export async function judgeDrops(
  cluster: Cluster,
  before: DropCounts,
  e: DropsExpectation,
): Promise<Verdict> {
  const { reason, on } = e;
  const count = (await cluster.dropped(reason, on)) - (before.get(e) ?? 0);
  const expected = `${on ?? 'somebody'} drops frames: ${reason}`;
  return {
    ok: count > 0,
    expected,
    received: count === 0 ? 'none was dropped for that' : `${count} dropped`,
  };
}
