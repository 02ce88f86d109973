/** `tunlab …` in the test's own process: the same table of commands as `main.ts`, streams that are kept. */
import { type Bodies, dispatch } from '../../src/cli/dispatch.ts';
import { type Io, output } from '../../src/cli/io.ts';
import type { LabOptions } from '../../src/lab.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Outside {
  /** Standard input. */
  readonly input?: string;
  /** What only tests can say to a lab. */
  readonly more?: Pick<LabOptions, 'builder'>;
  /** Sees standard output as it comes, and may press Ctrl-C. */
  readonly heard?: (text: string, interrupt: () => void) => void;
}

export async function tunlab(argv: readonly string[], outside: Outside = {}): Promise<Ran> {
  const { input = '', more = {}, heard = () => {} } = outside;
  const interruption = new AbortController();
  let [out, err] = ['', ''];
  const io: Io = {
    stdout: output(
      {
        write: text => {
          out += text;
          heard(text, () => interruption.abort());
        },
      },
      {},
    ),
    stderr: output({ write: text => (err += text) }, {}),
    input: async () => new TextEncoder().encode(input),
    signal: interruption.signal,
  };
  const code = await dispatch(argv, io, bodies(more));
  return { code, out, err };
}

const bodies = (more: Pick<LabOptions, 'builder'>): Bodies => ({
  run: async (args, io) => (await import('../../src/cli/commands/run.ts')).run(args, io, more),
  capture: async (args, io) => (await import('../../src/cli/commands/capture.ts')).capture(args, io),
  test: async (args, io) => (await import('../../src/cli/commands/test.ts')).test(args, io, more),
  explain: async (args, io) => (await import('../../src/cli/commands/explain.ts')).explain(args, io),
  diff: async (args, io) => (await import('../../src/cli/commands/diff.ts')).diff(args, io),
  shell: async (args, io) => (await import('../../src/cli/commands/shell.ts')).shell(args, io),
  bench: async (args, io) => (await import('../../src/cli/commands/bench.ts')).bench(args, io),
});
