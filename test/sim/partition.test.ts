import fc from 'fast-check';
import { type Frame, NO_FRAME } from '../../src/sim/frame-store.ts';
import { Transmitter } from '../../src/sim/link.ts';
import { LogicalProcess } from '../../src/sim/logical-process.ts';
import { Partition } from '../../src/sim/partition.ts';
import { Random } from '../../src/sim/random.ts';
import { NEVER } from '../../src/sim/time.ts';
import { assert, suite } from '../kit.ts';

const t = suite('sim/partition');
const LOOKAHEAD = 10;

/** Notes what it handles. A frame's `meta` and a timer's number tell them apart. */
class Diary extends LogicalProcess {
  readonly lines: string[] = [];
  readonly runs: number[] = [];
  settled = 0;

  boot(): void {}

  protected receive(frame: Frame, jack: number): void {
    this.lines.push(`${this.now} frame ${this.frames.meta[frame]} on ${jack}`);
    this.frames.free(frame);
  }

  protected execute(command: unknown): unknown {
    this.lines.push(`${this.now} command ${command}`);
    return this.now;
  }

  protected override settle(): void {
    this.settled++;
  }

  override run(horizon: number): void {
    this.runs.push(horizon);
    super.run(horizon);
  }

  remind(at: number, number: number): void {
    this.timer(() => this.lines.push(`${this.now} timer ${number}`)).arm(at);
  }
}

function partitionOf(count: number, reversed = false) {
  const partition = new Partition({ seed: 1, lookahead: LOOKAHEAD, reversed });
  const diaries = Array.from({ length: count }, (_, id) => new Diary(id, `p${id}`, partition));
  for (const diary of diaries) partition.add(diary);
  return { partition, diaries };
}

/** Run all windows before `until`; returns their numbers. */
function runAll(partition: Partition, until: number): number[] {
  const windows: number[] = [];
  for (;;) {
    const window = partition.nextWindow();
    if (window * LOOKAHEAD >= until) return windows;
    windows.push(window);
    partition.runWindow(window, until);
    if ((window + 1) * LOOKAHEAD >= until) return windows;
  }
}

const SOURCES = [
  { source: 3, link: 9, jack: 0 },
  { source: 1, link: 4, jack: 1 },
  { source: 1, link: 2, jack: 2 },
  { source: 2, link: 1, jack: 3 },
];

t('frames and timers merge by (time, frames first, source, link, order sent)', () => {
  const arrival = fc.record({ input: fc.nat(3), gap: fc.nat(4) });
  fc.assert(
    fc.property(
      fc.array(arrival, { maxLength: 60 }),
      fc.array(fc.nat(80), { maxLength: 20 }),
      (arrivals, alarms) => {
        const { partition, diaries } = partitionOf(1);
        const diary = diaries[0]!;
        const inputs = SOURCES.map(({ source, link, jack }) => diary.addInput(source, link, jack));
        const expected: { key: number[]; line: string }[] = [];
        for (const [number, at] of alarms.entries()) {
          diary.remind(at, number);
          expected.push({ key: [at, 1, 0, 0, number], line: `${at} timer ${number}` });
        }
        const last = [0, 0, 0, 0];
        for (const [number, { input, gap }] of arrivals.entries()) {
          const time = last[input]! + gap;
          last[input] = time;
          const frame = partition.frames.allocate();
          partition.frames.meta[frame] = number;
          partition.frames.time[frame] = time;
          inputs[input]!.accept(frame);
          const { source, link, jack } = SOURCES[input]!;
          expected.push({ key: [time, 0, source, link, number], line: `${time} frame ${number} on ${jack}` });
        }
        expected.sort((a, b) => a.key.map((part, i) => part - b.key[i]!).find(part => part !== 0) ?? 0);
        runAll(partition, 1000);
        assert.equal(
          diary.lines,
          expected.map(({ line }) => line),
        );
        assert.is(diary.settled, expected.length);
        assert.is(diary.fingerprint.count, expected.length);
        assert.is(partition.frames.inUse, 0);
      },
    ),
    { numRuns: 300 },
  );
});

t('only windows in which somebody has something to do are run, and only those who have', () => {
  const { partition, diaries } = partitionOf(3);
  diaries[0]!.remind(5, 0);
  diaries[1]!.remind(12, 0);
  diaries[0]!.remind(55, 1);
  diaries[2]!.remind(10 * 1024 + 3, 0); // just over the wheel
  diaries[2]!.remind(500_000, 1);
  assert.equal(runAll(partition, 1e9), [0, 1, 5, 1024, 50_000]);
  assert.equal(diaries[0]!.runs, [10, 60]);
  assert.equal(diaries[1]!.runs, [20]);
  assert.equal(diaries[2]!.lines, ['10243 timer 0', '500000 timer 1']);
  assert.is(partition.nextWindow(), NEVER);
});

t('times all over the wheel and far beyond it come in order, each in its window', () => {
  const time = fc.oneof(fc.nat(50), fc.nat(20_000), fc.nat(3_000_000));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), time), { maxLength: 40 }), fc.boolean(), (alarms, reversed) => {
      const { partition, diaries } = partitionOf(5, reversed);
      for (const [number, [process, at]] of alarms.entries()) diaries[process]!.remind(at, number);
      const windows = runAll(partition, 1e9);
      assert.equal(
        windows,
        [...new Set(alarms.map(([, at]) => Math.floor(at / LOOKAHEAD)))].sort((a, b) => a - b),
      );
      for (const [process, diary] of diaries.entries()) {
        const own = alarms
          .map(([who, at], number) => ({ who, at, number }))
          .filter(({ who }) => who === process);
        own.sort((a, b) => a.at - b.at || a.number - b.number);
        assert.equal(
          diary.lines,
          own.map(({ at, number }) => `${at} timer ${number}`),
        );
      }
    }),
    { numRuns: 300 },
  );
});

