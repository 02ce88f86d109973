/** `ssh [root@]NODE COMMAND…`: run a command on another machine of the lab. */
import { type Command, failed } from '../command.ts';

const WITH_VALUE = new Set(['-i', '-l', '-o', '-p', '-F', '-J']);

export const ssh: Command = async (args, io) => {
  const words = [...args];
  while (words[0]?.startsWith('-')) words.splice(0, WITH_VALUE.has(words[0]) ? 2 : 1);
  const target = words.shift();
  if (target === undefined) return failed('usage: ssh destination [command [argument ...]]\n', 255);
  const name = target.replace(/^[\w-]+@/, '');
  const { nodes, routers, hosts } = io.cluster.scenario.fabric;
  const machine = [...nodes, ...routers, ...hosts].find(m => m.name === name)?.name;
  if (machine === undefined)
    return failed(`ssh: Could not resolve hostname ${name}: Name or service not known\n`, 255);
  if (words.length === 0)
    return failed('ssh: an interactive login needs the interactive shell: name a command\n', 255);
  return io.runAt({ machine, namespace: '', hostname: machine }, words);
};
