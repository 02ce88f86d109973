/** `calicoctl node status`: made of what `birdcl show protocols` says, as the real one makes it (facts: §3). */
import { boxTable } from '../../../report/table.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';

const TYPES: Readonly<Record<string, string>> = {
  Mesh: 'node-to-node mesh',
  Global: 'global',
  Node: 'node specific',
};
/** name, proto, table, state, since, info. */
const ROW = /^(Mesh|Global|Node)_(\S+)\s+BGP\s+\S+\s+(up|start|down|stop)\s+(\S+)\s*(.*)$/;

export async function nodeStatus({ cluster, place }: CommandIo): Promise<ShellResult> {
  if (place.namespace !== '' || cluster.machine(place.machine) !== 'node')
    return failed('Calico process is not running.\n');
  const answer = await cluster.controller.ask<string>(place.machine, {
    do: 'birdcl',
    words: ['show', 'protocols'],
  });
  const head = 'Calico process is running.\n\n';
  if (!answer.startsWith('BIRD '))
    return printed(`${head}The BGP backend process (BIRD) is not running.\n\n`);
  const rows = answer
    .split('\n')
    .map(line => ROW.exec(line))
    .filter(match => match !== null)
    .map(([, type, peer, state, since, info]) => [
      peer!.replaceAll('_', '.'),
      TYPES[type!]!,
      state!,
      since!,
      info!.trim().split(/\s+/).join(' '),
    ]);
  const table =
    rows.length === 0
      ? 'No IPv4 peers found.\n'
      : boxTable(['Peer address', 'Peer type', 'State', 'Since', 'Info'], rows);
  return printed(`${head}IPv4 BGP status\n${table}\nIPv6 BGP status\nNo IPv6 peers found.\n\n`);
}