t('a window that is cut goes on where it was cut, after what was done at the cut', () => {
  const { partition, diaries } = partitionOf(1);
  const diary = diaries[0]!;
  for (const at of [11, 13, 15, 19]) diary.remind(at, at);
  assert.equal(runAll(partition, 13), [1]);
  assert.equal(diary.lines, ['11 timer 11']);
  assert.is(diary.command(13, 'x'), 13);
  diary.remind(13, 99);
  assert.equal(runAll(partition, 16), [1]);
  assert.equal(runAll(partition, 1000), [1]);
  assert.equal(diary.lines, [
    '11 timer 11',
    '13 command x',
    '13 timer 13',
    '13 timer 99',
    '15 timer 15',
    '19 timer 19',
  ]);
});

t('a frame that comes before the next timer wakes its receiver earlier, and the timer still fires', () => {
  const { partition, diaries } = partitionOf(1);
  const diary = diaries[0]!;
  const input = diary.addInput(7, 0, 0);
  diary.remind(900_000, 1);
  for (let i = 0; i < 3000; i++) {
    const frame = partition.frames.allocate();
    partition.frames.meta[frame] = i;
    partition.frames.time[frame] = i * 40;
    input.accept(frame);
    assert.equal(runAll(partition, i * 40 + 1), [i * 4]);
  }
  assert.is(diary.lines.length, 3000);
  assert.equal(runAll(partition, 1e9), [90_000]);
  assert.is(diary.runs.length, 3001);
  assert.is(diary.lines.at(-1), '900000 timer 1');
});

t('frames sent in a handler go out in order, and a loop of two processes never runs dry', () => {
  class Echo extends Diary {
    protected override receive(frame: Frame): void {
      this.lines.push(`${this.now}`);
      assert.is(this.outputs[0]!.transmit(frame), undefined);
    }
  }
  const partition = new Partition({ seed: 1, lookahead: LOOKAHEAD });
  const [a, b] = [new Echo(0, 'a', partition), new Echo(1, 'b', partition)];
  partition.add(a);
  partition.add(b);
  const inputs = [a.addInput(1, 0, 0), b.addInput(0, 0, 0)];
  const frame = partition.frames.allocate();
  assert.is(partition.frames.next[frame], NO_FRAME);
  const wire = { rateBps: 672e9, delay: LOOKAHEAD, queueOctets: 1e6 }; // 84 octets take 1 ns
  a.outputs[0] = new Transmitter(wire, a, inputs[1]!, new Random(1, 'a'));
  b.outputs[0] = new Transmitter(wire, b, inputs[0]!, new Random(1, 'b'));
  inputs[0]!.accept(frame);
  runAll(partition, 100);
  assert.equal(a.lines, ['0', '22', '44', '66', '88']);
  assert.equal(b.lines, ['11', '33', '55', '77', '99']);
});

t('a timer that was armed before its process was added fires', () => {
  const partition = new Partition({ seed: 1, lookahead: LOOKAHEAD });
  const early = new Diary(0, 'early', partition);
  early.remind(25, 7);
  partition.add(early);
  runAll(partition, 100);
  assert.equal(early.lines, ['25 timer 7']);
});

t('reports keep the time and the process, attention is remembered until it is cleared', () => {
  const { partition, diaries } = partitionOf(2);
  diaries[1]!
    .timer(() => {
      partition.report(diaries[1]!, { said: 'hello' });
      partition.attention();
    })
    .arm(33);
  assert.not(partition.wantsAttention);
  runAll(partition, 100);
  assert.ok(partition.wantsAttention);
  assert.is(partition.reportCount, 1);
  assert.equal(partition.takeReports(), [{ process: 1, time: 33, record: { said: 'hello' } }]);
  assert.is(partition.reportCount, 0);
});

t('what throws is known by name', () => {
  const { partition, diaries } = partitionOf(2);
  diaries[1]!
    .timer(() => {
      throw new Error('broken');
    })
    .arm(3);
  assert.throws(() => runAll(partition, 100), 'broken');
  assert.is(partition.running, diaries[1]);
});

t('named random streams: the same for the same name, independent of each other, without bias', () => {
  const draws = (seed: number, name: string): number[] => {
    const random = new Random(seed, name);
    return Array.from({ length: 8 }, () => random.next());
  };
  assert.equal(draws(1, 'a'), draws(1, 'a'));
  assert.is.not(draws(1, 'a').join(), draws(1, 'b').join());
  assert.is.not(draws(1, 'a').join(), draws(2, 'a').join());
  const random = new Random(7, 'below');
  const counts = new Array<number>(6).fill(0);
  for (let i = 0; i < 60_000; i++) counts[random.below(6)]!++;
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 400, counts.join());
  let sum = 0;
  for (let i = 0; i < 10_000; i++) sum += random.unit();
  assert.ok(Math.abs(sum / 10_000 - 0.5) < 0.02);
});

t.run();
