/** Segments in, segments out, and the whole TCB compared: one test a case of the scripts in test/fixtures. */
import { suite } from '../../../kit.ts';
import { cases } from './cases.ts';
import { play } from './script.ts';

const t = suite('netstack/tcp/conformance');

for (const { name, script, sysctl } of cases) t(name, () => play(script, sysctl));

t.run();
