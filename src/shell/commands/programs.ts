/** Programs that send: they run inside the lab, and virtual time passes until they end. */
import type { ProgramSpec } from '../../node/command.ts';
import type { Command, CommandIo, ShellResult } from '../command.ts';

async function run(what: ProgramSpec, endless: boolean, io: CommandIo): Promise<ShellResult> {
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
  run({ program: 'ping', args }, !args.some(word => /^-[nqbAaDvO]*[cw]/.test(word)), io);

export const traceroute: Command = (args, io) => run({ program: 'traceroute', args }, false, io);
