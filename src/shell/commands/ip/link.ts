/** `ip link`: show, and `set` up, down, mtu. */
import type { DeviceView, MachineCommand } from '../../../node/command.ts';
import { linkBrief, linkJson } from '../../../report/device-forms.ts';
import { linkText } from '../../../report/link-text.ts';
import { statisticsLines } from '../../../report/statistics-text.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import { chosenDevices, shownWords } from './devices.ts';
import type { IpOptions } from './ip.ts';

export async function link(args: readonly string[], options: IpOptions, io: CommandIo): Promise<ShellResult> {
  const rest = shownWords(args);
  if (rest !== undefined) return show(rest, options, io);
  const [verb = ''] = args;
  if ('set'.startsWith(verb)) return set(args.slice(1), io);
  if (['add', 'del', 'delete', 'change', 'replace', 'property', 'xstats', 'afstats'].includes(verb))
    return failed(`ip link ${verb}: not emulated in this lab\n`, 2);
  return failed(`Command "${verb}" is unknown, try "ip link help".\n`, 255);
}

async function show(words: readonly string[], options: IpOptions, io: CommandIo): Promise<ShellResult> {
  const devices = await chosenDevices(words, io);
  if (!Array.isArray(devices)) return devices as ShellResult;
  if (options.json) return printed(linkJson(devices, options));
  if (options.brief) return printed(linkBrief(devices));
  const text = (devices as DeviceView[])
    .map(
      device =>
        linkText([device], { details: options.details, object: 'link' }) +
        (options.statistics ? statisticsLines(device, options.errors) : ''),
    )
    .map(lines => (options.oneLine ? oneLine(lines) : lines))
    .join('');
  return printed(text);
}

/** `-o`: a record is one line, its line feeds are backslashes. */
export const oneLine = (record: string): string => `${record.trimEnd().replaceAll('\n', '\\')}\n`;

async function set(words: readonly string[], { cluster, place }: CommandIo): Promise<ShellResult> {
  const list = words[0] === 'dev' ? words.slice(1) : [...words];
  const name = list.shift();
  if (name === undefined) return failed('Not enough information: "dev" argument is required.\n', 255);
  const devices = await cluster.devices(place);
  const device = devices.find(d => d.name === name || d.altnames.includes(name));
  if (device === undefined) return failed(`Cannot find device "${name}"\n`);
  const at = { namespace: place.namespace, device: device.name };
  const commands: MachineCommand[] = [];
  while (list.length > 0) {
    const word = list.shift()!;
    if (word === 'up' || word === 'down') commands.push({ do: 'device-up', ...at, up: word === 'up' });
    else if (word === 'mtu') {
      const text = list.shift() ?? '';
      const mtu = Number(text);
      if (!/^\d+$/.test(text))
        return failed(`Error: argument "${text}" is wrong: Invalid "mtu" value\n\n`, 255);
      const least = device.kind === 'ether' ? 68 : 0;
      if (mtu < least) return failed('Error: mtu less than device minimum.\n', 2);
      if (mtu > 65_535) return failed('Error: mtu greater than device maximum.\n', 2);
      commands.push({ do: 'device-mtu', ...at, mtu });
    } else if (
      /^(address|name|alias|promisc|arp|multicast|txqueuelen|qlen|netns|master|nomaster)$/.test(word)
    )
      return failed(`ip link set ${word}: not emulated in this lab\n`, 2);
    else return failed(`Error: either "dev" is duplicate, or "${word}" is a garbage.\n`, 255);
  }
  for (const command of commands) await cluster.controller.ask(place.machine, command);
  return printed('');
}
