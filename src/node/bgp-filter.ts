/**
 * BGPFilter rules in front of Calico's own filter (facts: calico-resources §4): all conditions of a rule must hold, the
 * first rule that fits ends it, and what none fits falls through.
 */
import * as Prefix from '../addr/prefix.ts';
import { ACCEPT, type Filter, filter } from '../bgp/filter.ts';
import type { Route } from '../bgp/route.ts';
import type { BGPFilterRule } from '../calico/resources/bgp.ts';

/** `undefined` when there is neither a rule nor a filter behind: the speaker's default. */
export function filterRules(rules: readonly BGPFilterRule[], next: Filter | undefined): Filter | undefined {
  if (rules.length === 0) return next;
  const behind = next ?? ACCEPT;
  const text = `rules ${JSON.stringify(rules)} then ${behind.text ?? behind.label ?? ''}`;
  return filter(
    '(unnamed)',
    (route, context) => {
      const index = rules.findIndex(rule => fits(rule, route));
      if (index < 0) return behind(route, context);
      return { accept: rules[index]!.action === 'Accept', because: `BGPFilter rule ${index + 1}` };
    },
    text,
  );
}

function fits(rule: BGPFilterRule, route: Route): boolean {
  if (rule.source === 'RemotePeers' && route.source.protocol.kind !== 'bgp') return false;
  if (rule.interface !== undefined && !matchesGlob(rule.interface, route.device ?? '')) return false;
  return rule.cidr === undefined || fitsPrefix(rule, rule.cidr, route.prefix);
}

function fitsPrefix(rule: BGPFilterRule, text: string, prefix: Prefix.Prefix): boolean {
  const cidr = Prefix.from(text);
  const least = Math.max(cidr.length, rule.prefixLength?.min ?? cidr.length);
  const most = Math.min(32, rule.prefixLength?.max ?? 32);
  const within = Prefix.covers(cidr, prefix) && prefix.length >= least && prefix.length <= most;
  switch (rule.matchOperator) {
    case 'Equal':
      return Prefix.equal(cidr, prefix);
    case 'NotEqual':
      return !Prefix.equal(cidr, prefix);
    case 'NotIn':
      return !within;
    default:
      return within;
  }
}

/** BIRD's pattern: `*` stands for any text. */
export function matchesGlob(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(text);
}
