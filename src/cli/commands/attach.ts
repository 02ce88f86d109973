/** `tunlab attach FILE NODE`: one BGP peer of a node is a real daemon on loopback. The only command in real time. */
import * as Ipv4 from '../../addr/ipv4.ts';
import { Attachment } from '../../attach/attachment.ts';
import {
  formatSocketAddress,
  parseLoopback,
  parseLoopbackHost,
  SocketAddressError,
} from '../../attach/loopback.ts';
import { Lab } from '../../lab.ts';
import type { MachineStatus, SessionView } from '../../node/command.ts';
import { formatTime } from '../../runner/verdict.ts';
import type { VirtualTime } from '../../sim/time.ts';
import type { SessionRecord } from '../../trace/record.ts';
import { type AttachOptions, UsageError } from '../command-table.ts';
import { ExitCode } from '../dispatch.ts';
import type { Io } from '../io.ts';

export async function attach(options: AttachOptions, io: Io): Promise<number> {
  const { node, seed } = options;
  const peer = Ipv4.parse(options.peer);
  if (peer === undefined)
    throw new UsageError(`--peer: expected an IPv4 address, got "${options.peer}"`, 'attach');
  const listen = onLoopback('--listen', options.listen, parseLoopback);
  const connect = onLoopback('--connect', options.connect, parseLoopback);
  const source = onLoopback('--source', options.source, parseLoopbackHost);
  // One thread: what goes by the clock of the wall gains nothing from more.
  const lab = await Lab.load(options.path, {
    workers: 0,
    signal: io.signal,
    ...(seed !== undefined && { seed }),
  });
  try {
    const { machines } = lab.controller;
    if (!machines.includes(node))
      throw new UsageError(`there is no machine "${node}"; there are: ${machines.join(', ')}`, 'attach');
    const attachment = await Attachment.begin(lab.controller, {
      machine: node,
      peer,
      listen,
      connect,
      source,
    });
    try {
      const session = await attachment.boot(io.signal);
      if (session === undefined) await complainOfPeer(lab, node, options.peer);
      else await live(lab, attachment, session, options, io);
      return ExitCode.Held;
    } finally {
      await attachment.close();
    }
  } finally {
    await lab.close();
  }
}

function onLoopback<T>(option: string, text: string | undefined, parse: (text: string) => T): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof SocketAddressError)) throw error;
    throw new UsageError(`${option}: ${error.message}`, 'attach');
  }
}

async function complainOfPeer(lab: Lab, node: string, peer: string): Promise<never> {
  const { sessions } = await lab.controller.ask<MachineStatus>(node, { do: 'status' });
  const list = sessions.map(s => `${Ipv4.format(s.peer)} (${s.name})`).join(', ');
  throw new UsageError(
    `${node} has no BGP peer ${peer}; it has: ${list === '' ? 'none at all' : list}`,
    'attach',
  );
}

/** Say what becomes of the session and of the node's routes until Ctrl-C. */
async function live(
  lab: Lab,
  attachment: Attachment,
  session: SessionView,
  { node, connect }: AttachOptions,
  io: Io,
): Promise<void> {
  try {
    await attachment.open();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== 'listen') throw error;
    throw new UsageError(`--listen: ${(error as Error).message}`, 'attach');
  }
  const { listening } = attachment;
  const ways = [
    ...(listening === undefined ? [] : [`waits for it at ${formatSocketAddress(listening)}`]),
    ...(connect === undefined ? [] : [`reaches it at ${connect}`]),
  ];
  io.stdout.write(
    `${node} ${ways.join(' and ')}: ${session.name}, AS ${session.peerAs}. ` +
      `It is ${formatTime(lab.now)} in the lab; its clock goes with the wall's. Ctrl-C ends it.\n`,
  );
  const say = (time: VirtualTime, text: string): void =>
    io.stdout.write(`${formatTime(time).padStart(9)}  ${text}\n`);
  lab.on('session', ({ machine, time, record }) => {
    if (machine === node && record.name === session.name) say(time, sessionText(record));
  });
  lab.on('route', ({ machine, time, record }) => {
    if (machine === node && record.namespace === '') say(time, `route ${record.action}: ${record.text}`);
  });
  try {
    await attachment.run(io.signal);
  } catch (error) {
    if (!io.signal.aborted) throw error;
  }
}

const sessionText = ({ name, from, to, because }: SessionRecord): string =>
  `${name}: ${from} → ${to} (${because})`;
