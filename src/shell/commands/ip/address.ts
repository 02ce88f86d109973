/** `ip address`: show, add, replace, del, flush. */
import * as Ipv4 from '../../../addr/ipv4.ts';
import * as Prefix from '../../../addr/prefix.ts';
import type { AddressEdit, AddressRefusal } from '../../../node/address-commands.ts';
import type { DeviceView } from '../../../node/command.ts';
import { addressLines, addressText, hasFamily } from '../../../report/address-text.ts';
import { addressBrief, addressJson } from '../../../report/device-forms.ts';
import { statisticsLines } from '../../../report/statistics-text.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import { chosenDevices, shownWords } from './devices.ts';
import type { IpOptions } from './ip.ts';

const EDITS = ['add', 'change', 'replace', 'del', 'delete'] as const;

export async function address(
  args: readonly string[],
  options: IpOptions,
  io: CommandIo,
): Promise<ShellResult> {
  const rest = shownWords(args);
  if (rest !== undefined) return show(rest, options, io);
  const [verb = '', ...words] = args;
  const edit = EDITS.find(name => name.startsWith(verb));
  if (edit !== undefined) return change(edit, words, io);
  if (verb.length > 1 && 'flush'.startsWith(verb)) return flush(words, io);
  if (['save', 'showdump', 'restore'].includes(verb))
    return failed(`ip address ${verb}: not emulated in this lab\n`, 2);
  return failed(`Command "${verb}" is unknown, try "ip address help".\n`, 255);
}

async function show(words: readonly string[], options: IpOptions, io: CommandIo): Promise<ShellResult> {
  const filter = addressFilter(words);
  if (!('rest' in filter)) return filter;
  const chosen = await chosenDevices(filter.rest, io);
  if (!Array.isArray(chosen)) return chosen as ShellResult;
  const family = filter.family ?? options.family;
  // A device whose addresses were all filtered out goes with them; one that has none stays.
  const hasAny = (device: DeviceView): boolean => hasFamily(device, 4) || hasFamily(device, 6);
  const devices = (chosen as DeviceView[])
    .map(device => ({ before: device, after: filter.apply(device) }))
    .filter(({ before, after }) => hasAny(after) || !hasAny(before))
    .map(({ after }) => after);
  const style = { details: options.details, family };
  if (options.json) return printed(addressJson(devices, family, options));
  if (options.brief) return printed(addressBrief(devices, family));
  if (options.oneLine)
    return printed(
      devices
        .filter(device => hasFamily(device, family))
        .map(device => oneLines(device, family))
        .join(''),
    );
  const text = devices
    .map(
      device =>
        addressText([device], style) + (options.statistics ? statisticsLines(device, options.errors) : ''),
    )
    .join('');
  return printed(text);
}

interface AddressFilter {
  /** The words that are about devices. */
  readonly rest: readonly string[];
  /** `to PREFIX` can only mean this one. */
  readonly family: 4 | undefined;
  readonly apply: (device: DeviceView) => DeviceView;
}

/** `scope S` and `to PREFIX`. */
function addressFilter(words: readonly string[]): AddressFilter | ShellResult {
  const rest = [...words];
  const take = (word: string): string | undefined => {
    const at = rest.indexOf(word);
    return at < 0 ? undefined : (rest.splice(at, 2)[1] ?? '');
  };
  const scope = take('scope');
  const to = take('to');
  if (scope !== undefined && !['global', 'link', 'host'].includes(scope))
    return failed(`Error: argument "${scope}" is wrong: invalid "scope"\n\n`, 255);
  const alone = to === undefined ? undefined : Ipv4.parse(to);
  const prefix = alone !== undefined ? { address: alone, length: 32 } : to && Prefix.parse(to);
  if (to !== undefined && !prefix)
    return failed(`Error: any valid prefix is expected rather than "${to}".\n`);
  if (scope === undefined && !prefix) return { rest, family: undefined, apply: device => device };
  return {
    rest,
    family: prefix ? 4 : undefined,
    apply: device => ({
      ...device,
      addresses: device.addresses.filter(
        address =>
          (scope === undefined || address.scope === scope) &&
          (!prefix || Prefix.contains(prefix, address.address)),
      ),
      withoutIpv6: prefix ? true : scope !== (device.driver === 'loopback' ? 'host' : 'link'),
    }),
  };
}

/** `-o`: every address is a line of its own, with the number and name of its device in front. */
function oneLines(device: DeviceView, family: IpOptions['family']): string {
  const lines = addressLines(device, family).split('\n');
  let text = '';
  for (let i = 0; i + 1 < lines.length; i += 2)
    text += `${device.index}: ${device.name}${lines[i]}\\${lines[i + 1]}\n`;
  return text;
}

