/** `ssh [root@]NODE [COMMAND…]`: run a command on another machine of the lab, or go there. */
import * as Ipv4 from '../../addr/ipv4.ts';
import { type Command, type CommandIo, failed, type Place, printed } from '../command.ts';

const WITH_VALUE = new Set(['-i', '-l', '-o', '-p', '-F', '-J']);

export const ssh: Command = async (args, io) => {
  const words = [...args];
  while (words[0]?.startsWith('-')) words.splice(0, WITH_VALUE.has(words[0]) ? 2 : 1);
  const target = words.shift();
  if (target === undefined) return failed('usage: ssh destination [command [argument ...]]\n', 255);
  const name = target.replace(/^[\w-]+@/, '');
  const machine = machineCalled(name, io);
  if (machine === undefined)
    return failed(`ssh: Could not resolve hostname ${name}: Name or service not known\n`, 255);
  if (io.cluster.controller.isOff(machine))
    return failed(`ssh: connect to host ${name} port 22: No route to host\n`, 255);
  const place: Place = { machine, namespace: '', hostname: machine };
  // The remote shell gets one line, and splits it anew.
  if (words.length > 0) return io.runAt(place, [words.join(' ')], io.stdin);
  if (io.stdin !== '') return io.runAt(place, [io.stdin], '');
  if (io.enter === undefined)
    return failed('Pseudo-terminal will not be allocated because stdin is not a terminal.\n', 255);
  io.enter(place);
  return printed('');
};

/** By name, or by one of its addresses. */
function machineCalled(name: string, { cluster }: CommandIo): string | undefined {
  if (cluster.machine(name) !== undefined) return name;
  const address = Ipv4.parse(name);
  const { nodes, routers, hosts } = cluster.scenario.fabric;
  return (
    nodes.find(n => n.address === address)?.name ??
    routers.find(r => r.interfaces.some(i => i.address === address))?.name ??
    hosts.find(h => h.address === address)?.name
  );
}
