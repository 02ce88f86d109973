/** Programs that send: they run inside the lab, and virtual time passes until they end. */
import type { CommandLineSpec } from '../../node/command.ts';
import { type Command, type CommandIo, printed, type ShellResult } from '../command.ts';

/** A machine's /etc/hosts names its fellows; a pod would ask the DNS that is not there. */
function specOf(
  program: CommandLineSpec['program'],
  args: readonly string[],
  io: CommandIo,
): CommandLineSpec {
  const { startMs: epochMs } = io.cluster.scenario;
  const { hostname } = io.place;
  if (io.place.namespace !== '') return { program, args, epochMs, hostname };
  return { program, args, epochMs, hostname, hosts: io.cluster.hosts() };
}

async function run(what: CommandLineSpec, endless: boolean, io: CommandIo): Promise<ShellResult> {
  const { cluster, place, time, signal, write } = io;
  const { controller } = cluster;
  const program = await controller.start(place.machine, place.namespace, what, { output: write });
  const ended = (): boolean => program.exit !== undefined;
  if (!(await time.until(ended, { endless, signal }))) {
    await controller.interrupt(program);
    await time.until(ended);
  }
  return { stdout: '', stderr: '', exitCode: program.exit!.code };
}

/** Without `-c` and `-w` a ping never ends: a value may be glued to its letter, and letters to each other. */
export const ping: Command = (args, io) =>
  run(specOf('ping', args, io), !args.some(word => /^-[nqbAaDvO]*[cw]/.test(word)), io);

export const traceroute: Command = (args, io) => run(specOf('traceroute', args, io), false, io);

export const tracepath: Command = (args, io) => run(specOf('tracepath', args, io), false, io);

export const mtr: Command = (args, io) => run(specOf('mtr', args, io), false, io);

/** A server goes on for ever; with `-D` it does so without being waited for. */
export const iperf3: Command = async (args, io) => {
  const server = args.some(word => /^-\w*s/.test(word) || word === '--server');
  const isDaemon = args.some(word => word === '--daemon' || /^-[su14]*D/.test(word));
  if (!isDaemon) return run(specOf('iperf3', args, io), server, io);
  const { machine, namespace } = io.place;
  await io.cluster.controller.start(machine, namespace, specOf('iperf3', args, io));
  return printed('');
};
