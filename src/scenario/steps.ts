/** Steps and expectations, resolved against the fabric and the pods that a scenario knows. */
import { resolveDevice } from './device.ts';
import type { Path } from './document.ts';
import { ExpectationRows } from './expectation-rows.ts';
import type { Faults } from './faults.ts';
import { KnownNames, type KnownPod } from './known-names.ts';
import type { RawStep } from './schema.ts';
import type { Command, Expectation, Fabric, Step } from './types.ts';

/** `pods` are those that the files declare; `undefined` when that is not known, and any name passes for a pod. */
export function resolveSteps(
  raw: readonly RawStep[],
  fabric: Fabric,
  pods: readonly KnownPod[] | undefined,
  faults: Faults,
): Step[] {
  return new StepResolver(raw, fabric, pods, faults).steps();
}

class StepResolver {
  readonly #raw: readonly RawStep[];
  readonly #fabric: Fabric;
  readonly #faults: Faults;
  readonly #names: KnownNames;
  readonly #rows: ExpectationRows;

  constructor(
    raw: readonly RawStep[],
    fabric: Fabric,
    pods: readonly KnownPod[] | undefined,
    faults: Faults,
  ) {
    this.#raw = raw;
    this.#fabric = fabric;
    this.#faults = faults;
    const commands = raw.flatMap(step => step.run ?? []);
    const makesPods = /\b(kubectl|k)\s+(apply|create|run|replace|scale)\b/;
    const podsMayAppear = commands.some(command => makesPods.test(command));
    this.#names = new KnownNames(fabric, podsMayAppear ? undefined : pods, faults);
    const snapshots = raw.flatMap(step => step.snapshot ?? []);
    this.#rows = new ExpectationRows(this.#names, snapshots, faults);
  }

  steps(): Step[] {
    let commandsSoFar = 0;
    return this.#raw.map((raw, i) => {
      const path = ['spec', 'steps', i];
      if (Object.keys(raw).every(key => key === 'name')) {
        this.#faults.at(
          path,
          'SCENARIO_WRONG_VALUE',
          'the step does nothing: give it run, expect, wait, link, node or snapshot',
        );
      }
      const run = this.#commands(raw, path);
      commandsSoFar += run.length;
      const expect = this.#expectations(raw, path, commandsSoFar > 0);
      const link = this.#link(raw.link, [...path, 'link']);
      const node = this.#power(raw.node, [...path, 'node']);
      const named = raw.name ?? run[0]?.text ?? expect[0]?.text;
      const said = link !== undefined ? `link ${link.owner}/${link.device} ${link.state}` : undefined;
      const power = node !== undefined ? `${node.action} ${node.name}` : undefined;
      const { snapshot } = raw;
      if (snapshot !== undefined) this.#rows.snapshotTaken(snapshot);
      const kept = snapshot === undefined ? undefined : `snapshot ${snapshot}`;
      const name = named ?? said ?? power ?? kept ?? 'wait';
      const position = this.#faults.position(path);
      return { name, link, node, run, waitNs: raw.wait ?? 0, expect, snapshot, position };
    });
  }

  #commands(raw: RawStep, path: Path): Command[] {
    const { run } = raw;
    if (run === undefined) return [];
    if (typeof run === 'string') return [{ text: run, position: this.#faults.position([...path, 'run']) }];
    return run.map((text, i) => ({ text, position: this.#faults.position([...path, 'run', i]) }));
  }

  #link(raw: RawStep['link'], path: Path): Step['link'] {
    if (raw === undefined) return undefined;
    const state = raw.down !== undefined ? 'down' : 'up';
    const jack = raw.down ?? raw.up;
    if (jack === undefined || (raw.down !== undefined && raw.up !== undefined)) {
      this.#faults.at(path, 'SCENARIO_WRONG_VALUE', 'expected either down or up');
      return undefined;
    }
    const report = (message: string): void =>
      this.#faults.at([...path, state], 'SCENARIO_UNKNOWN_NAME', message);
    return { state, ...resolveDevice(jack, this.#fabric, report) };
  }

  #power(raw: RawStep['node'], path: Path): Step['node'] {
    if (raw === undefined) return undefined;
    const action = raw.stop !== undefined ? 'stop' : 'start';
    const name = raw.stop ?? raw.start;
    if (name === undefined || (raw.stop !== undefined && raw.start !== undefined)) {
      this.#faults.at(path, 'SCENARIO_WRONG_VALUE', 'expected either stop or start');
      return undefined;
    }
    this.#names.node(name, [...path, action]);
    return { action, name };
  }

  #expectations(raw: RawStep, path: Path, afterCommand: boolean): Expectation[] {
    const { expect } = raw;
    if (expect === undefined) return [];
    const list = Array.isArray(expect) ? expect : [expect];
    return list.map((each, i) => {
      const at = Array.isArray(expect) ? [...path, 'expect', i] : [...path, 'expect'];
      if ('output' in each && !afterCommand) {
        this.#faults.at(at, 'SCENARIO_WRONG_VALUE', 'no command has run before this expectation');
      }
      return this.#rows.resolve(each, at);
    });
  }
}
