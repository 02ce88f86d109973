/** What has to be begun before a step's disturbance, because an expectation of it asks what happened since. */
import type { Cluster } from '../controller/cluster.ts';
import type { Step } from '../scenario/types.ts';
import { beginCaptures, type Captures, endCaptures } from './captures.ts';
import { countDrops, type DropCounts } from './drops.ts';
import { beginFlows, type Flows } from './outage.ts';

export interface Watches {
  readonly flows: Flows;
  readonly captures: Captures;
  readonly drops: DropCounts;
}

export const beginWatches = async (cluster: Cluster, step: Step): Promise<Watches> => ({
  captures: await beginCaptures(cluster, step),
  drops: await countDrops(cluster, step),
  flows: await beginFlows(cluster, step),
});

/** Flows end when they are judged. */
export const endWatches = (cluster: Cluster, { captures }: Watches): Promise<void> =>
  endCaptures(cluster, captures);
