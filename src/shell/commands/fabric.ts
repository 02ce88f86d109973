/** `fabric`: what one would do in the cloud's console or at the firewall: let traffic through, keep it out, lift a check. */
import * as Prefix from '../../addr/prefix.ts';
import type { PortChange } from '../../fabric/cloud.ts';
import { parseTraffic } from '../../fabric/traffic.ts';
import { type Command, failed, printed } from '../command.ts';

const USAGE = `usage: fabric allow|block TRAFFIC [in|out] [NODE…]   (fabric allow ipip, fabric block tcp/179 in k8s-w1)
       fabric source-dest-check on|off [NODE…]
       fabric address-pair PREFIX [NODE…]
`;

/** Without nodes: at all of them. */
export const fabric: Command = async (args, { cluster }) => {
  const [verb = '', ...rest] = args;
  const read = READERS[verb]?.(rest);
  if (read === undefined) return failed(USAGE, 2);
  const { cloud, nodes } = cluster.scenario.fabric;
  const wanted = WANTED[verb];
  if (wanted !== undefined && cloud !== wanted)
    return failed(`fabric ${verb}: only cloud ${wanted} has this\n`, 2);
  const { change, names } = read;
  const unknown = names.find(name => !nodes.some(node => node.name === name));
  if (unknown !== undefined) return failed(`fabric: there is no node ${unknown}\n`, 2);
  for (const { name, interface: device } of nodes) {
    if (names.length > 0 && !names.includes(name)) continue;
    const nic = cluster.controller.plan.nic(name, device);
    if (nic !== undefined) await cluster.controller.changePort(nic, change);
  }
  return printed('');
};

const WANTED: Readonly<Record<string, string>> = {
  'source-dest-check': 'aws-vpc',
  'address-pair': 'port-security',
};

interface Reading {
  readonly change: PortChange;
  readonly names: readonly string[];
}

const READERS: Readonly<Record<string, (words: readonly string[]) => Reading | undefined>> = {
  allow: words => ofTraffic(words, 'allow'),
  block: words => ofTraffic(words, 'block'),
  'source-dest-check': ([state, ...names]) =>
    state === 'on' || state === 'off'
      ? { change: { sourceDestinationCheck: state === 'on' }, names }
      : undefined,
  'address-pair': ([text = '', ...names]) => {
    const prefix = Prefix.parse(text);
    return prefix !== undefined && Prefix.isMasked(prefix)
      ? { change: { allowedAddressPair: prefix }, names }
      : undefined;
  },
};

function ofTraffic(words: readonly string[], verb: 'allow' | 'block'): Reading | undefined {
  const directed = words[1] === 'in' || words[1] === 'out';
  const traffic = parseTraffic(words.slice(0, directed ? 2 : 1).join(' '));
  if (traffic === undefined) return undefined;
  return { change: { [verb]: traffic }, names: words.slice(directed ? 2 : 1) };
}
