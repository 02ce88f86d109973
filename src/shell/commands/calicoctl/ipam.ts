/** `calicoctl ipam show`, `check`, `configure` (facts: calico-cli-formats §3). */
import * as Ipv4 from '../../../addr/ipv4.ts';
import * as Prefix from '../../../addr/prefix.ts';
import type { IPAMBlock } from '../../../calico/resources/ipam.ts';
import type { IPAMConfiguration } from '../../../calico/resources/pool.ts';
import { borrowed, checkText, holderOf, usageRows } from '../../../report/ipam-text.ts';
import { boxTable } from '../../../report/table.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import { BadUsage } from './input.ts';

type Flags = ReadonlyMap<string, string>;

/** There is one IPAMConfiguration, and it is called so. */
const CONFIGURATION = 'default';

export async function ipamShow(flags: Flags, io: CommandIo): Promise<ShellResult> {
  const { cluster } = io;
  const blocks = await cluster.list('IPAMBlock');
  const address = flags.get('ip');
  if (address !== undefined) return showAddress(address, blocks);
  if (flags.has('show-configuration')) {
    const { strictAffinity, autoAllocateBlocks, maxBlocksPerHost } = (await configuration(io)).spec;
    return printed(
      boxTable(
        ['Property', 'Value'],
        [
          ['StrictAffinity', String(strictAffinity ?? false)],
          ['AutoAllocateBlocks', String(autoAllocateBlocks ?? true)],
          ['MaxBlocksPerHost', String(maxBlocksPerHost ?? 0)],
        ],
      ),
    );
  }
  const pools = await cluster.list('IPPool');
  const rows = usageRows(pools, blocks, flags.has('show-blocks'));
  const table = boxTable(['Grouping', 'CIDR', 'IPs total', 'IPs in use', 'IPs free'], rows);
  if (!flags.has('show-borrowed')) return printed(table);
  const header = ['IP', 'Borrowing-Node', 'Block', 'Block Owner', 'Type', 'Allocated-To'];
  return printed(table + boxTable(header, borrowed(blocks)));
}

function showAddress(text: string, blocks: readonly IPAMBlock[]): ShellResult {
  const address = Ipv4.parse(text);
  if (address === undefined) return failed(`invalid IP address: ${text}\n`);
  const block = blocks.find(b => Prefix.contains(Prefix.from(b.spec.cidr), address));
  const holder = block && holderOf(block, address);
  if (holder === undefined) return printed(`${text} is not assigned\n`);
  const lines = Object.entries(holder.secondary ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `  ${name}: ${value}\n`);
  return printed(`IP ${text} is in use\nAttributes:\n${lines.join('')}`);
}

async function configuration({ cluster }: CommandIo): Promise<IPAMConfiguration> {
  return (
    (await cluster.find('IPAMConfiguration', CONFIGURATION)) ?? {
      apiVersion: 'projectcalico.org/v3',
      kind: 'IPAMConfiguration',
      metadata: { name: CONFIGURATION },
      spec: { strictAffinity: false, autoAllocateBlocks: true },
    }
  );
}

export async function ipamConfigure(flags: Flags, io: CommandIo): Promise<ShellResult> {
  const strict = flags.get('strictaffinity');
  const most = flags.get('max-blocks-per-host');
  if (strict === undefined && most === undefined) throw new BadUsage();
  if (strict !== undefined && strict !== 'true' && strict !== 'false')
    return failed(`Invalid value. Use true or false to set strictaffinity\n`);
  if (most !== undefined && !/^\d+$/.test(most)) return failed(`Invalid value for max-blocks-per-host\n`);
  const old = await configuration(io);
  const spec = {
    ...old.spec,
    ...(strict !== undefined && { strictAffinity: strict === 'true' }),
    ...(most !== undefined && { maxBlocksPerHost: Number(most) }),
  };
  const reply = await io.cluster.controller.api({ do: 'apply', object: { ...old, spec } });
  if (!reply.ok) return failed(`Error setting IPAM configuration: ${reply.message}\n`);
  const said = [
    strict === undefined ? '' : `Successfully set StrictAffinity to: ${strict}\n`,
    most === undefined ? '' : `Successfully set MaxBlocksPerHost to: ${most}\n`,
  ];
  return printed(said.join(''));
}

export async function ipamCheck({ cluster }: CommandIo): Promise<ShellResult> {
  return printed(
    checkText({
      blocks: await cluster.list('IPAMBlock'),
      pools: await cluster.list('IPPool'),
      nodes: await cluster.list('Node'),
      endpoints: await cluster.list('WorkloadEndpoint'),
      handles: await cluster.list('IPAMHandle'),
    }),
  );
}
