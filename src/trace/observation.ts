/**
 * What the outside wants to see of a machine. Seeing never changes what happens: it is asked for in the specification
 * of the process, before its first event, or by a command that does not enter the fingerprint.
 */
import type { TraceClass } from './record.ts';

export interface ObserveSpec {
  /** Every packet at every device of every namespace, or at some, also those made later, as capture `WHOLE_LAB`. */
  readonly capture: boolean | readonly DevicePattern[];
  readonly trace: readonly TraceClass[];
}

/** Devices of one machine: of one namespace (`''`, `default/pod1`) or of all, of one name or of any. */
export interface DevicePattern {
  readonly namespace?: string;
  readonly device?: string;
}

/** Does a device of `namespace` that goes by `names` fit one of `patterns`? */
export const fitsAny = (
  patterns: readonly DevicePattern[],
  namespace: string,
  names: readonly string[],
): boolean =>
  patterns.some(
    pattern =>
      (pattern.namespace === undefined || pattern.namespace === namespace) &&
      (pattern.device === undefined || names.includes(pattern.device)),
  );

/** The number of the capture that a lab is booted with; others count from 1. */
export const WHOLE_LAB = 0;

const OBSERVATIONS: ReadonlySet<unknown> = new Set([
  'capture',
  'capture-stop',
  'trace',
  'drops',
  'report-routes',
  'waiting',
]);

/** Is `command` one that only looks? */
export const isObservation = (command: unknown): boolean =>
  OBSERVATIONS.has((command as { readonly do?: unknown } | undefined)?.do);
