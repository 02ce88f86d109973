/** What a switch is built from: plain data. */
import type { ObserveSpec } from '../trace/observation.ts';
import type { PortRules } from './cloud.ts';
import type { Damage } from './damage.ts';

export interface SwitchPortSpec {
  /** The NIC at the other end of the cable, as a drop names it: `k8s-w1/ens5`. */
  readonly nic: string;
  /** What the cloud checks there; absent: nothing. */
  readonly rules?: PortRules;
  /** Absent: the equipment is sound. */
  readonly damage?: Damage;
}

export interface SwitchSpec {
  /** By jack. */
  readonly ports: readonly SwitchPortSpec[];
  /** Absent: nobody looks. A switch shows what dies in it. */
  readonly observe?: ObserveSpec;
}
