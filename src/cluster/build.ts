/**
 * Makes the logical process that a `ProcessSpec` describes, on the worker that the process lives on. A worker loads the
 * modules of the kinds that it has: a switch does without BGP and TCP, which take most of a thread's start.
 */
import type { ApiServerSpec } from '../api/spec.ts';
import type { SwitchSpec } from '../fabric/spec.ts';
import type { NodeSpec, RouterSpec } from '../node/spec.ts';
import type { Build, Makers } from '../parallel/lab-spec.ts';

const node = (): Promise<Build> =>
  import('../node/kubernetes-node.ts').then(
    ({ KubernetesNode }): Build =>
      ({ id, name, spec }, _lab, habitat) =>
        new KubernetesNode(id, name, habitat, spec as NodeSpec),
  );

const router = (): Promise<Build> =>
  import('../node/router.ts').then(
    ({ Router }): Build =>
      ({ id, name, spec }, _lab, habitat) =>
        new Router(id, name, habitat, spec as RouterSpec),
  );

const networkSwitch = (): Promise<Build> =>
  import('../fabric/switch.ts').then(
    ({ Switch }): Build =>
      ({ id, name, spec }, _lab, habitat) =>
        new Switch(id, name, habitat, spec as SwitchSpec),
  );

const api = (): Promise<Build> =>
  import('../api/api-server.ts').then(
    ({ ApiServer }): Build =>
      ({ id, name, spec }, _lab, habitat) =>
        new ApiServer(id, name, habitat, spec as ApiServerSpec),
  );

export const makers: Makers = { node, router, switch: networkSwitch, api };
