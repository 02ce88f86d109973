/** `tcpdump`: captures while virtual time passes, prints or writes a file, or reads one (tcpdump 4.99's words). */
import type { Observed } from '../../controller/controller.ts';
import type { DeviceView } from '../../node/command.ts';
import { PacketPrinter } from '../../report/packet-line.ts';
import type { PacketRecord } from '../../trace/record.ts';
import { CaptureError, read } from '../../wire/capture-reader.ts';
import { after } from '../../wire/capture-time.ts';
import { cook } from '../../wire/cooked.ts';
import { compile, type Filter, FilterError, type FilterOptions } from '../../wire/filter.ts';
import { joined } from '../../wire/octets.ts';
import * as Pcap from '../../wire/pcap.ts';
import { type Command, type CommandIo, failed, printed, type ShellResult } from '../command.ts';
import { type Parsed, parseFlags } from '../options.ts';

const FLAGS = {
  interface: { short: 'i', value: true },
  count: { short: 'c', value: true },
  numeric: { short: 'n', value: false },
  ether: { short: 'e', value: false },
  verbose: { short: 'v', value: false },
  'snapshot-length': { short: 's', value: true },
  'line-buffered': { short: 'l', value: false },
  'packet-buffered': { short: 'U', value: false },
  'no-promiscuous-mode': { short: 'p', value: false },
  'list-interfaces': { short: 'D', value: false },
  direction: { short: 'Q', value: true },
  stamp: { short: 't', value: false },
  write: { short: 'w', value: true },
  read: { short: 'r', value: true },
} as const;

interface Wanted {
  readonly device: string;
  readonly link: 'ether' | 'raw' | 'any';
  readonly filter: Filter;
  readonly count: number;
  readonly snapLength: number;
  readonly direction: 'in' | 'out' | 'inout';
  readonly file: string | undefined;
  readonly verbose: 0 | 1 | 2;
}

export const tcpdump: Command = async (args, io) => {
  const parsed = parseFlags(args, FLAGS);
  if (parsed.unknown !== undefined) return failed(refusal(parsed.unknown));
  if (parsed.lacking !== undefined)
    return failed(`tcpdump: option requires an argument -- '${parsed.lacking.replace(/^-+/, '')}'\n`);
  const count = number(parsed, 'count', Number.POSITIVE_INFINITY);
  if (count === undefined || count === 0)
    return failed(`tcpdump: invalid packet count ${parsed.flags.get('count')}\n`);
  const written = number(parsed, 'snapshot-length', 0);
  if (written === undefined || written > Pcap.DEFAULT_SNAP_LENGTH)
    return failed(`tcpdump: invalid snaplen ${parsed.flags.get('snapshot-length')}\n`);
  const snapLength = written === 0 ? Pcap.DEFAULT_SNAP_LENGTH : written;
  const expression = [...parsed.words, ...(parsed.rest ?? [])].join(' ');
  const file = parsed.flags.get('read');
  if (file !== undefined) return readFile(file, expression, { count, snapLength }, parsed, io);
  const devices = await io.cluster.devices(io.place);
  if (parsed.flags.has('list-interfaces')) return printed(listed(devices));
  const name = parsed.flags.get('interface') ?? firstOf(devices);
  const found = devices.find(d => d.name === name || d.altnames.includes(name));
  if (name !== 'any' && found === undefined)
    return failed(`tcpdump: ${name}: No such device exists\n(No such device exists)\n`);
  if (found?.up === false) return failed(`tcpdump: ${name}: That device is not up\n`);
  const direction = parsed.flags.get('direction') ?? 'inout';
  if (direction !== 'in' && direction !== 'out' && direction !== 'inout')
    return failed(`tcpdump: unknown capture direction '${direction}'\n`);
  const link = found === undefined ? 'any' : found.kind === 'ipip' ? 'raw' : 'ether';
  if (link === 'any') io.write('tcpdump: data link type LINUX_SLL2\n', 'stderr');
  const filter = compiled(expression, { linkType: LINKS[link][0], live: true }, io);
  if (typeof filter === 'string') return failed(filter);
  const to = parsed.flags.get('write');
  const device = found?.name ?? 'any';
  const verbose = verbosity(parsed);
  return capture({ device, link, filter, count, snapLength, direction, file: to, verbose }, parsed, io);
};

/** The filter, or what tcpdump says of it. */
function compiled(
  expression: string,
  options: Omit<FilterOptions, 'resolve'>,
  io: CommandIo,
): Filter | string {
  const hosts = io.cluster.hosts();
  try {
    const resolve = (name: string) => (Object.hasOwn(hosts, name) ? hosts[name] : undefined);
    return compile(expression, { ...options, resolve });
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return `tcpdump: ${error.message}\n`;
  }
}

const refusal = (flag: string): string =>
  'AXxqK'.includes(flag.slice(1))
    ? `tcpdump: ${flag}: not emulated\n`
    : `tcpdump: invalid option -- '${flag.replace(/^-+/, '')}'\n`;

