/** Makes the logical process that a `ProcessSpec` describes. Runs on the worker that the process lives on. */
import { ApiServer } from '../api/api-server.ts';
import type { ApiServerSpec } from '../api/spec.ts';
import type { SwitchSpec } from '../fabric/spec.ts';
import { Switch } from '../fabric/switch.ts';
import { KubernetesNode } from '../node/kubernetes-node.ts';
import { Router } from '../node/router.ts';
import type { NodeSpec, RouterSpec } from '../node/spec.ts';
import type { LabSpec, ProcessSpec } from '../parallel/lab-spec.ts';
import type { Habitat, LogicalProcess } from '../sim/logical-process.ts';

export function build(
  { id, name, kind, spec }: ProcessSpec,
  _lab: LabSpec,
  habitat: Habitat,
): LogicalProcess {
  switch (kind) {
    case 'node':
      return new KubernetesNode(id, name, habitat, spec as NodeSpec);
    case 'router':
      return new Router(id, name, habitat, spec as RouterSpec);
    case 'switch':
      return new Switch(id, name, habitat, spec as SwitchSpec);
    case 'api':
      return new ApiServer(id, name, habitat, spec as ApiServerSpec);
    default:
      throw new Error(`${name}: nobody knows how to build a ${kind}`);
  }
}
