/** `ip address`: show. */
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
    return ['add', 'del', 'delete', 'flush', 'change', 'replace'].includes(verb)
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

/** `-o`: every address is a line of its own, with the number and name of its device in front. */
function oneLines(device: DeviceView): string {
  const [, ...lines] = addressText([device], { details: false, ipv4Only: true }).split('\n');
  let text = '';
  for (let i = 0; i + 1 < lines.length; i += 2)
    text += `${device.index}: ${device.name}${lines[i]!.replace(/^ {4}/, '    ')}\\${lines[i + 1]}\n`;
  return text;
}
