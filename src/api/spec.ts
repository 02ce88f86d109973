/** What the API server is built from: plain data. */
import type { VirtualTime } from '../sim/time.ts';

export interface ApiServerSpec {
  /** Node name by jack. */
  readonly nodes: readonly string[];
  /** Resources that are there when the cluster starts, in order. */
  readonly resources: readonly unknown[];
  readonly startMs: number;
  readonly calicoVersion: string;
  /** A watch reaches a node this long after the change, at least and at most. */
  readonly watchDelay: readonly [VirtualTime, VirtualTime];
}
