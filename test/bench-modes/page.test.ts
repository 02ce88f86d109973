/** The page of `--html`: it stands alone, nothing in its pictures is cut off, and what is odd in a result is said. */
import type { CellResult } from '../../src/bench/cell.ts';
import { MODES } from '../../src/bench/modes.ts';
import { missed } from '../../src/bench/thresholds.ts';
import { estimate, wireGoodput } from '../../src/bench/verdict.ts';
import { benchPage } from '../../src/report/bench-html.ts';
import { benchTable, headline } from '../../src/report/bench-text.ts';
import { difference } from '../../src/report/bench-wide.ts';
import { LETTER, WIDTH } from '../../src/report/svg.ts';
import type { BenchExpectation } from '../../src/scenario/types.ts';
import { assert, suite } from '../kit.ts';
import { CELL } from './cells.ts';

const t = suite('bench-modes/page');

const use = { total: 1.57, busiest: 1 };

/** A result as a cell that is `share` of what its wire carries. */
function result(mode: CellResult['mode'], sameSubnet: boolean, share: number): CellResult {
  const cell = { ...CELL, mode, sameSubnet, to: sameSubnet ? 'b' : 'c' };
  const goodputBps = share * wireGoodput(cell);
  const wraps = mode !== 'direct' && !(sameSubnet && mode.endsWith('crosssubnet'));
  const encapsulation = !wraps ? 'none' : mode.startsWith('ipip') ? 'ipip' : 'vxlan';
  const steps = [0, 1, 2].map(i => ({
    at: i * 1e7,
    acknowledgedBps: goodputBps,
    cwnd: 1e6 * i,
    inFlight: 9e5 * i,
    queue: 1e5 * i,
  }));
  return {
    ...cell,
    seed: 1,
    goodputBps,
    limit: share === 1 ? 'wire' : 'CPU',
    ci95: share === 1 ? null : 0.01 * goodputBps,
    repeats: share === 1 ? 1 : 3,
    wireGoodputBps: wireGoodput(cell),
    dead: null,
    encapsulation,
    podMtu: 1500 - (mode.startsWith('ipip') ? 20 : mode.startsWith('vxlan') ? 50 : 0),
    tcp: {
      goodputBps,
      retransmits: 0,
      timeouts: 0,
      rttNs: 1e6,
      mss: 1448,
      pathMtu: 1500,
      cwnd: 1e6,
      sendWindow: 3e6,
      inFlight: 1e6,
      fragments: 0,
      drops: {},
      wirePerPayload: 1.06,
      error: '',
      cpu: { sender: use, receiver: use },
      steps,
    },
    udp: null,
    rr: null,
    crr: null,
  };
}

const ALL = MODES.flatMap(mode => [true, false].map(same => result(mode, same, mode === 'vxlan' ? 0.3 : 1)));
const DEAD: CellResult = {
  ...result('direct', false, 1),
  goodputBps: null,
  limit: 'dead',
  dead: '192.168.10.1 has no route <& none>',
  tcp: null,
};

t('nothing in a picture is cut off', () => {
  const html = benchPage('a lab', [ALL[1]!, ALL[3]!], ALL);
  const texts = [...html.matchAll(/<text x="([-\d.]+)" y="[\d.]+" class="([a-z ]+)">([^<]*)</g)];
  assert.ok(texts.length > 40);
  for (const [, x, kind, words] of texts) {
    const width = LETTER * [...words!].length;
    const from = kind!.includes('end') ? Number(x) - width : Number(x);
    assert.ok(from >= 0 && from + width <= WIDTH + 0.01, `${words} from ${from} to ${from + width}`);
  }
});

t('the page loads nothing, and what the fabric says is text', () => {
  const html = benchPage('a <lab>', [DEAD], [ALL[0]!, DEAD]);
  assert.not.match(html, /(src|href)=|@import|url\(/);
  assert.match(html, /a &lt;lab&gt;/);
  assert.match(html, /192\.168\.10\.1 has no route &lt;&amp; none&gt;/);
});

t('headlines: a cost and its cause, a dead mode, a gain', () => {
  const [direct, ipip, vxlan] = [1, 3, 5].map(i => ALL[i]!);
  const flat = (cells: CellResult[]): string => headline(cells).replace(/\s+/g, ' ').trim();
  assert.match(flat([direct!, ipip!]), /^IPIP costs 1\.38 % .*: 20 header bytes a packet$/);
  assert.match(flat([direct!, vxlan!]), /^VXLAN costs 71\.0\d % .*: limit CPU, not wire$/);
  assert.match(flat([DEAD, ipip!]), /^Direct is dead across subnets: .*; IPIP carries 9\.285 Gbit\/s/);
  assert.is(headline([]), '');
});

t('a table says which numbers another seed would change', () => {
  assert.match(benchTable(ALL), /± 95 % interval over 3 seeds; without ± exact\n$/);
  assert.match(benchTable(ALL.filter(({ ci95 }) => ci95 === null)), /exact: another seed/);
  const once = ALL.map(each => ({ ...each, ci95: null, repeats: 1 }));
  assert.match(benchTable(once), /one seed: another may give/);
});

t('causes add up to the difference', () => {
  const direct = ALL[1]!;
  for (const cell of ALL.filter(({ sameSubnet }) => !sameSubnet)) {
    const { total, headers, mtu, rest } = difference(cell, direct)!;
    assert.ok(Math.abs(total - headers - mtu - rest) < 1e-3);
  }
  assert.is(difference(DEAD, direct), undefined);
});

t('repeats: one number where they agree, an interval where they do not', () => {
  assert.equal(estimate([5]), { mean: 5, half: null });
  assert.is(estimate([1e9, 1e9 + 1]).half, null);
  const { mean, half } = estimate([1, 2, 3]);
  assert.is(mean, 2);
  assert.ok(Math.abs(half! - 4.303 / Math.sqrt(3)) < 1e-9);
});

t('thresholds: every kind, held and missed', () => {
  const fixed = { sameSubnet: false, text: '', position: { line: 1, column: 1 } };
  const none = { within: undefined, of: 'direct', atLeast: undefined, limit: undefined };
  const expect = (more: Partial<BenchExpectation> & { mode: string }): BenchExpectation => ({
    ...none,
    ...fixed,
    ...more,
  });
  const received = (one: BenchExpectation, cells = ALL): string[] =>
    missed([one], cells).map(each => each.received);
  assert.equal(received(expect({ mode: 'ipip', within: 0.015 })), []);
  assert.match(
    received(expect({ mode: 'ipip', within: 0.01 }))[0]!,
    /1\.38 % below 9\.415 Gbit\/s of direct$/,
  );
  assert.equal(received(expect({ mode: 'vxlan', limit: 'wire' })), ['limit CPU']);
  assert.equal(received(expect({ mode: 'ipip', atLeast: 9.2e9 })), []);
  assert.equal(received(expect({ mode: 'ipip', atLeast: 9.4e9 })), ['9.285 Gbit/s']);
  assert.match(received(expect({ mode: 'direct', atLeast: 1 }), [DEAD])[0]!, /^dead: /);
  assert.match(
    received(expect({ mode: 'ipip', within: 0.1 }), [DEAD, ALL[3]!])[0]!,
    /direct carries nothing/,
  );
  assert.is(received({ ...expect({ mode: 'vxlan', limit: 'wire' }), sameSubnet: undefined }).length, 2);
});

t.run();
