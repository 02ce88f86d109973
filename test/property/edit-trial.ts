/**
 * One edited scenario from boot to verdict: the laws that hold in every lab, who was cut off by it, and what `explain`
 * says of each of them.
 */
import type { ProbeOutcome } from '../../src/controller/probes.ts';
import { diagnose } from '../../src/cures/diagnosis.ts';
import { explain } from '../../src/explain/explanation.ts';
import { Lab } from '../../src/lab.ts';
import { type Breach, breachesOf } from '../../src/runner/invariants.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { validateResources } from '../../src/scenario/resource-validator.ts';
import type { Scenario, Step } from '../../src/scenario/types.ts';
import { SECOND } from '../../src/sim/time.ts';
import { fateOf } from '../../src/snapshot/lab-state.ts';
import { pairsOf, talkers } from '../../src/snapshot/talkers.ts';
import { fromRoot } from '../kit.ts';
import { BASES, type Edit, MAKERS } from './edits.ts';

export interface Case {
  readonly base: number;
  readonly kind: number;
  readonly draws: readonly number[];
}

export interface Lost {
  readonly pair: string;
  readonly fate: string;
  /** The edit, in what the explanation says; or a cure that was tried and works. */
  readonly named: 'edit' | 'cure' | undefined;
}

export interface Trial {
  readonly kind: string;
  readonly what: string;
  /** The loader refuses it, or it ran. */
  readonly outcome: 'refused' | 'ran';
  readonly lost: readonly Lost[];
  readonly breaches: readonly Breach[];
}

/** Twice what the slowest of the scenarios takes. */
const PATIENCE = 20 * SECOND;
/** BIRD's graceful restart wait is over (240 s). */
const RECOVERY = 245 * SECOND;
/** Explanations cost more than the lab: of the pairs that are lost only the first `explained` are asked about. */
export async function tryEdit({ base, kind, draws }: Case, explained = 1): Promise<Trial> {
  const name = BASES[base % BASES.length]!;
  const scenario = baseScenario(name);
  const [kindName, edit] = editOf(scenario, kind, draws);
  const trial = { kind: kindName, what: `${name}: ${edit.text}`, lost: [], breaches: [] };
  if (validateResources(edit.scenario.resources).length > 0) return { ...trial, outcome: 'refused' };
  return { ...trial, outcome: 'ran', ...(await run(edit, await talkingIn(name), explained)) };
}

/** Of the kind that is asked for, or of the next that fits the scenario; a cable there always is. */
function editOf(scenario: Scenario, kind: number, draws: readonly number[]): [kind: string, edit: Edit] {
  const makers = Object.entries(MAKERS);
  for (let i = 0; ; i++) {
    const [name, make] = makers[(kind + i) % makers.length]!;
    let next = 0;
    const edit = make(scenario, bound => draws[next++ % draws.length]! % bound);
    if (edit !== undefined) return [name, edit];
  }
}

async function run(
  edit: Edit,
  talked: ReadonlySet<string>,
  explained: number,
): Promise<Pick<Trial, 'lost' | 'breaches'>> {
  const lab = await Lab.of(edit.scenario, { workers: 0 });
  try {
    const steps = await runSteps(lab);
    const breaches = [
      ...(await breachesOf(lab.cluster, 'oneOwner')),
      ...(edit.scenario.fabric.routers.some(router => router.routes.length > 0)
        ? []
        : await breachesOf(lab.cluster, 'noLoop')),
    ];
    const outcomes = await lab.cluster.probe(pairsOf(await talkers(lab.cluster)));
    const lost: Lost[] = [];
    for (const outcome of outcomes) {
      const pair = `${outcome.from.name} -> ${outcome.to.name}`;
      if (outcome.result.answered || !talked.has(pair) || lost.length >= explained) continue;
      const said = JSON.stringify(await explain(lab.cluster, outcome, {}));
      const named = edit.named.test(said) ? 'edit' : await cured(lab, steps, outcome, edit.named);
      lost.push({ pair, fate: fateOf(outcome), named });
    }
    breaches.push(...(await breachesOf(lab.cluster, 'allCounted')));
    return { lost, breaches };
  } finally {
    await lab.close();
  }
}

/** A session that never comes up holds BIRD's recovery up, and with it all routes; then there is a wait. */
async function runSteps(lab: Lab): Promise<readonly Step[]> {
  const [converge, ...disturbances] = lab.scenario.steps as [Step, ...Step[]];
  const { ok } = await lab.step(converge, 0);
  const rest = ok ? disturbances : [WAIT, ...disturbances];
  for (const [i, step] of rest.entries()) await lab.step(step, i + 1);
  return [converge, ...rest];
}

/** By a change that was tried on a copy of the run and brings the answer back; it may be the edit undone. */
async function cured(
  lab: Lab,
  steps: readonly Step[],
  { from, to }: ProbeOutcome,
  edit: RegExp,
): Promise<Lost['named']> {
  const { cures } = await diagnose({
    scenario: { ...lab.scenario, steps },
    from: from.name,
    to: to.name,
    what: {},
    steps: 'all',
    at: undefined,
    seed: lab.seed,
    cures: true,
    signal: new AbortController().signal,
  });
  if (cures.length === 0) return undefined;
  return edit.test(JSON.stringify(cures)) ? 'edit' : 'cure';
}

const position = { line: 1, column: 1 };
const CONVERGE: Step = {
  name: 'converge',
  link: undefined,
  node: undefined,
  run: [],
  waitNs: 0,
  expect: [
    {
      kind: 'converged',
      text: 'converged',
      position,
      withinNs: PATIENCE,
      forNs: undefined,
      neverNs: undefined,
    },
  ],
  snapshot: undefined,
  position,
};

const WAIT: Step = { ...CONVERGE, name: 'wait', waitNs: RECOVERY, expect: [] };

const scenarios = new Map<string, Scenario>();
const talking = new Map<string, Promise<ReadonlySet<string>>>();

function baseScenario(name: string): Scenario {
  let scenario = scenarios.get(name);
  if (scenario === undefined) {
    const loaded = loadScenario(fromRoot(`scenarios/${name}.yaml`), { validate: validateResources });
    scenario = { ...loaded, steps: [CONVERGE] };
    scenarios.set(name, scenario);
  }
  return scenario;
}

/** Pairs that talk without any edit. */
function talkingIn(name: string): Promise<ReadonlySet<string>> {
  let pairs = talking.get(name);
  if (pairs === undefined) {
    pairs = askTalking(baseScenario(name));
    talking.set(name, pairs);
  }
  return pairs;
}

async function askTalking(scenario: Scenario): Promise<ReadonlySet<string>> {
  const lab = await Lab.of(scenario, { workers: 0 });
  try {
    await lab.converge(PATIENCE);
    const outcomes = await lab.cluster.probe(pairsOf(await talkers(lab.cluster)));
    return new Set(
      outcomes.filter(o => o.result.answered).map(({ from, to }) => `${from.name} -> ${to.name}`),
    );
  } finally {
    await lab.close();
  }
}
