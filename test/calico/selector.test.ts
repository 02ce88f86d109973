import { compile, matches, SelectorError, usesGlobal } from '../../src/calico/selector.ts';
import { assert, suite } from '../kit.ts';

const t = suite('calico/selector');
const labels = { rack: 'rack1', 'kubernetes.io/os': 'linux', in: 'x', empty: '', all: 'a' };

for (const [text, expected] of [
  ['', true],
  ['   ', true],
  ['all()', true],
  ['all( )', true],
  ['!all()', false],
  ['global()', true],
  ['has(rack)', true],
  ['has( rack )', true],
  ['has(gpu)', false],
  ['!has(gpu)', true],
  ["rack == 'rack1'", true],
  ['rack == "rack1"', true],
  ["rack=='rack2'", false],
  ["rack != 'rack2'", true],
  ["rack != 'rack1'", false],
  ["gpu == ''", false],
  ["gpu != 'a'", true],
  ["empty == ''", true],
  ["rack in {'rack1','rack2'}", true],
  ["rack in { 'rack2' }", false],
  ['rack in {}', false],
  ['rack not in {}', true],
  ["rack not in {'rack1'}", false],
  ["rack notin {'rack2'}", true],
  ["gpu not in {'a'}", true],
  ["gpu in {'a'}", false],
  ["rack in {'rack1',}", true],
  ["rack contains 'ack'", true],
  ["rack contains 'x'", false],
  ["gpu contains ''", false],
  ["rack starts with 'ra'", true],
  ["rack startswith 'ck'", false],
  ["rack ends with 'k1'", true],
  ["rack endswith 'ra'", false],
  ["gpu ends with 'x'", false],
  ["kubernetes.io/os == 'linux'", true],
  ["in == 'x'", true],
  ["in in {'x'}", true],
  ["all == 'a'", true],
  ["has(rack) && rack == 'rack1'", true],
  ['has(gpu) || has(rack)', true],
  ['has(rack) || has(gpu) && has(gpu)', true],
  ['(has(rack) || has(gpu)) && has(gpu)', false],
  ['!(has(rack) && has(gpu))', true],
  ['!!has(rack)', true],
  ['!has(rack) || has(rack)', true],
  ["rack\t==\t'rack1'", true],
  ['has(toString)', false],
  ["constructor != 'x'", true],
] as const) {
  t(`${text || '(empty)'} is ${expected}`, () => assert.is(matches(text, labels), expected));
}

for (const [text, message] of [
  ["rack = 'a'", 'expected =='],
  ['has(a) & has(b)', 'expected &&'],
  ['has(a) | has(b)', 'expected ||'],
  ["rack == 'a", 'unterminated string'],
  ['rack == "a\'', 'unterminated string'],
  ["rack is 'a'", 'expected operator after label "rack"'],
  ["rack starts 'a'", 'expected operator after label "rack"'],
  ['rack', 'expected operator after label "rack"'],
  ['rack && has(a)', 'expected operator after label "rack"'],
  ['has(rack', "no closing ')' after has("],
  ['has(rack a)', "no closing ')' after has("],
  ['all(', "no closing ')' after all("],
  ['global(x)', "no closing ')' after global("],
  ['has()', 'expected identifier'],
  ['$', 'expected identifier'],
  ['rack == a', 'expected string'],
  ["rack in 'a'", 'expected set literal'],
  ["rack in {'a'", 'expected }'],
  ["rack in {'a' 'b'}", 'expected }'],
  ['(has(rack)', 'expected )'],
  ['has(rack) has(b)', 'unexpected content at end of selector [TokHas(b) TokEOF()]'],
  ['all() )', 'unexpected content at end of selector [TokRParen() TokEOF()]'],
  ['has(rack) &&', 'unexpected end of string looking for op'],
  ['&& has(a)', 'unexpected token: TokAnd()'],
  ['all()\n', 'expected identifier'],
] as const) {
  t(`${JSON.stringify(text)} is refused: ${message}`, () => {
    assert.throws(
      () => compile(text),
      (e: unknown) => e instanceof SelectorError && e.message === message,
    );
  });
}

t('global() is found wherever it stands', () => {
  assert.ok(usesGlobal('has(a) && !global()'));
  assert.not(usesGlobal("a == 'global()'"));
});

t.run();
