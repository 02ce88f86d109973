/** `ipset save`, `ipset list -name`, `ipset test`: the sets that Felix's rules look up (facts: calico-dataplane §9). */
import * as Ipv4 from '../../addr/ipv4.ts';
import * as Prefix from '../../addr/prefix.ts';
import type { IpSetView } from '../../node/command.ts';
import { type Command, failed, printed } from '../command.ts';

const NO_SET = 'ipset v7.15: The set with the given name does not exist\n';

export const ipset: Command = async (args, { cluster, place }) => {
  const words = args.filter(word => word !== '-n' && word !== '-name' && word !== '--name');
  const namesOnly = words.length < args.length;
  const [verb = '', name, entry = ''] = words;
  const { machine, namespace } = place;
  const sets = await cluster.controller.ask<IpSetView[]>(machine, { do: 'ipsets', namespace });
  const chosen = name === undefined ? sets : sets.filter(set => set.name === name);
  switch (verb) {
    case 'list':
    case '-L':
      if (name !== undefined && chosen.length === 0) return failed(NO_SET);
      if (namesOnly) return printed(chosen.map(set => `${set.name}\n`).join(''));
      return printed(chosen.map(listed).join('\n'));
    case 'save':
    case '-S':
      return name !== undefined && chosen.length === 0 ? failed(NO_SET) : printed(chosen.map(saved).join(''));
    case 'test': {
      if (chosen.length === 0) return failed(NO_SET);
      const address = Ipv4.parse(entry);
      if (address === undefined)
        return failed(`ipset v7.15: Syntax error: cannot parse ${entry}: resolving to IPv4 address failed\n`);
      const isIn = chosen[0]!.members.some(member => Prefix.contains(member, address));
      return failed(
        `${isIn ? 'Warning: ' : ''}${entry} is ${isIn ? '' : 'NOT '}in set ${name}.\n`,
        isIn ? 0 : 1,
      );
    }
    case 'create':
    case 'add':
    case 'del':
    case 'destroy':
    case 'flush':
    case 'rename':
    case 'swap':
    case 'restore':
      return failed(`ipset ${verb}: not emulated in this lab\n`, 2);
    default:
      return failed(
        `ipset v7.15: No command specified: unknown argument ${verb}\nTry \`ipset help' for more information.\n`,
        2,
      );
  }
};

/** A host is written without its length. */
const member = ({ address, length }: Prefix.Prefix): string =>
  length === 32 ? Ipv4.format(address) : Prefix.format({ address, length });

const sortedMembers = ({ members }: IpSetView): readonly Prefix.Prefix[] => [...members].sort(Prefix.compare);

const CREATED = 'family inet hashsize 1024 maxelem 1048576';

const saved = (set: IpSetView): string =>
  `create ${set.name} hash:net ${CREATED}\n` +
  sortedMembers(set)
    .map(each => `add ${set.name} ${member(each)}\n`)
    .join('');

/** Without what is only true of a kernel's memory: revision, hash seed and size. */
const listed = (set: IpSetView): string =>
  `Name: ${set.name}\nType: hash:net\nHeader: ${CREATED}\nNumber of entries: ${set.members.length}\nMembers:\n` +
  sortedMembers(set)
    .map(each => `${member(each)}\n`)
    .join('');
