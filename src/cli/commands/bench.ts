/**
 * `tunlab bench [SCENARIO]`: what a mode costs. The answer comes first, in one sentence, as soon as its cells are measured;
 * then the table. Ctrl-C keeps the cells that are finished.
 */
import { fileURLToPath } from 'node:url';
import type { Cell, CellResult, Durations, Measured } from '../../bench/cell.ts';
import { type Axes, cellsOf } from '../../bench/cells.ts';
import { headlineCells, runMatrix } from '../../bench/matrix.ts';
import { MODES, type Mode } from '../../bench/modes.ts';
import { type Missed, missed } from '../../bench/thresholds.ts';
import { HOST_MODELS } from '../../cost/models.ts';
import { benchPage } from '../../report/bench-html.ts';
import { benchTable, headline, rateText } from '../../report/bench-text.ts';
import { wideTables } from '../../report/bench-wide.ts';
import { didYouMean } from '../../scenario/nearest.ts';
import { parseDuration, parseRate } from '../../scenario/quantity.ts';
import type { Scenario } from '../../scenario/types.ts';
import { MILLISECOND, SECOND } from '../../sim/time.ts';
import { WHOLE_LAB } from '../../trace/observation.ts';
import { CaptureFile } from '../capture-file.ts';
import { type BenchOptions, UsageError } from '../command-table.ts';
import { ExitCode } from '../dispatch.ts';
import type { Io } from '../io.ts';
import { openScenario } from '../open-scenario.ts';
import { OutputFile } from '../output-file.ts';
import { Progress } from '../progress.ts';

const DEFAULT_SCENARIO = new URL('../../../scenarios/kans-router.yaml', import.meta.url);
/** Slow start and the first overflow of a queue lie behind it, also at 1 Gbit/s. */
const WARM_UP = 100 * MILLISECOND;
/** Who measures shortly does not wait long. */
const WARM_UP_SHARE = 5;
const TCP = 200 * MILLISECOND;
const UDP = 10 * MILLISECOND;
const TRANSACTIONS = 1000;

export async function bench(options: BenchOptions, io: Io): Promise<number> {
  const scenario = await openScenario(options.path ?? fileURLToPath(DEFAULT_SCENARIO), io);
  const cells = cellsOf(scenario, axesOf(options, scenario));
  if (cells.length === 0)
    throw new UsageError(`${scenario.file} has no two pods on different nodes to measure between`, 'bench');
  const files = new Files(options);
  const progress = new Progress(io.stderr);
  const results = await runMatrix({
    scenario,
    cells,
    seed: options.seed ?? scenario.seed,
    durations: durationsOf(options, scenario),
    repeat: options.repeat,
    workers: options.workers,
    signal: io.signal,
    progress: (done, total) => progress.update(bar(done, total)),
    ...(options.pcap !== undefined && {
      capture: PACKETS,
      captured: (cell, packets) => writeCapture(options.pcap!, scenario, cell, packets),
    }),
    headline: first => {
      progress.clear();
      io.stdout.write(`${headline(first)}\n`);
    },
  });
  progress.clear();
  if (results.length > 0) io.stdout.write(benchTable(results));
  if (options.wide && results.length > 0) io.stdout.write(`\n${wideTables(results)}`);
  files.write(scenario, results);
  const misses = missed(scenario.bench?.expect ?? [], results);
  for (const each of misses) io.stdout.write(missText(each, scenario.file));
  if (results.length < cells.length)
    io.stderr.write(`tunlab bench: interrupted: ${results.length} of ${cells.length} cells\n`);
  if (results.length < cells.length) return ExitCode.Interrupted;
  return misses.length > 0 ? ExitCode.Failed : ExitCode.Held;
}

/** A threshold of the scenario that a cell misses. */
function missText({ expectation, cell, received }: Missed, file: string): string {
  const { line, column } = expectation.position;
  return [
    `\n✗ ${cell.mode}, ${cell.from} to ${cell.to}, ${rateText(cell.rate)}, MTU ${cell.mtu}, host model ${cell.hostModel}`,
    `  expected  ${expectation.text}`,
    `  received  ${received}`,
    `  at        ${file}:${line}:${column}`,
    '',
  ].join('\n');
}

