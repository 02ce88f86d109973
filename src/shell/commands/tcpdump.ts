/** `tcpdump [-i DEVICE] [-n] [-e] [-v] [-c COUNT]`: captures while virtual time passes. */

import type { Observed } from '../../controller/controller.ts';
import { PacketPrinter } from '../../report/packet-line.ts';
import { SECOND } from '../../sim/time.ts';
import type { PacketRecord } from '../../trace/record.ts';
import { type Command, type CommandIo, failed, type ShellResult } from '../command.ts';
import { parseFlags } from '../options.ts';

const FLAGS = {
  interface: { short: 'i', value: true },
  count: { short: 'c', value: true },
  numeric: { short: 'n', value: false },
  ether: { short: 'e', value: false },
  verbose: { short: 'v', value: false },
  'snapshot-length': { short: 's', value: true },
  lines: { short: 'l', value: false },
  'time-stamp': { short: 't', value: false },
} as const;

/** Without `-c`, and with nothing to stop it, it listens for this long. */
const PATIENCE = 10 * SECOND;

export const tcpdump: Command = async (args, io) => {
  const parsed = parseFlags(args, FLAGS);
  if (parsed.unknown !== undefined)
    return failed(`tcpdump: invalid option -- '${parsed.unknown.slice(1)}'\n`);
  const device = parsed.flags.get('interface') ?? 'eth0';
  const devices = await io.cluster.devices(io.place);
  const found = devices.find(d => d.name === device || d.altnames.includes(device));
  if (device !== 'any' && found === undefined) {
    return failed(`tcpdump: ${device}: No such device exists\n(No such device exists)\n`);
  }
  const count = Number(parsed.flags.get('count') ?? Number.POSITIVE_INFINITY);
  return capture(io, found?.name ?? 'any', found?.kind === 'ipip', count, parsed.flags);
};

async function capture(
  { cluster, place, signal }: CommandIo,
  device: string,
  raw: boolean,
  count: number,
  flags: ReadonlyMap<string, string>,
): Promise<ShellResult> {
  const { controller, scenario } = cluster;
  const lines: string[] = [];
  const verbose = flags.has('verbose') ? 1 : 0;
  const options = { linkHeader: flags.has('ether'), numeric: flags.has('numeric'), verbose } as const;
  const printer = new PacketPrinter(scenario.startMs, options, device === 'any');
  const id = await controller.startCapture(place.machine, place.namespace, device, 262_144);
  const heard = (observed: Observed<PacketRecord>): void => {
    if (observed.record.capture === id && lines.length < count) lines.push(printer.line(observed));
  };
  controller.on('packet', heard);
  const until = controller.now + PATIENCE;
  while (lines.length < count && controller.now < until && !signal?.aborted) await controller.step(until);
  controller.off('packet', heard);
  await controller.stopCapture(place.machine, id);
  const link = raw ? 'RAW (Raw IP)' : 'EN10MB (Ethernet)';
  const head =
    `tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n` +
    `listening on ${device}, link-type ${link}, snapshot length 262144 bytes\n`;
  const tail = `${lines.length} packets captured\n${lines.length} packets received by filter\n0 packets dropped by kernel\n`;
  return { stdout: lines.map(l => `${l}\n`).join(''), stderr: head + tail, exitCode: 0 };
}
