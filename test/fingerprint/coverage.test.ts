/** Every shipped scenario is in one of the fingerprint tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('fingerprint/coverage');

t('no scenario is forgotten', () => {
  const shipped = readdirSync(fromRoot('scenarios'), { recursive: true, encoding: 'utf8' })
    .map(file => `scenarios/${file.replaceAll('\\', '/')}`)
    .filter(file => file.endsWith('.yaml'))
    .filter(file => /^kind: Scenario$/m.test(readFileSync(fromRoot(file), 'utf8')));
  const tested = readdirSync(fromRoot('test/fingerprint'))
    .filter(file => file.endsWith('.test.ts'))
    .map(file => readFileSync(fromRoot(`test/fingerprint/${file}`), 'utf8'))
    .join('\n');
  assert.equal(
    shipped.filter(file => !tested.includes(`'${file}'`)),
    [],
  );
});

t.run();
