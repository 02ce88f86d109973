/**
 * Load a scenario: text -> YAML -> form -> references -> resources. Each stage reports all it finds; the next one is
 * only tried when it can make sense of what is there.
 */
import { dirname, resolve } from 'node:path';
import { parseDocuments } from './document.ts';
import { resolveFabric } from './fabric.ts';
import { Faults } from './faults.ts';
import { FILE_LIMIT_BYTES, readText } from './files.ts';
import { check } from './issues.ts';
import { type KnownPod, parsePodName } from './known-names.ts';
import { didYouMean } from './nearest.ts';
import { Problems } from './problem.ts';
import { ResourceLoader } from './resources.ts';
import { type RawScenario, scenarioSchema } from './schema.ts';
import { NAME, show } from './schema-kit.ts';
import { resolveSteps } from './steps.ts';
import type { Bench, BenchExpectation, ExistingPod, ResourceValidator, Scenario } from './types.ts';

export interface LoadOptions {
  /** Calico's own checks of the resources; without it only their form is checked. */
  readonly validate?: ResourceValidator | undefined;
  /** A folder whose resources take the place of the scenario's; of Kubernetes' kinds the scenario's others stay. */
  readonly resources?: string | undefined;
}

/** Load the scenario file at `path`, and the resource files below its folder. Throws `ScenarioError`. */
export function loadScenario(path: string, options: LoadOptions = {}): Scenario {
  const read = readText(path);
  if (!read.ok) {
    const problems = new Problems();
    problems.add({ file: path, text: '' }, { line: 1, column: 1 }, '', read.code, read.message);
    problems.throwIfAny();
    throw new Error('unreachable');
  }
  return parseScenario(read.text, { ...options, file: path });
}

/** As `loadScenario`, of text that is at hand. `file` is what diagnostics name; resources are read beside it. */
export function parseScenario(text: string, options: LoadOptions & { readonly file: string }): Scenario {
  const { file } = options;
  const problems = new Problems();
  const source = { file, text };
  if (Buffer.byteLength(text) > FILE_LIMIT_BYTES) {
    const message = `is more than ${FILE_LIMIT_BYTES} octets long`;
    problems.add(source, { line: 1, column: 1 }, '', 'FILE_TOO_LARGE', message);
    problems.throwIfAny();
  }
  const documents = parseDocuments(source, problems);
  problems.throwIfAny();
  const [document, second] = documents;
  if (document === undefined || document.data === null) {
    problems.add(source, { line: 1, column: 1 }, '', 'YAML_SYNTAX', 'the file is empty');
  } else if (second !== undefined) {
    const message = 'a scenario is one document: resources belong into files of their own';
    problems.add(source, second.valuePosition([]), '', 'YAML_SYNTAX', message);
  }
  problems.throwIfAny();
  const raw = check(scenarioSchema, document!, problems);
  problems.throwIfAny();
  return resolveScenario(raw!, new Faults(document!, problems), problems, options);
}

function resolveScenario(
  raw: RawScenario,
  faults: Faults,
  problems: Problems,
  options: LoadOptions & { readonly file: string },
): Scenario {
  const { spec, metadata } = raw;
  const { file } = options;
  const directory = resolve(dirname(file));
  const fabric = resolveFabric(spec.fabric, faults);
  const nodes = new Set(Object.keys(spec.fabric.nodes));
  if (spec.fabric.sourceDestCheck !== undefined && spec.fabric.cloud !== 'aws-vpc') {
    const path = ['spec', 'fabric', 'sourceDestCheck'];
    faults.atKey(path, 'SCENARIO_WRONG_VALUE', 'only cloud aws-vpc has this check');
  }
  const loader = new ResourceLoader(nodes, problems);
  const before = problems.list.length;
  if (options.resources !== undefined) loader.loadFolder(options.resources);
  loader.load(spec.resources, directory, dirname(file), faults);
  const allRead = problems.list.length === before;
  const pods = existingPods(spec.pods, nodes, faults);
  const known: KnownPod[] = [...pods];
  for (const { kind, name, namespace } of loader.resources) {
    if (kind !== 'Pod') continue;
    if (pods.some(pod => pod.name === name && pod.namespace === namespace)) {
      const path = ['spec', 'pods', namespace === 'default' ? name : `${namespace}/${name}`];
      faults.atKey(path, 'SCENARIO_DUPLICATE_NAME', `pod ${name} is also in the resources`);
    }
    known.push({ name, namespace: namespace ?? 'default' });
  }
  const steps = resolveSteps(spec.steps, fabric, allRead ? known : undefined, faults);
  // Calico's checks assume resources of sound form.
  if (options.validate !== undefined && problems.list.length === 0) loader.validate(options.validate);
  problems.throwIfAny();
  return {
    file,
    directory,
    name: metadata.name,
    annotations: metadata.annotations,
    calicoVersion: spec.calico.version,
    seed: spec.seed,
    startMs: spec.date,
    hooks: spec.hooks,
    sysctls: spec.sysctls as Record<string, number>,
    hostModel: spec.hostModel,
    fabric,
    resources: loader.resources,
    files: loader.files,
    pods,
    steps,
    bench: spec.bench === undefined ? undefined : resolveBench(spec.bench, faults),
  };
}

function resolveBench(raw: NonNullable<RawScenario['spec']['bench']>, faults: Faults): Bench {
  const { modes, mtus, rates, streams, duration } = raw;
  const path = ['spec', 'bench', 'expect'];
  const expect = [raw.expect].flat().map((one, i): BenchExpectation => {
    const at = Array.isArray(raw.expect) ? [...path, i] : path;
    if (one.within === undefined && one.atLeast === undefined && one.limit === undefined)
      faults.at(at, 'SCENARIO_WRONG_VALUE', 'says nothing to hold: give within, atLeast or limit');
    for (const mode of one.within === undefined ? [one.mode] : [one.mode, one.of])
      if (!modes.some(each => each === mode))
        faults.at(at, 'SCENARIO_UNKNOWN_NAME', `mode ${mode} is not measured: modes are ${modes.join(', ')}`);
    return {
      mode: one.mode,
      sameSubnet: one.pair === undefined ? undefined : one.pair === 'same',
      within: one.within,
      of: one.of,
      atLeast: one.atLeast,
      limit: one.limit,
      text: faults.document.textOf(at),
      position: faults.position(at),
    };
  });
  return { modes, mtus, ratesBps: rates, streams, durationNs: duration, expect };
}

function existingPods(
  raw: RawScenario['spec']['pods'],
  nodes: ReadonlySet<string>,
  faults: Faults,
): ExistingPod[] {
  return Object.entries(raw).map(([key, value]) => {
    const path = ['spec', 'pods', key];
    const short = typeof value === 'string';
    const node = short ? value : value.node;
    const { namespace, name } = parsePodName(key);
    if (!NAME.test(name) || !NAME.test(namespace)) {
      faults.atKey(path, 'SCENARIO_WRONG_VALUE', `${show(key)} is not the name of a pod`);
    }
    if (!nodes.has(node)) {
      const at = short ? path : [...path, 'node'];
      faults.at(at, 'SCENARIO_UNKNOWN_NAME', `unknown node "${node}"${didYouMean(node, nodes)}`);
    }
    return { namespace, name, node, labels: short ? {} : value.labels, position: faults.position(path) };
  });
}
