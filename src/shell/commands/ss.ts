/** `ss`: TCP and UDP sockets. */
import type { SocketView } from '../../node/command.ts';
import { socketText } from '../../report/socket-text.ts';
import { type Command, failed, printed } from '../command.ts';
import { parseFlags } from '../options.ts';
import { BadFilter, socketFilter } from '../socket-filter.ts';

const FLAGS = {
  tcp: { short: 't', value: false },
  udp: { short: 'u', value: false },
  numeric: { short: 'n', value: false },
  all: { short: 'a', value: false },
  listening: { short: 'l', value: false },
  processes: { short: 'p', value: false },
  options: { short: 'o', value: false },
  ipv4: { short: '4', value: false },
  ipv6: { short: '6', value: false },
  'no-header': { short: 'H', value: false },
  info: { short: 'i', value: false },
  memory: { short: 'm', value: false },
  extended: { short: 'e', value: false },
  summary: { short: 's', value: false },
  unix: { short: 'x', value: false },
  raw: { short: 'w', value: false },
  packet: { short: '0', value: false },
  kill: { short: 'K', value: false },
  resolve: { short: 'r', value: false },
} as const;
const NOT_EMULATED = ['info', 'memory', 'extended', 'summary', 'unix', 'raw', 'packet', 'kill'] as const;

export const ss: Command = async (args, { cluster, place }) => {
  const parsed = parseFlags(args, FLAGS);
  const { flags } = parsed;
  if (parsed.unknown !== undefined)
    return failed(`ss: invalid option -- '${parsed.unknown.slice(1)}'\n`, 255);
  const missing = NOT_EMULATED.find(name => flags.has(name));
  if (missing !== undefined) return failed(`ss -${FLAGS[missing].short}: not emulated in this lab\n`, 2);
  try {
    const filter = socketFilter(parsed.words);
    const both = flags.has('tcp') === flags.has('udp');
    const all = await cluster.controller.ask<SocketView[]>(place.machine, {
      do: 'sockets',
      namespace: place.namespace,
    });
    // Without a word about states: those that are connected.
    const isIdle = ({ state }: SocketView): boolean => state === 'LISTEN' || state === 'UNCONN';
    const isWanted = (socket: SocketView): boolean =>
      filter.states !== undefined
        ? filter.states.has(socket.state)
        : flags.has('all') || isIdle(socket) === flags.has('listening');
    const shown = all.filter(
      socket =>
        (both || flags.has(socket.protocol)) &&
        !flags.has('ipv6') &&
        isWanted(socket) &&
        filter.keeps(socket),
    );
    const style = {
      withProtocol: both,
      withoutState: filter.states?.size === 1,
      numeric: flags.has('numeric'),
      heading: !flags.has('no-header'),
    };
    return printed(socketText(shown, style));
  } catch (error) {
    if (!(error instanceof BadFilter)) throw error;
    return failed(error.message, error.exitCode);
  }
};
