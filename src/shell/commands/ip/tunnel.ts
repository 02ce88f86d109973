/** `ip tunnel show`: the tunnels of IP in IP. VXLAN devices are none of them. */
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import { shownWords } from './devices.ts';
import type { IpOptions } from './ip.ts';

export async function tunnel(
  args: readonly string[],
  _options: IpOptions,
  { cluster, place }: CommandIo,
): Promise<ShellResult> {
  const rest = shownWords(args);
  if (rest === undefined)
    return ['add', 'change', 'del', 'prl', '6rd'].includes(args[0]!)
      ? failed(`ip tunnel ${args[0]}: not emulated in this lab\n`, 2)
      : failed(`Command "${args[0]}" is unknown, try "ip tunnel help".\n`, 255);
  const name = rest[0] === 'dev' || rest[0] === 'name' ? rest[1] : rest[0];
  const tunnels = (await cluster.devices(place)).filter(
    device => device.driver === 'ipip' && (name === undefined || device.name === name),
  );
  return printed(
    tunnels.map(device => `${device.name}: any/ip remote any local any ttl inherit nopmtudisc\n`).join(''),
  );
}
