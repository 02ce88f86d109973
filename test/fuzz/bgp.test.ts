/** A second of damaged BGP messages, the same every time. `npm run fuzz` has a million. */
import { Random } from '../../src/sim/random.ts';
import { assert, fixture, suite } from '../kit.ts';
import { fuzzClasses, fuzzMessages, recordedMessages, soundMessages } from './bgp.ts';
import { MALFORMATIONS } from './malformations.ts';

const t = suite('fuzz/bgp', undefined, 30_000);

for (const malformation of MALFORMATIONS) {
  const { name, internal, external } = malformation;
  const both = internal === external ? internal : `${internal}, of an external peer ${external}`;
  t(`${name}: ${both}`, () => {
    fuzzClasses(new Random(1, `fuzz/${name}`), 8, new Map(), [malformation]);
  });
}

t('random damage: no crash, and the session lives or dies as the message deserves', () => {
  const seeds = soundMessages(recordedMessages(fixture('bgp/recorded-messages.txt').toString()));
  const tally = fuzzMessages(new Random(1, 'fuzz/messages'), seeds, 3_000);
  for (const verdict of ['survives', 'incomplete', 'ends', '1/2', '1/3', '3/1', '3/2', '3/10', '5/3'])
    assert.ok(tally.has(verdict), `${verdict} among ${[...tally.keys()].join(' ')}`);
});

t.run();
