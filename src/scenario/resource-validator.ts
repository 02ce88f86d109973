/**
 * Calico's and Kubernetes' own checks over the resources of a scenario, as the loader wants them: each problem with the
 * path of the field it is about. The datastore makes the same checks again when the lab boots.
 */

import { applyDefaults, type Kind, parse, type Resource, validate } from '../calico/resources/kinds.ts';
import { goValue, type Problem } from '../calico/resources/meta.ts';
import type { IPPool } from '../calico/resources/pool.ts';
import { validateName } from '../calico/resources/rules.ts';
import { DecodeError } from '../calico/resources/shape.ts';
import type { LoadedResource, ResourceProblem } from './types.ts';

export function validateResources(resources: readonly LoadedResource[]): readonly ResourceProblem[] {
  const problems: ResourceProblem[] = [];
  const admitted: Resource[] = [];
  for (const resource of resources) {
    let object: Resource;
    try {
      object = parse(resource.object);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      problems.push({ resource, path: error.path, message: error.message.replace(/^.*?json: /, '') });
      continue;
    }
    const pools = admitted.filter((other): other is IPPool => other.kind === 'IPPool');
    const found = [
      ...validateName(object.metadata),
      ...validate(object, undefined, { pools: () => pools, blockCidrs: () => [] }),
    ];
    for (const problem of found) problems.push({ resource, path: problem.path, message: sentence(problem) });
    if (admitted.some(other => sameName(other, object))) {
      const message = `${object.kind} ${object.metadata.name} is defined twice`;
      problems.push({ resource, path: ['metadata', 'name'], message });
    }
    if (found.length === 0) admitted.push(applyDefaults(object));
  }
  return problems;
}

const sameName = (a: Resource, b: Resource): boolean =>
  a.kind === (b.kind as Kind) &&
  a.metadata.name === b.metadata.name &&
  a.metadata.namespace === b.metadata.namespace;

const sentence = (problem: Problem): string =>
  problem.value === undefined || problem.reason.includes(goValue(problem.value))
    ? problem.reason
    : `${problem.reason} (it is ${goValue(problem.value)})`;
