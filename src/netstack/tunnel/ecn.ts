/** The ECN field at tunnel ends, as Linux's `inet_ecn.h` has it (RFC 6040, with its deviations). */
import * as Ipv4Codec from '../../wire/ipv4.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ipv4 = { ...Ipv4Codec };

/** ECN of the outer header: the inner's, but congestion is not shown to the tunnel: it starts as ECT(0). */
export const encapsulated = (inner: number): number =>
  (inner & 3) === Ipv4.ECN_CE ? Ipv4.ECN_ECT0 : inner & 3;

/** The outer header was marked although the packet cannot carry the mark: it has to be dropped. */
export const isInvalid = (outer: number, inner: number): boolean =>
  (outer & 3) === Ipv4.ECN_CE && (inner & 3) === Ipv4.ECN_NOT_ECT;

/** The mark moves to the inner header at `at`. Linux does not bring ECT(1) over, which RFC 6040 would. */
export function decapsulate(outer: number, view: DataView, at: number): void {
  if ((outer & 3) === Ipv4.ECN_CE) Ipv4.setEcn(view, at, Ipv4.ECN_CE);
}
