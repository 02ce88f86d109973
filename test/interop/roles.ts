/**
 * What a real peer can be to a node of the lab, and the lab in which it is. Each role's scenario also runs as it is:
 * then the peer is emulated, and what it and the node have of each other is what the real one must have. Not a test
 * file.
 */
import { Attachment } from '../../src/attach/attachment.ts';
import { Lab } from '../../src/lab.ts';
import type { MachineStatus, SessionView } from '../../src/node/command.ts';
import { fromRoot } from '../kit.ts';
import { birdPaths } from './bird-text.ts';
import { LAB, type ReceivedPath } from './daemon.ts';

export interface Role {
  readonly name: string;
  readonly scenario: string;
  /** The node, and the machine in whose place the real peer is. */
  readonly node: string;
  readonly peerMachine: string;
  readonly peer: string;
  /** What the node calls its session, and the emulated peer its own. */
  readonly session: string;
  readonly peerSession: string;
  readonly peerAs: number;
  /** Who may connect: of a mesh only the larger address does. */
  readonly labConnects: boolean;
  readonly peerConnects: boolean;
}

const file = (name: string): string => fromRoot(`test/fixtures/interop/${name}.yaml`);

export const ROLES: readonly Role[] = [
  {
    name: 'mesh peer',
    scenario: file('mesh'),
    node: 'k8s-w1',
    peerMachine: 'k8s-w2',
    peer: '192.168.10.102',
    session: 'Mesh_192_168_10_102',
    peerSession: 'Mesh_192_168_10_101',
    peerAs: 64512,
    labConnects: false,
    peerConnects: true,
  },
  {
    name: 'reflector client',
    scenario: file('reflector'),
    node: 'k8s-m',
    peerMachine: 'k8s-w1',
    peer: '192.168.10.101',
    session: 'Node_192_168_10_101',
    peerSession: 'Node_192_168_10_10',
    peerAs: 64512,
    labConnects: true,
    peerConnects: true,
  },
  {
    name: 'eBGP neighbour',
    scenario: file('external'),
    node: 'k8s-w1',
    peerMachine: 'k8s-rtr',
    peer: '192.168.10.254',
    session: 'Node_192_168_10_254',
    peerSession: 'peer_192_168_10_101',
    peerAs: 65001,
    labConnects: true,
    peerConnects: false,
  },
];

/** What both ends have of each other. */
export interface Exchange {
  /** The node's routes from the peer, as `birdcl show route all` has them, without times. */
  readonly learnt: string;
  /** The main table of the node. */
  readonly kernel: readonly string[];
}

async function exchangeOf(lab: Lab, { node, session }: Role): Promise<Exchange> {
  const learnt = await birdcl(lab, node, session);
  const kernel = (await lab.routes(node)).map(route => route.text.trimEnd());
  return { learnt: sorted(learnt.replace(/ \d\d:\d\d:\d\d/g, '')), kernel };
}

const birdcl = (lab: Lab, machine: string, protocol: string): Promise<string> =>
  lab.controller.ask<string>(machine, {
    do: 'birdcl',
    words: ['show', 'route', 'all', 'protocol', protocol],
  });

/** A network and its lines stay together; networks are in no order that means anything. */
const sorted = (text: string): string =>
  text
    .split(/\n(?=\d)/)
    .sort()
    .join('\n')
    .trim();

/** The lab with the peer emulated: both ends after it has converged. */
export async function emulated(role: Role): Promise<Exchange & { readonly told: ReceivedPath[] }> {
  const lab = await Lab.load(role.scenario, { workers: 0 });
  try {
    const { converged, missing } = await lab.converge();
    if (!converged) throw new Error(`${role.scenario}: ${missing.join('; ')}`);
    const told = birdPaths(await birdcl(lab, role.peerMachine, role.peerSession));
    return { ...(await exchangeOf(lab, role)), told };
  } finally {
    await lab.close();
  }
}

/** The lab with the peer real, in real time. */
export class LiveLab {
  readonly role: Role;
  readonly lab: Lab;
  readonly attachment: Attachment;
  /** Routes of the node that went away since somebody cleared this. */
  readonly removed: string[] = [];
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  static async start(role: Role, connectPort: number | undefined): Promise<LiveLab> {
    const lab = await Lab.load(role.scenario, { workers: 0 });
    const attachment = await Attachment.begin(lab.controller, {
      machine: role.node,
      peer: parseAddress(role.peer),
      listen: role.peerConnects ? { host: LAB, port: 0 } : undefined,
      connect: connectPort === undefined ? undefined : { host: LAB, port: connectPort },
    });
    return new LiveLab(role, lab, attachment);
  }

  private constructor(role: Role, lab: Lab, attachment: Attachment) {
    this.role = role;
    this.lab = lab;
    this.attachment = attachment;
    lab.on('route', ({ machine, record }) => {
      if (machine === role.node && record.action === 'removed') this.removed.push(record.text);
    });
  }

  /** Boot, open the sockets, and let the clock go. */
  async live(): Promise<void> {
    if ((await this.attachment.boot(this.#stop.signal)) === undefined)
      throw new Error(`${this.role.node} has no session with ${this.role.peer}`);
    await this.attachment.open();
    this.#running = this.attachment.run(this.#stop.signal);
  }

  async session(): Promise<SessionView> {
    const { node, session } = this.role;
    const ask = (): Promise<MachineStatus> => this.lab.controller.ask(node, { do: 'status' });
    const { sessions } = await this.attachment.time.ask(ask);
    return sessions.find(s => s.name === session)!;
  }

  exchange(): Promise<Exchange> {
    return this.attachment.time.ask(() => exchangeOf(this.lab, this.role));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.attachment.close();
    await this.lab.close();
  }
}

const parseAddress = (text: string): number =>
  text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
