/** `tunlab explain FILE FROM TO`: one probe, hop by hop; `tunlab explain CODE`: what a drop code means. */
import { NoSuchParty } from '../../controller/cluster.ts';
import type { ProbeOptions } from '../../controller/probes.ts';
import { type Explanation, explain as explainOutcome } from '../../explain/explanation.ts';
import { explanationLines } from '../../explain/explanation-text.ts';
import { Lab } from '../../lab.ts';
import { formatTime } from '../../runner/verdict.ts';
import type { Scenario } from '../../scenario/types.ts';
import { type ExplainOptions, UsageError } from '../command-table.ts';
import { type Cure, findCures } from '../cures.ts';
import { ExitCode } from '../dispatch.ts';
import type { Io } from '../io.ts';
import { openScenario } from '../open-scenario.ts';
import { Progress } from '../progress.ts';
import { runSteps } from '../run-steps.ts';
import { version } from '../version.ts';
import { explainCode } from './explain-code.ts';

export async function explain(options: ExplainOptions, io: Io): Promise<number> {
  const { what } = options;
  if (what.kind === 'code') return explainCode(what.code, options, io);
  const scenario = await openScenario(what.path, io);
  return new Explainer(scenario, what.from, what.to, options, io).go();
}

class Explainer {
  readonly #scenario: Scenario;
  readonly #from: string;
  readonly #to: string;
  readonly #options: ExplainOptions;
  readonly #io: Io;
  readonly #progress: Progress;

  constructor(scenario: Scenario, from: string, to: string, options: ExplainOptions, io: Io) {
    this.#scenario = scenario;
    this.#from = from;
    this.#to = to;
    this.#options = options;
    this.#io = io;
    this.#progress = new Progress(io.stderr);
  }

  async go(): Promise<number> {
    const { steps, json } = this.#options;
    const seed = this.#options.seed ?? this.#scenario.seed;
    const { signal } = this.#io;
    const lab = await Lab.of(this.#scenario, { workers: 0, seed, signal });
    try {
      this.#progress.update(`${this.#scenario.name}: running its steps`);
      await runSteps(lab, steps);
      const at = lab.now;
      const outcome = await lab.ping(this.#from, this.#to, this.#probe());
      const explanation = await explainOutcome(lab.cluster, outcome, this.#probe());
      if (!json) this.#print(`${explanationLines(explanation, this.#io.stdout.colour).join('\n')}\n`);
      let cures: Cure[] = [];
      if (!explanation.answered) {
        this.#progress.update('trying cures');
        const { scenario } = lab;
        const [from, to, options] = [this.#from, this.#to, this.#probe()];
        cures = await findCures(lab, { scenario, seed, steps, from, to, options, signal });
      }
      if (json) this.#print(`${JSON.stringify(this.#document(seed, at, explanation, cures), null, 2)}\n`);
      else if (!explanation.answered) this.#print(curesText(cures));
      return ExitCode.Held;
    } catch (error) {
      if (error instanceof NoSuchParty) throw new UsageError(error.message, 'explain');
      throw error;
    } finally {
      this.#progress.clear();
      await lab.close();
    }
  }

  #probe(): ProbeOptions {
    const { proto, port, size, df } = this.#options;
    return { proto, df, ...(port !== undefined && { port }), ...(size !== undefined && { size }) };
  }

  #document(seed: number, atNs: number, explanation: Explanation, cures: readonly Cure[]): unknown {
    const head = { schemaVersion: 1, tunlab: version(), scenario: this.#scenario.file, seed, atNs };
    return { ...head, ...explanation, cures };
  }

  #print(text: string): void {
    this.#progress.clear();
    this.#io.stdout.write(text);
  }
}

function curesText(cures: readonly Cure[]): string {
  if (cures.length === 0) return '  no cure known: no other mode of the IP pool brings the answer back\n';
  const width = Math.max(...cures.map(cure => cure.change.length));
  const lines = cures.flatMap(cure => {
    const [first, ...rest] = [...effects(cure), cure.command];
    return [
      `    ${cure.change.padEnd(width)}   ${first}`,
      ...rest.map(line => `    ${' '.repeat(width)}   ${line}`),
    ];
  });
  return `  cures, each tried by running the scenario again with it:\n${lines.join('\n')}\n`;
}

/** A line each. */
function effects({ after, broken, convergedInNs, notes }: Cure): string[] {
  const lost = broken.length === 0 ? [] : [`but these talk no more: ${broken.join(', ')}`];
  return [
    `${after.talk} of ${after.all} pairs talk; converged in ${formatTime(convergedInNs)}`,
    ...lost,
    ...notes,
  ];
}
