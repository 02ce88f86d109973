/** What a switch is built from: plain data. */
import type { Ipv4Address } from '../addr/ipv4.ts';

/** What the fabric refuses at one jack of a switch. */
export interface PortGuardSpec {
  readonly jack: number;
  /** The NIC's own address. */
  readonly address: Ipv4Address;
  readonly sourceDestCheck: boolean;
  readonly portSecurity: boolean;
  readonly blocksIpip: boolean;
}

export interface SwitchSpec {
  readonly jacks: number;
  readonly guards: readonly PortGuardSpec[];
}
