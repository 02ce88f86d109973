/**
 * Filters: pure functions from a route (and where it is going) to a verdict. The Calico layer builds them; the daemon
 * applies what they say.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { PeerIdentity, Route } from './route.ts';

export interface FilterContext {
  readonly direction: 'import' | 'export';
  /** The protocol that imports or exports. */
  readonly protocol: string;
  /** The peer, when that protocol is BGP. */
  readonly peer?: PeerIdentity;
}

/** What an accepted route leaves the filter with. */
export interface FilterChanges {
  /** Kernel export: the tunnel device, '' for none (`krt_tunnel`). */
  readonly krtTunnel?: string;
  /** Kernel export: the metric (`krt_metric`). */
  readonly krtMetric?: number;
  readonly preference?: number;
  readonly localPref?: number;
  readonly med?: number;
  readonly nextHop?: Ipv4Address;
  /** Communities to set on top of those the route has. */
  readonly addCommunities?: readonly number[];
  readonly addLargeCommunities?: readonly (readonly [number, number, number])[];
  /** Communities to take away; applied before the additions. */
  readonly removeCommunities?: readonly number[];
  /** AS numbers to put in front of the path, in the order they shall stand there. */
  readonly prepend?: readonly number[];
}

export interface FilterVerdict {
  readonly accept: boolean;
  readonly changes?: FilterChanges;
  /** The rule that decided, for traces and `explain`. */
  readonly because: string;
}

export interface Filter {
  (route: Route, context: FilterContext): FilterVerdict;
  /** Its name in `show protocols all`; BIRD's words without one. */
  readonly label?: string;
  /**
   * What the filter does, as text. Two filters with equal text count as unchanged in a reconfiguration, and say the
   * same of a route on its way to any peer; without text only the same function does.
   */
  readonly text?: string;
}

const named = (label: string, fn: (route: Route) => FilterVerdict): Filter =>
  Object.assign(fn, { label, text: label });

const ACCEPTED: FilterVerdict = { accept: true, because: 'accept' };
const REJECTED: FilterVerdict = { accept: false, because: 'reject' };

export const ACCEPT: Filter = named('ACCEPT', () => ACCEPTED);
export const REJECT: Filter = named('REJECT', () => REJECTED);

/** What FRR's zebra gets from bgpd: its own routes and nothing else. */
export const BGP_ONLY: Filter = named('BGP only', route =>
  route.source.protocol.kind === 'bgp'
    ? { accept: true, because: 'learned by BGP' }
    : { accept: false, because: 'not a BGP route' },
);

/** A filter with a name and, if given, a text that stands for what it does. */
export const filter = (
  label: string,
  fn: (route: Route, context: FilterContext) => FilterVerdict,
  text?: string,
): Filter =>
  Object.assign((route: Route, context: FilterContext) => fn(route, context), { label, text: text ?? label });

export const isSame = (a: Filter | undefined, b: Filter | undefined): boolean =>
  a === b || (a?.text !== undefined && a.text === b?.text);
