/** `ip address`: show, add, del. */
import * as Prefix from '../../../addr/prefix.ts';
import type { DeviceView } from '../../../node/command.ts';
import { addressText } from '../../../report/address-text.ts';
import { addressBrief, addressJson } from '../../../report/device-forms.ts';
import { statisticsLines } from '../../../report/statistics-text.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import { chosenDevices, shownWords } from './devices.ts';
import type { IpOptions } from './ip.ts';

export async function address(
  args: readonly string[],
  options: IpOptions,
  io: CommandIo,
): Promise<ShellResult> {
  const rest = shownWords(args);
  if (rest === undefined) {
    const [verb = ''] = args;
    if (verb === 'add' || verb === 'del' || verb === 'delete')
      return edit(verb === 'add' ? 'add' : 'del', args.slice(1), io);
    return ['flush', 'change', 'replace'].includes(verb)
      ? failed(`ip address ${verb}: not emulated in this lab\n`, 2)
      : failed(`Command "${verb}" is unknown, try "ip address help".\n`, 255);
  }
  const devices = await chosenDevices(rest, io);
  if (!Array.isArray(devices)) return devices as ShellResult;
  const style = { details: options.details, ipv4Only: options.ipv4 };
  if (options.json) return printed(addressJson(devices, options.ipv4, options.pretty));
  if (options.brief) return printed(addressBrief(devices, options.ipv4));
  if (options.oneLine) return printed((devices as DeviceView[]).map(oneLines).join(''));
  const text = (devices as DeviceView[])
    .map(device => addressText([device], style) + (options.statistics ? statisticsLines(device) : ''))
    .join('');
  return printed(text);
}

/** `ADDRESS[/LENGTH] dev DEVICE`; what else the real one takes is not emulated. */
async function edit(
  verb: 'add' | 'del',
  words: readonly string[],
  { cluster, place }: CommandIo,
): Promise<ShellResult> {
  const at = words.indexOf('dev');
  const name = at < 0 ? undefined : words[at + 1];
  const [text = '', ...rest] = words.filter((_, i) => at < 0 || (i !== at && i !== at + 1));
  if (rest.length > 0) return failed(`ip address ${verb} ${rest[0]}: not emulated in this lab\n`, 2);
  const prefix = Prefix.parse(text.includes('/') ? text : `${text}/32`);
  if (prefix === undefined)
    return failed(`Error: any valid prefix is expected rather than "${text}".\n`, 1);
  if (name === undefined) return failed('Not enough information: "dev" argument is required.\n', 255);
  const device = (await cluster.devices(place)).find(d => d.name === name || d.altnames.includes(name));
  if (device === undefined) return failed(`Cannot find device "${name}"\n`, 1);
  const done = await cluster.controller.ask<boolean>(place.machine, {
    do: 'address-edit',
    verb,
    namespace: place.namespace,
    device: device.name,
    prefix,
  });
  if (done) return printed('');
  const why = verb === 'add' ? 'File exists' : 'Cannot assign requested address';
  return failed(`RTNETLINK answers: ${why}\n`, 2);
}

/** `-o`: every address is a line of its own, with the number and name of its device in front. */
function oneLines(device: DeviceView): string {
  const [, ...lines] = addressText([device], { details: false, ipv4Only: true }).split('\n');
  let text = '';
  for (let i = 0; i + 1 < lines.length; i += 2)
    text += `${device.index}: ${device.name}${lines[i]!.replace(/^ {4}/, '    ')}\\${lines[i + 1]}\n`;
  return text;
}