/** What the results are written to: opened before anything is measured. */
class Files {
  readonly #json: OutputFile | undefined;
  readonly #html: OutputFile | undefined;

  constructor({ json, html }: BenchOptions) {
    this.#json = json === undefined ? undefined : new OutputFile(json, '--json');
    this.#html = html === undefined ? undefined : new OutputFile(html, '--html');
  }

  write(scenario: Scenario, results: readonly CellResult[]): void {
    write(this.#json, `${JSON.stringify(results, null, 2)}\n`);
    const head = headlineCells(results) as readonly CellResult[];
    write(this.#html, benchPage(scenario.annotations['tunlab/about'] ?? scenario.name, head, results));
  }
}

function write(file: OutputFile | undefined, text: string): void {
  file?.write(Buffer.from(text));
  file?.close();
}

/** Of each measurement. */
const PACKETS = 2000;

/** `out/ipip-mtu1500-10G-1-ideal-pod1-pod3.pcapng`; what a cell measures at a time goes to a file of its own. */
function writeCapture(
  folder: string,
  scenario: Scenario,
  { mode, mtu, rate, streams, hostModel, from, to }: Cell,
  packets: NonNullable<Measured['packets']>,
): void {
  const pods = `${from}-${to}`.replaceAll('/', '_');
  const name = `${mode}-mtu${mtu}-${rateText(rate)}-${streams}-${hostModel}-${pods}`;
  const file = CaptureFile.inFolder(folder, name, scenario);
  for (const { machine, time, record } of packets)
    file.packet({ machine, time, record: { ...record, capture: WHOLE_LAB } });
  file.close();
}

const BAR = 30;

function bar(done: number, total: number): string {
  const filled = Math.floor((done * BAR) / total);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}] ${done} of ${total} labs measured`;
}

function durationsOf({ duration }: BenchOptions, { bench: block }: Scenario): Durations {
  const tcp = duration === undefined ? (block?.durationNs ?? TCP) : parseDuration(duration);
  if (tcp === undefined || tcp < MILLISECOND || tcp > 3600 * SECOND)
    throw new UsageError(
      `--duration: expected a time from 1ms to 1h, got "${duration ?? `${tcp} ns`}"`,
      'bench',
    );
  return {
    warmUp: Math.min(WARM_UP, WARM_UP_SHARE * tcp),
    tcp,
    udp: Math.min(UDP, tcp),
    transactions: TRANSACTIONS,
  };
}

/** The command line's words first, then the scenario's `bench:` block, then the defaults. */
function axesOf(options: BenchOptions, { bench: block }: Scenario): Axes {
  return {
    modes: options.modes?.map(parseMode) ?? (block?.modes as readonly Mode[] | undefined) ?? MODES,
    mtus: options.mtus?.map(word => whole('--mtu', word, 576, 65_535)) ?? block?.mtus ?? [1500],
    rates: options.rates?.map(parseLinkRate) ?? block?.ratesBps ?? [10e9],
    streams: options.streams?.map(word => whole('--streams', word, 1, 128)) ?? block?.streams ?? [1],
    hostModels: options.hostModels.map(parseModel),
  };
}

function parseMode(word: string): Mode {
  const mode = MODES.find(each => each === word);
  if (mode !== undefined) return mode;
  throw new UsageError(`--modes: there is no mode "${word}"${didYouMean(word, MODES)}`, 'bench');
}

function parseModel(word: string): string {
  const names = HOST_MODELS.map(({ name }) => name);
  if (names.includes(word)) return word;
  throw new UsageError(`--host-model: there is no "${word}"; there are: ${names.join(', ')}`, 'bench');
}

function whole(option: string, word: string, least: number, most: number): number {
  const value = Number(word);
  if (/^\d+$/.test(word) && value >= least && value <= most) return value;
  throw new UsageError(`${option}: expected a number from ${least} to ${most}, got "${word}"`, 'bench');
}

function parseLinkRate(word: string): number {
  const rate = parseRate(word);
  if (rate !== undefined && rate >= 1e6 && rate <= 1e12) return rate;
  throw new UsageError(`--rate: expected a rate from 1M to 1T, got "${word}"`, 'bench');
}
