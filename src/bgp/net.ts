/**
 * Nets: one prefix with its routes, as they are at some time. A net never changes; the table gets another one instead.
 *
 *     vacant ── a ──> [a] ── b ──> [b, a]        a thousand daemons that hear of a and b
 *        └───── b ──> [b] ── a ──> [b, a]        go through these four states and no other
 *
 * So what a step leads to is worked out once, and kept for the next daemon of the thread that takes it.
 */
import type { Prefix } from '../addr/prefix.ts';
import { decide } from './decision.ts';
import type { Exported } from './kernel-export.ts';
import { prefixOf, put, type Route } from './route.ts';

export interface Net {
  readonly prefix: Prefix;
  /** `keyOf(prefix)`. */
  readonly key: number;
  /** The best first. */
  readonly routes: readonly Route[];
  /** What became of it at whoever exported it last: those that follow mostly do the same. */
  exported: Exported | undefined;
}

interface Step {
  readonly from: Net;
  /** Place of the route that goes, or -1. */
  readonly at: number;
  readonly added: Route | undefined;
  readonly to: Net;
}

/** Latest steps of each net: so many. */
const KEPT = 4;
/** By key and place. */
const steps: (Step | undefined)[] = [];
let turn = 0;

/** By key: nets without a route. */
const vacancies: (Net | undefined)[] = [];

export function vacant(key: number): Net {
  let net = vacancies[key];
  if (net === undefined) {
    net = { prefix: prefixOf(key), key, routes: [], exported: undefined };
    put(vacancies, key, net);
  }
  return net;
}

/** The net after the route at place `at` has gone, if that is none of -1, and `added` has come, if it is one. */
export function after(from: Net, at: number, added: Route | undefined): Net {
  const first = from.key * KEPT;
  for (let i = first; i < first + KEPT; i++) {
    const step = steps[i];
    if (step !== undefined && step.from === from && step.added === added && step.at === at) return step.to;
  }
  const { prefix, key } = from;
  const routes = changed(from.routes, at, added);
  const to = routes.length === 0 ? vacant(key) : { prefix, key, routes, exported: undefined };
  put(steps, first + (turn++ & (KEPT - 1)), { from, at, added, to });
  return to;
}

function changed(routes: readonly Route[], at: number, added: Route | undefined): readonly Route[] {
  const others = at < 0 ? routes : routes.toSpliced(at, 1);
  if (added !== undefined) return inserted(others, added, at === 0);
  return at === 0 ? bestFirst(others) : others;
}

/**
 * BIRD's three cases. A route better than the best goes first; when the best itself went, the new route is put first
 * and all are compared; otherwise it goes behind the best, before those that were there.
 */
function inserted(others: readonly Route[], route: Route, bestWent: boolean): readonly Route[] {
  const best = others[0];
  if (best === undefined) return [route];
  if (bestWent) return bestFirst([route, ...others]);
  return decide(route, best).order < 0 ? [route, ...others] : [best, route, ...others.slice(1)];
}

function bestFirst(routes: readonly Route[]): readonly Route[] {
  let first = 0;
  for (let i = 1; i < routes.length; i++) if (decide(routes[i]!, routes[first]!).order < 0) first = i;
  return first === 0 ? routes : [routes[first]!, ...routes.toSpliced(first, 1)];
}