interface Wanted {
  readonly device: string | undefined;
  readonly prefix: Prefix.Prefix;
  readonly hasLength: boolean;
  readonly scope: AddressEdit['scope'];
  readonly broadcast: Ipv4.Ipv4Address;
}

async function change(
  verb: (typeof EDITS)[number],
  words: readonly string[],
  { cluster, place }: CommandIo,
): Promise<ShellResult> {
  const wanted = parse(words);
  if (!('prefix' in wanted)) return wanted;
  if (wanted.device === undefined) return failed('Not enough information: "dev" argument is required.\n', 1);
  const device = (await cluster.devices(place)).find(
    d => d.name === wanted.device || d.altnames.includes(wanted.device!),
  );
  if (device === undefined) return failed(`Cannot find device "${wanted.device}"\n`);
  const { address, length } = wanted.prefix;
  const isDelete = verb === 'del' || verb === 'delete';
  // Without a length `del` takes whichever the address has, and warns.
  const there = device.addresses.find(a => a.address === address);
  const warned = isDelete && !wanted.hasLength && there !== undefined && there.length !== 32;
  const edit: AddressEdit = {
    verb: isDelete ? 'del' : verb === 'add' ? 'add' : 'replace',
    device: device.name,
    address,
    length: warned ? there.length : length,
    scope: wanted.scope,
    broadcast: wanted.broadcast,
  };
  const { machine, namespace } = place;
  const refusal = await cluster.controller.ask<AddressRefusal>(machine, {
    do: 'address-edit',
    namespace,
    edit,
  });
  const stderr =
    (warned ? wildcardWarning(address) : '') + (refusal === '' ? '' : `Error: ipv4: ${refusal}.\n`);
  return { stdout: '', stderr, exitCode: refusal === '' ? 0 : 2 };
}

const wildcardWarning = (address: Ipv4.Ipv4Address): string =>
  `Warning: Executing wildcard deletion to stay compatible with old scripts.
         Explicitly specify the prefix length (${Ipv4.format(address)}/32) to avoid this warning.
         This special behaviour is likely to disappear in further releases,
         fix your scripts!
`;

/** `A/n [brd B|+] [scope S] dev D`. */
function parse(words: readonly string[]): Wanted | ShellResult {
  const list = [...words];
  let device: string | undefined;
  let text: string | undefined;
  let broadcast: string | undefined;
  let scope: string | undefined;
  while (list.length > 0) {
    const word = list.shift()!;
    if (word === 'dev') device = list.shift();
    else if (word === 'brd' || word === 'broadcast') broadcast = list.shift() ?? '';
    else if (word === 'scope') scope = list.shift() ?? '';
    else if (/^(peer|anycast|label|metric|valid_lft|preferred_lft|home|nodad|noprefixroute)$/.test(word))
      return failed(`ip address … ${word}: not emulated in this lab\n`, 2);
    else if (word === 'local' && text === undefined) text = list.shift();
    else if (text === undefined) text = word;
    else return failed(`Error: either "local" is duplicate, or "${word}" is a garbage.\n`, 255);
  }
  if (text === undefined) return failed('Not enough information: "dev" argument is required.\n', 1);
  const alone = Ipv4.parse(text);
  const prefix = alone === undefined ? Prefix.parse(text) : { address: alone, length: 32 };
  if (prefix === undefined) return failed(`Error: any valid prefix is expected rather than "${text}".\n`, 1);
  if (scope !== undefined && !['global', 'link', 'host'].includes(scope))
    return failed(`Error: argument "${scope}" is wrong: invalid scope value.\n\n`, 255);
  const last = (prefix.address | ~Prefix.mask(prefix.length)) >>> 0;
  const given = broadcast === undefined ? 0 : broadcast === '+' ? last : Ipv4.parse(broadcast);
  if (given === undefined) return failed(`Error: inet address is expected rather than "${broadcast}".\n`, 1);
  const usual = prefix.address >>> 24 === 127 ? 'host' : 'global';
  return {
    device,
    prefix,
    hasLength: alone === undefined,
    scope: (scope ?? usual) as AddressEdit['scope'],
    broadcast: given,
  };
}

/** `flush dev D`: every address of the device. */
async function flush(words: readonly string[], io: CommandIo): Promise<ShellResult> {
  const { cluster, place } = io;
  if (words.length === 0) return failed('Flush requires arguments.\n', 1);
  const devices = await chosenDevices(words, io);
  if (!Array.isArray(devices)) return devices as ShellResult;
  for (const { name, addresses } of devices as DeviceView[]) {
    for (const { address, length, scope } of addresses.filter(a => !a.secondary)) {
      const edit: AddressEdit = { verb: 'del', device: name, address, length, scope, broadcast: 0 };
      const { namespace } = place;
      await cluster.controller.ask(place.machine, { do: 'address-edit', namespace, edit });
    }
  }
  return printed('');
}
