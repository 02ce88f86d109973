/** Some hundred lines of the nonsense of which `npm run fuzz` types ten thousand. `SHELL_FUZZ_RUNS` for another number. */
import { fuzzShell } from '../fuzz/shell.ts';
import { assert, suite } from '../kit.ts';
import { sitDown, type Typist } from './typist.ts';

const RUNS = Number(process.env['SHELL_FUZZ_RUNS'] ?? 300);
const t = suite<{ typist: Typist }>('shell/fuzz', undefined, 30_000 + RUNS * 60);

t.before(async context => {
  context.typist = await sitDown('scenarios/kans.yaml');
});
t.after(({ typist }) => typist.leave());

t(`${RUNS} lines of nonsense`, async ({ typist }) => {
  const seed = Number(process.env['SHELL_FUZZ_SEED'] ?? 20_240_922);
  const tally = await fuzzShell(typist, seed, RUNS);
  // Some of it is no nonsense at all.
  assert.ok((tally.get('exit 0') ?? 0) > RUNS / 10);
});

t.run();
