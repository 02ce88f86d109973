/** `ip rule` and `ip netns`: what there is of both on a node with Calico. */

import type { DeviceView } from '../../../node/command.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import { shownWords } from './devices.ts';
import type { IpOptions } from './ip.ts';

/** The three that the kernel is born with: nothing here routes by policy. */
export async function rule(args: readonly string[]): Promise<ShellResult> {
  if (shownWords(args) === undefined) return failed(`ip rule ${args[0]}: not emulated in this lab\n`, 2);
  return printed(
    '0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n',
  );
}

/** The namespaces of the pods, by the names that containerd gave them. */
export async function netns(
  args: readonly string[],
  _options: IpOptions,
  io: CommandIo,
): Promise<ShellResult> {
  if (shownWords(args) === undefined)
    return failed(`ip netns ${args[0]}: not emulated in this lab, use kubectl exec\n`, 2);
  const devices: DeviceView[] = await io.cluster.devices(io.place);
  const names = devices.flatMap(d => (d.peer?.netns === undefined ? [] : [d.peer.netns]));
  return printed(names.map((name, i) => `${name} (id: ${i})\n`).join(''));
}
