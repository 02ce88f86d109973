/** What the network between the nodes keeps out: let it through, or send what it does let through. */
import * as Prefix from '../addr/prefix.ts';
import type { PortChange } from '../fabric/cloud.ts';
import { sameTraffic, type Traffic, trafficText } from '../fabric/traffic.ts';
import * as Ipv4 from '../wire/ipv4.ts';
import * as Vxlan from '../wire/vxlan.ts';
import { applied, type Candidate, patched, typed } from './candidate.ts';
import { type Facts, parties } from './facts.ts';

const BGP_PORT = 179;
/** Free, and far from IANA's 4789 (RFC 7348) and Linux's 8472. */
const OTHER_VXLAN_PORT = 4799;

/** By the place where the packet was seen to die. */
export function ports(facts: Facts): Candidate[] {
  const reason = facts.sent?.explanation.death?.reason;
  switch (reason) {
    case 'FABRIC_PROTO4_BLOCKED':
      return allowing(facts, ({ protocol }) => protocol === Ipv4.PROTOCOL_IPIP);
    case 'FABRIC_UDP4789_BLOCKED':
      return [...allowing(facts, ({ port }) => port === Vxlan.PORT), ...otherPort(facts)];
    case 'FABRIC_FILTERED':
      return allowing(facts, () => true);
    case 'FABRIC_SRC_DST_CHECK':
      return [typed('source/destination check off', 'fabric source-dest-check off')];
    case 'FABRIC_PORT_SECURITY': {
      const pools = facts.pools.filter(pool =>
        parties(facts).some(({ address }) => Prefix.contains(Prefix.from(pool.spec.cidr), address)),
      );
      return pools.map(({ spec }) =>
        typed(`${spec.cidr} allowed at the ports`, `fabric address-pair ${spec.cidr}`),
      );
    }
    default:
      return [];
  }
}

/** BGP is kept out somewhere. */
export const bgpPort = (facts: Facts): Candidate[] =>
  allowing(
    facts,
    ({ protocol, port }) => protocol === Ipv4.PROTOCOL_TCP && (port === BGP_PORT || port === 0),
  );

function allowing(facts: Facts, isMeant: (traffic: Traffic) => boolean): Candidate[] {
  return blocked(facts)
    .filter(isMeant)
    .map(traffic => typed(`${trafficText(traffic)} let through`, `fabric allow ${trafficText(traffic)}`));
}

/** What is kept out at any port: from the beginning, or since somebody said so. */
function blocked({ scenario, journal }: Facts): Traffic[] {
  const { cloud, nodes } = scenario.fabric;
  const azure: Traffic[] =
    cloud === 'azure-vnet' ? [{ protocol: Ipv4.PROTOCOL_IPIP, port: 0, direction: 'both' }] : [];
  const since = journal.entries.flatMap(({ command }) => {
    const { do: verb, change } = command as { do?: string; change?: PortChange };
    return verb === 'port' && change?.block !== undefined ? [change.block] : [];
  });
  const all = [...azure, ...nodes.flatMap(node => node.blocks), ...since];
  return all.filter((traffic, i) => all.findIndex(other => sameTraffic(other, traffic)) === i);
}

function otherPort({ scenario, felix }: Facts): Candidate[] {
  const change = `vxlanPort: ${OTHER_VXLAN_PORT}`;
  const spec = { vxlanPort: OTHER_VXLAN_PORT };
  if (felix.some(({ metadata }) => metadata.name === 'default'))
    return [
      patched(scenario, 'FelixConfiguration', 'default', ['spec', 'vxlanPort'], OTHER_VXLAN_PORT, change),
    ];
  const object = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'FelixConfiguration',
    metadata: { name: 'default' },
    spec,
  };
  return [applied(object, change)];
}
