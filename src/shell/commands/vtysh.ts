/** `vtysh -c COMMAND…`: FRR of a router of the fabric. */
import { type Command, failed, printed } from '../command.ts';
import { parseFlags } from '../options.ts';

export const vtysh: Command = async (args, { cluster, place, stdin }) => {
  const parsed = parseFlags(args, {
    command: { short: 'c', value: true },
    daemon: { short: 'd', value: true },
  });
  if (parsed.unknown !== undefined)
    return failed(
      `vtysh: invalid option -- '${parsed.unknown.slice(1)}'\nTry \`vtysh --help' for more information.\n`,
    );
  const commands = parsed.all.get('command') ?? stdin.split('\n');
  const lines = commands.map(line => line.trim().split(/\s+/)).filter(words => words[0] !== '');
  if (lines.length === 0)
    return failed('vtysh: commands must be given by -c or on standard input in this lab\n', 2);
  let stdout = '';
  for (const words of lines) {
    const answer = await cluster.controller.ask<readonly [string, number] | '' | null>(place.machine, {
      do: 'vtysh',
      words,
    });
    if (answer === '') return failed('Exiting: failed to connect to any daemons.\n');
    if (answer === null)
      return { ...failed(`vtysh: ${words.join(' ')}: not emulated in this lab\n`, 2), stdout };
    stdout += answer[0];
    if (answer[1] !== 0) return printed(stdout, answer[1]);
  }
  return printed(stdout);
};
