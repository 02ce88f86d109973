/** From a command line to an exit code. Everything that can go wrong gets its words and its code here, and only here. */
import { help, parseCommandLine } from './arguments.ts';
import { renderProblems } from './code-frame.ts';
import { type CommandArguments, type CommandName, UsageError } from './command-table.ts';
import { INTERRUPTED, type Io } from './io.ts';
import { version } from './version.ts';

/** Exit codes, as `--help` tells them. */
export const ExitCode = {
  Held: 0,
  Failed: 1,
  BadInput: 2,
  Inconclusive: 3,
  Internal: 4,
  Interrupted: INTERRUPTED,
} as const;

/** The body of each command that is built, loaded when it is called. */
export type Bodies = {
  readonly [Name in CommandName]?: (args: CommandArguments[Name], io: Io) => Promise<number>;
};

export async function dispatch(argv: readonly string[], io: Io, bodies: Bodies): Promise<number> {
  const known = Object.keys(bodies) as CommandName[];
  try {
    const line = parseCommandLine(argv, known);
    if (line.name === 'help') {
      const asked = argv.length > 0;
      (asked ? io.stdout : io.stderr).write(help(version(), known, line.command));
      return asked ? ExitCode.Held : ExitCode.BadInput;
    }
    const body = bodies[line.name] as (args: CommandArguments[CommandName], io: Io) => Promise<number>;
    const code = await body(line.args, io);
    return io.signal.aborted ? ExitCode.Interrupted : code;
  } catch (error) {
    return explain(error, io);
  }
}

async function explain(error: unknown, io: Io): Promise<number> {
  const { stderr, signal } = io;
  if (error instanceof UsageError) {
    const command = error.command === undefined ? '' : ` ${error.command}`;
    stderr.write(`tunlab${command}: ${error.message}\n`);
    stderr.write(`see: tunlab${command} --help\n`);
    return ExitCode.BadInput;
  }
  const { ScenarioError } = await import('../scenario/problem.ts');
  if (error instanceof ScenarioError) {
    stderr.write(renderProblems(error.problems, stderr.colour));
    return ExitCode.BadInput;
  }
  const { faultText, isRunFault } = await import('./fault-text.ts');
  if (isRunFault(error)) {
    stderr.write(faultText(error, stderr.colour.failed));
    return signal.aborted ? ExitCode.Interrupted : ExitCode.Internal;
  }
  if (signal.aborted) return ExitCode.Interrupted;
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  stderr.write(
    `${stderr.colour.failed('internal error: this is a bug in tunlab, not in your scenario')}\n${detail}\n`,
  );
  return ExitCode.Internal;
}
