/** Programs that send: they run inside the lab, and virtual time passes until they end. */
import type { Command, CommandIo, ShellResult } from '../command.ts';

async function runProgram(
  program: 'ping' | 'traceroute',
  args: readonly string[],
  { cluster, place, signal }: CommandIo,
): Promise<ShellResult> {
  let stdout = '';
  let stderr = '';
  const listener = {
    output: (text: string, stream: 'stdout' | 'stderr') => {
      if (stream === 'stdout') stdout += text;
      else stderr += text;
    },
  };
  const started = await cluster.controller.start(place.machine, place.namespace, { program, args }, listener);
  const [exit] = await cluster.controller.finish([started], signal);
  return { stdout, stderr, exitCode: exit!.code };
}

export const ping: Command = (args, io) => runProgram('ping', args, io);
export const traceroute: Command = (args, io) => runProgram('traceroute', args, io);
