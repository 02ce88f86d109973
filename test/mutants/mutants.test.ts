/** The list of mutants is sound: each can be put in, is a change, and has tests that exist. */
import { readdirSync, readFileSync } from 'node:fs';
import { assert, fromRoot, suite } from '../kit.ts';
import { MUTANTS } from './mutants.ts';

const t = suite('mutants');

t('at least 25, 15 of them in BGP, FIB, encapsulation and IPAM', () => {
  assert.ok(MUTANTS.length >= 25);
  assert.ok(MUTANTS.filter(({ area }) => area !== 'other').length >= 15);
  for (const area of ['bgp', 'fib', 'encapsulation', 'ipam'])
    assert.ok(
      MUTANTS.some(mutant => mutant.area === area),
      area,
    );
});

const tests = readdirSync(fromRoot('test'), { recursive: true, encoding: 'utf8' })
  .map(file => file.replaceAll('\\', '/'))
  .filter(file => file.endsWith('.test.ts') && !file.includes('.interop.'));

for (const { name, file, from, to, tests: patterns } of MUTANTS) {
  t(`${file}: ${name}`, () => {
    assert.is(readFileSync(fromRoot(file), 'utf8').split(from).length, 2, 'the line is there once');
    assert.is.not(from, to);
    for (const pattern of patterns)
      assert.ok(
        tests.some(path => new RegExp(pattern, 'i').test(path)),
        `no test fits ${pattern}`,
      );
  });
}

t.run();
