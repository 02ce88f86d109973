/** The snapshots of a run: those that its steps take, and those in the folder beside the scenario. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import type { Cluster } from '../controller/cluster.ts';
import { type NoChangeExpectation, SNAPSHOT_PARTS } from '../scenario/types.ts';
import { type LabState, stateOf } from '../snapshot/lab-state.ts';
import { formatSnapshot, parseSnapshot } from '../snapshot/snapshot-text.ts';
import { changeLines, lineCount, stateChanges } from '../snapshot/state-changes.ts';
import type { Verdict } from './verdict.ts';

/** `direct.yaml`, `converged` -> `direct.snapshots/converged.txt`, in the folder of the scenario. */
export const snapshotFile = (scenario: string, name: string): string =>
  join(dirname(scenario), `${basename(scenario, extname(scenario))}.snapshots`, `${name}.txt`);

export class SnapshotBook {
  readonly #scenario: string;
  readonly #update: boolean;
  readonly #taken = new Map<string, LabState>();
  /** Files that were written in this run. */
  readonly written: string[] = [];

  /** `update`: what differs is written, and held. */
  constructor(scenario: string, update: boolean) {
    this.#scenario = scenario;
    this.#update = update;
  }

  /** A step keeps the tables under `name`. */
  async take(cluster: Cluster, name: string): Promise<void> {
    this.#taken.set(name, await stateOf(cluster, SNAPSHOT_PARTS));
  }

  async judge(cluster: Cluster, { snapshot: name, of }: NoChangeExpectation): Promise<Verdict> {
    const taken = this.#taken.get(name);
    const file = snapshotFile(this.#scenario, name);
    const what = of.length === SNAPSHOT_PARTS.length ? '' : ` in ${of.join(', ')}`;
    const expected = `no change${what} since snapshot ${taken === undefined ? file : name}`;
    const now = await stateOf(cluster, of);
    const before = taken ?? readSnapshot(file);
    if (before instanceof Error)
      return this.#update ? this.#write(file, now, expected) : open(expected, before);
    const changes = stateChanges(before, now, of);
    if (changes.length === 0) return { ok: true, expected, received: 'no change' };
    if (taken === undefined && this.#update && !this.written.includes(file))
      return this.#write(file, new Map([...before, ...now]), expected);
    const received = count(lineCount(changes), 'line differs', 'lines differ');
    return { ok: false, expected, received, detail: changeLines(changes) };
  }

  #write(file: string, state: LabState, expected: string): Verdict {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, formatSnapshot(state));
    this.written.push(file);
    return { ok: true, expected, received: `written to ${file}` };
  }
}

const open = (expected: string, error: Error): Verdict => ({
  ok: false,
  inconclusive: true,
  expected,
  received: error.message,
});

function readSnapshot(file: string): LabState | Error {
  try {
    return parseSnapshot(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) return new Error(`${file}: ${message}`);
    return new Error(`there is no such snapshot yet (${code}): \`tunlab test --update\` writes it`);
  }
}

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;
