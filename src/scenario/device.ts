/** `node/device`, as links and steps name one end of a link. */
import { didYouMean } from './nearest.ts';
import type { Host, Node, Router } from './types.ts';

export interface Jack {
  readonly owner: string;
  readonly device: string;
}

/** Who may have a device. */
interface Members {
  readonly nodes: readonly Node[];
  readonly routers: readonly Pick<Router, 'name'>[];
  readonly hosts: readonly Host[];
}

/** `k8s-w1/eth0` -> the NIC's true name (`ens5` answers to eth0); an unknown device is a fault. */
export function resolveDevice(jack: Jack, fabric: Members, report: (message: string) => void): Jack {
  const node = fabric.nodes.find(each => each.name === jack.owner);
  if (node !== undefined) {
    const known = [node.interface, node.altname, 'eth0'];
    if (known.includes(jack.device)) return { owner: node.name, device: node.interface };
    report(`${node.name} has no NIC "${jack.device}": its NIC is ${node.interface}`);
  } else {
    const others = [...fabric.routers, ...fabric.hosts].map(each => each.name);
    if (!others.includes(jack.owner)) {
      const all = [...fabric.nodes.map(each => each.name), ...others];
      report(`unknown node "${jack.owner}"${didYouMean(jack.owner, all)}`);
    } else if (!/^eth\d+$/.test(jack.device)) report(`${jack.owner} has no NIC "${jack.device}"`);
  }
  return jack;
}
