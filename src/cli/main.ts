#!/usr/bin/env node
/**
 * The `tunlab` command. `--version` must cost no more than node itself, so nothing is imported up here but what answers
 * it; a command's own modules are loaded when it is called.
 */
import { version } from './version.ts';

const argv = process.argv.slice(2);

if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  process.stdout.write(`tunlab ${version()}\n`);
} else {
  const [{ dispatch }, { processIo }, { inlineMore }] = await Promise.all([
    import('./dispatch.ts'),
    import('./io.ts'),
    import('./compiler.ts'),
  ]);
  inlineMore();
  process.exitCode = await dispatch(argv, processIo(), {
    start: async (args, io) => (await import('./commands/start.ts')).start(args, io),
    run: async (args, io) => (await import('./commands/run.ts')).run(args, io),
    capture: async (args, io) => (await import('./commands/capture.ts')).capture(args, io),
    test: async (args, io) => (await import('./commands/test.ts')).test(args, io),
    explain: async (args, io) => (await import('./commands/explain.ts')).explain(args, io),
    lessons: async (args, io) => (await import('./commands/lessons.ts')).lessons(args, io),
    diff: async (args, io) => (await import('./commands/diff.ts')).diff(args, io),
    shell: async (args, io) => (await import('./commands/shell.ts')).shell(args, io),
    bench: async (args, io) => (await import('./commands/bench.ts')).bench(args, io),
    fingerprint: async (args, io) => (await import('./commands/fingerprint.ts')).fingerprint(args, io),
    attach: async (args, io) => (await import('./commands/attach.ts')).attach(args, io),
    schema: async (args, io) => (await import('./commands/schema.ts')).schema(args, io),
  });
}
