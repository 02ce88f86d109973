/** What differs between two states of a lab, line by line. */
import type { SnapshotPart } from '../scenario/types.ts';
import type { LabState, Sections } from './lab-state.ts';

export interface StateChange {
  readonly part: SnapshotPart;
  /** A machine; '' where the table is the cluster's. */
  readonly place: string;
  readonly gone: readonly string[];
  readonly come: readonly string[];
}

/** Of `parts`, or of all that `before` holds. Where lines only changed places nothing has changed. */
export function stateChanges(
  before: LabState,
  after: LabState,
  parts: readonly SnapshotPart[] = [...before.keys()],
): StateChange[] {
  return parts.flatMap(part => {
    const [old, now] = [before.get(part) ?? NONE, after.get(part) ?? NONE];
    const places = [...new Set([...old.keys(), ...now.keys()])];
    return places.flatMap(place => {
      const [was, is] = [old.get(place) ?? [], now.get(place) ?? []];
      const [gone, come] = [without(was, is), without(is, was)];
      return gone.length + come.length === 0 ? [] : [{ part, place, gone, come }];
    });
  });
}

const NONE: Sections = new Map();

/** The lines of `a` that `b` has not, each as often as that. */
function without(a: readonly string[], b: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of b) left.set(line, (left.get(line) ?? 0) + 1);
  return a.filter(line => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

/** `fib k8s-w1`, as the heading of the section says. */
export const placeOf = ({ part, place }: Pick<StateChange, 'part' | 'place'>): string =>
  place === '' ? part : `${part} ${place}`;

/** A line each: `fib k8s-w1  - 172.16.34.0/24 via …`. */
export const changeLines = (changes: readonly StateChange[]): string[] =>
  changes.flatMap(change => [
    ...change.gone.map(line => `${placeOf(change)}  - ${line}`),
    ...change.come.map(line => `${placeOf(change)}  + ${line}`),
  ]);

export const lineCount = (changes: readonly StateChange[]): number =>
  changes.reduce((sum, { gone, come }) => sum + gone.length + come.length, 0);
