/**
 * `npm run fuzz [-- MILLIONS [SEED]]`: a million damaged BGP messages, a million damaged frames and ten thousand lines typed
 * at the shell. The first that does harm ends it, with its octets; the seed is printed, and the same seed does the same.
 */
import { Random } from '../../src/sim/random.ts';
import { fixture } from '../kit.ts';
import { sitDown } from '../shell/typist.ts';
import { fuzzClasses, fuzzMessages, recordedMessages, soundMessages } from './bgp.ts';
import { fuzzFrames, MODES } from './frames.ts';
import { MALFORMATIONS } from './malformations.ts';
import { fuzzShell } from './shell.ts';

const millions = Number(process.argv[2] ?? 1);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32);
const total = Math.round(millions * 1e6);
/** A lab, or a session's table, that is made anew now and then: what one frame did is not undone for ever. */
const ROUND = 50_000;

const line = (what: string, tally: ReadonlyMap<string, number>): string =>
  `${what}: ${[...tally]
    .sort(([, a], [, b]) => b - a)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(', ')}`;

console.log(`seed ${seed}`);
const seeds = soundMessages(recordedMessages(fixture('bgp/recorded-messages.txt').toString()));
const messages = new Map<string, number>();
const classes = new Map<string, number>();
// A tenth of the messages by class, the rest at random.
for (let done = 0, round = 0; done < total; done += ROUND, round++) {
  const many = Math.min(ROUND, total - done);
  const some = Math.ceil(many / 10 / MALFORMATIONS.length);
  fuzzClasses(new Random(seed, `fuzz/classes/${round}`), some, classes);
  fuzzMessages(
    new Random(seed, `fuzz/messages/${round}`),
    seeds,
    many - some * MALFORMATIONS.length,
    messages,
  );
}
console.log(line('messages by class', classes));
console.log(line('messages at random', messages));

const frames = new Map<string, number>();
for (let done = 0, round = 0; done < total; done += ROUND, round++) {
  const mode = MODES[round % MODES.length]!;
  const reasons = fuzzFrames(new Random(seed, `fuzz/frames/${round}`), mode, Math.min(ROUND, total - done));
  for (const [reason, count] of reasons) frames.set(reason, (frames.get(reason) ?? 0) + count);
}
console.log(line('frames', frames));

/** A lab is made anew now and then, for pools are deleted and nodes are switched off. */
const SHELL_ROUND = 500;
const lines = new Map<string, number>();
for (let done = 0; done < total / 100; done += SHELL_ROUND) {
  const typist = await sitDown('scenarios/kans.yaml');
  await fuzzShell(typist, (seed + done) % 2 ** 31, Math.min(SHELL_ROUND, total / 100 - done), lines);
  await typist.leave();
}
console.log(line('lines at the shell', lines));