function number(parsed: Parsed, flag: string, otherwise: number): number | undefined {
  const text = parsed.flags.get(flag);
  if (text === undefined) return otherwise;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

const verbosity = ({ all }: Parsed): 0 | 1 | 2 => {
  const times = all.get('verbose')?.length ?? 0;
  return times > 1 ? 2 : times === 1 ? 1 : 0;
};

/** The first device that is up and not the loopback, as libpcap chooses. */
const firstOf = (devices: readonly DeviceView[]): string =>
  devices.find(d => d.up && d.kind !== 'loopback')?.name ?? 'any';

function listed(devices: readonly DeviceView[]): string {
  const lines = devices.filter(d => d.up).map(d => `${d.name} [Up, Running]`);
  return [...lines, 'any (Pseudo-device that captures on all interfaces) [Up, Running]']
    .map((line, i) => `${i + 1}.${line}\n`)
    .join('');
}

const LINKS = {
  ether: [Pcap.LINKTYPE_ETHERNET, 'EN10MB (Ethernet)'],
  raw: [Pcap.LINKTYPE_RAW, 'RAW (Raw IP)'],
  any: [Pcap.LINKTYPE_LINUX_SLL2, 'LINUX_SLL2 (Linux cooked v2)'],
} as const;

const plural = (count: number, what: string): string => `${count} packet${count === 1 ? '' : 's'} ${what}\n`;

async function capture(wanted: Wanted, parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const { device, link, file, count } = wanted;
  if (file === '-') return failed('tcpdump: -w -: not emulated, name a file\n', 2);
  const { controller, scenario } = io.cluster;
  const { machine, namespace } = io.place;
  const quiet = file === undefined && wanted.verbose === 0;
  if (quiet)
    io.write('tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n', 'stderr');
  const head = `listening on ${device}, link-type ${LINKS[link][1]}, snapshot length ${wanted.snapLength} bytes\n`;
  io.write(quiet ? head : `tcpdump: ${head}`, 'stderr');
  const names = new Map<number, string>();
  const printer = printerFor(parsed, index => names.get(index));
  const records: Uint8Array[] = [Pcap.fileHeader(LINKS[link][0], wanted.snapLength)];
  let seen = 0;
  const heard = (observed: Observed<PacketRecord>): void => {
    const { record } = observed;
    if (record.capture !== id || seen >= count || !isWanted(record, wanted.direction)) return;
    const { octets, length } = link === 'any' ? cook(record) : record;
    if (!wanted.filter({ octets, length, index: record.index, inbound: record.direction === 'receive' }))
      return;
    seen++;
    names.set(record.index, record.device);
    const time = after(Math.floor(scenario.startMs / 1000), (scenario.startMs % 1000) * 1e6 + observed.time);
    const captured = octets.subarray(0, wanted.snapLength);
    if (file !== undefined) records.push(Pcap.packetRecord(time, captured, length));
    else
      io.write(`${printer.packet(time, { linkType: LINKS[link][0], captured, originalLength: length })}\n`);
  };
  // The filter comes before the knife, as in the kernel.
  const id = await controller.startCapture(machine, namespace, device, Pcap.DEFAULT_SNAP_LENGTH);
  controller.on('packet', heard);
  await io.time.until(() => seen >= count, { endless: true, signal: io.signal });
  controller.off('packet', heard);
  await controller.stopCapture(machine, id);
  if (file !== undefined) await io.writeOctets(file, joined(records));
  const tail = plural(seen, 'captured') + plural(seen, 'received by filter') + plural(0, 'dropped by kernel');
  io.write(tail, 'stderr');
  return printed('');
}

const isWanted = (record: PacketRecord, direction: Wanted['direction']): boolean =>
  direction === 'inout' || (direction === 'in') === (record.direction === 'receive');

const printerFor = (parsed: Parsed, deviceName: (index: number) => string | undefined): PacketPrinter =>
  new PacketPrinter(
    0,
    {
      linkHeader: parsed.flags.has('ether'),
      numeric: parsed.flags.has('numeric'),
      verbose: verbosity(parsed),
      deviceName,
    },
    parsed.all.get('stamp')?.length ?? 0,
  );

async function readFile(
  file: string,
  expression: string,
  { count, snapLength }: { readonly count: number; readonly snapLength: number },
  parsed: Parsed,
  io: CommandIo,
): Promise<ShellResult> {
  const octets = await io.readOctets(file);
  if (octets === undefined) return failed(`tcpdump: ${file}: No such file or directory\n`);
  let packets: ReturnType<typeof read>;
  try {
    packets = read(octets);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    return failed(`tcpdump: unknown file format\n`);
  }
  const linkType = packets[0]?.interface.linkType ?? Pcap.LINKTYPE_ETHERNET;
  const link = Object.values(LINKS).find(([type]) => type === linkType)?.[1] ?? String(linkType);
  const snap = packets[0]?.interface.snapLength ?? Pcap.DEFAULT_SNAP_LENGTH;
  const head = `reading from file ${file}, link-type ${link}, snapshot length ${snap}\n`;
  const filter = compiled(expression, { linkType }, io);
  if (typeof filter === 'string') return failed(head + filter);
  const devices = await io.cluster.devices(io.place);
  const printer = printerFor(parsed, index => devices.find(device => device.index === index)?.name);
  const passed = packets
    .filter(({ captured, originalLength: length }) => filter({ octets: captured, length }))
    .slice(0, count);
  const to = parsed.flags.get('write');
  if (to !== undefined) {
    const records = passed.map(({ time, captured, originalLength }) =>
      Pcap.packetRecord(time, captured.subarray(0, snapLength), originalLength),
    );
    await io.writeOctets(to, joined([Pcap.fileHeader(linkType, snap), ...records]));
    return { stdout: '', stderr: head, exitCode: 0 };
  }
  const lines = passed.map(({ time, captured, originalLength }) => {
    const cut = captured.subarray(0, snapLength);
    return `${printer.packet(time, { linkType, captured: cut, originalLength })}\n`;
  });
  return { stdout: lines.join(''), stderr: head, exitCode: 0 };
}
