/** Devices as `ip` is told of them: `dev X`, `X`, `type ipip`, `up`. */
import type { DeviceView } from '../../../node/command.ts';
import { type CommandIo, failed, type ShellResult } from '../../command.ts';

const TYPES: Readonly<Record<string, DeviceView['driver']>> = { ipip: 'ipip', veth: 'veth', vxlan: 'vxlan' };

/** The devices that the words behind `show` choose, or what is wrong with them. */
export async function chosenDevices(
  words: readonly string[],
  { cluster, place }: CommandIo,
): Promise<DeviceView[] | ShellResult> {
  let devices = await cluster.devices(place);
  const list = [...words];
  while (list.length > 0) {
    const word = list.shift()!;
    if (word === 'up') devices = devices.filter(d => d.up);
    else if (word === 'type') {
      const type = list.shift() ?? '';
      devices = devices.filter(d => d.driver === TYPES[type]);
    } else if (/^(label|group|master|nomaster|vrf|dynamic|permanent|primary|secondary)$/.test(word))
      return failed(`ip: filter "${word}": not emulated in this lab\n`, 2);
    else {
      const name = word === 'dev' ? list.shift() : word;
      const device = devices.find(d => d.name === name || d.altnames.includes(name ?? ''));
      if (device === undefined) return failed(`Device "${name ?? ''}" does not exist.\n`);
      devices = [device];
    }
  }
  return devices;
}

/** `show` and its short forms; what is left of the words. Undefined when the verb is another. */
export function shownWords(args: readonly string[]): readonly string[] | undefined {
  const [verb, ...rest] = args;
  if (verb === undefined) return [];
  return ['show', 'list', 'lst'].some(name => name.startsWith(verb)) ? rest : undefined;
}
