/** The conformance cases against the Linux that this runs on: what a real stack answers is what they expect. */
import { assert, measured, suite } from '../../../kit.ts';
import { cases } from './cases.ts';
import { EXPLAINED, runOnLinux } from './linux.ts';

const t = suite('netstack/tcp/linux', {}, 120_000);

t('Linux answers as the conformance cases say, but for what is explained', () => {
  let left = cases.filter(({ name }) => EXPLAINED[name] === undefined);
  const played = left.length;
  assert.ok(played >= 150, `${played} cases`);
  // Once more for those that differ: on a busy machine a timer may come late.
  for (let tries = 0; tries < 3 && left.length > 0; tries++) {
    const differing = new Map(runOnLinux(left).filter(([, difference]) => difference !== ''));
    left = left.filter(({ name }) => differing.has(name));
    if (tries === 2) assert.equal([...differing], []);
  }
  measured(`${played} cases on Linux`);
});

t('what is explained is a case', () => {
  const names = new Set(cases.map(({ name }) => name));
  assert.equal(
    Object.keys(EXPLAINED).filter(name => !names.has(name)),
    [],
  );
});

t.run();
