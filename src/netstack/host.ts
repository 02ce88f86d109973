/**
 * A host: a logical process with network namespaces. A Kubernetes node is one (its own namespace and those of its pods),
 * a router and a plain host are others.
 *
 *   link ──> jack ──> FlowTable.forward ── known ──────────────────────────> Transmitter
 *                          └ unknown ──> NetDevice.ingress ──> Namespace ──> Transmitter
 *                                             ^                    │
 *            veth, tunnel, loopback:          └───── handOver <────┘   (settle, at the same instant)
 *
 * Namespaces of one host hand frames to each other through one first-in first-out backlog, drained before the next event:
 * no recursion, however long the chain of veths and tunnels.
 */
import * as Frames from '../sim/frame-store.ts';
import { type Frame, FrameQueue } from '../sim/frame-store.ts';
import { type Habitat, LogicalProcess } from '../sim/logical-process.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import { FrameAccount } from '../trace/frame-account.ts';
import type { DropRecord, HopRecord } from '../trace/record.ts';
import * as Ipv4Codec from '../wire/ipv4.ts';
import * as Flows from './flow-table.ts';
import { FlowTable } from './flow-table.ts';
import { toTransport } from './ip-input.ts';
import { Namespace } from './namespace.ts';
import type { Direction, NetDevice } from './netdevice.ts';
import type { Processor } from './processor.ts';
import type { Tracer } from './trace-point.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const Ipv4 = { ...Ipv4Codec };
const { NO_FRAME } = Frames;
const { VETH_JACKS } = Flows;

/** Hand-overs at one instant. More means that frames run in a circle without ever losing TTL: a bug of ours. */
const BACKLOG_BOUND = 1_000_000;

export abstract class NetHost extends LogicalProcess {
  readonly #backlog: FrameQueue;
  /** There is something in the backlog: asked after every event, so it is not the backlog that is asked. */
  #handing = false;
  /** The flows it forwards, sends and takes in. Whoever changes what that rests on has it `forget`. */
  readonly flows: FlowTable;
  readonly account = new FrameAccount();
  readonly #devices: NetDevice[] = [];
  readonly namespaces: Namespace[] = [];
  /** Whether there is a tracer: the one test on the path. */
  tracing = false;
  /** Whether somebody looks when an event is over: the one test that everybody pays. */
  watched = false;
  #powered = true;
  /** Its own namespace before it was switched off last: where what comes since then dies. */
  #formerOwn: Namespace | undefined;
  /** How deep a transmission is inside tunnels (Linux `dev_xmit_recursion`). */
  tunnelDepth = 0;
  /** What packets cost; undefined: nothing. */
  processor: Processor | undefined;
  /** How many there have been. */
  #namespaces = 0;
  readonly #jacks: (NetDevice | undefined)[] = [];
  #tracer: Tracer | undefined;

  constructor(id: number, name: string, habitat: Habitat) {
    super(id, name, habitat);
    this.#backlog = new FrameQueue(this.frames);
    this.flows = new FlowTable(this);
  }

  /** A new namespace of this host, with `lo` and the kernel's `tunl0`, both down. */
  namespace(name: string): Namespace {
    const namespace = new Namespace(this, name, this.#namespaces++);
    this.namespaces.push(namespace);
    return namespace;
  }

  /** The namespace and what is in it are gone; its device numbers are never used again. */
  removeNamespace(namespace: Namespace): void {
    namespace.shutdown();
    this.namespaces.splice(this.namespaces.indexOf(namespace), 1);
  }

  get powered(): boolean {
    return this.#powered;
  }

  /** The power goes off: all namespaces are gone, and what is waiting or arrives dies. */
  halt(): void {
    this.flows.forget();
    this.#powered = false;
    this.#formerOwn = this.namespaces[0];
    for (const namespace of [...this.namespaces]) this.removeNamespace(namespace);
    for (const frame of this.processor?.drain() ?? []) this.#stop(frame);
  }

  /** The power is back: `namespace` builds anew. */
  resume(): void {
    this.#powered = true;
  }

  #stop(frame: Frame): void {
    this.drop(frame, 'NODE_STOPPED', this.#formerOwn, undefined);
  }

  /** A device joins; called once by the namespace it is in. */
  register(device: NetDevice): void {
    device.number = this.#devices.length;
    this.#devices.push(device);
  }

  /** `device` is what receives on `jack`; `undefined`: nobody any more. */
  plug(jack: number, device: NetDevice | undefined): void {
    this.#jacks[jack] = device;
    this.flows.forget();
  }

  /** A command may change anything. */
  override command(at: VirtualTime, command: unknown): unknown {
    this.flows.forget();
    return super.command(at, command);
  }

  protected override receive(frame: Frame, jack: number): void {
    if (!this.flows.forward(frame, jack)) this.#receive(frame, jack);
  }

  #receive(frame: Frame, jack: number): void {
    const device = this.#jacks[jack];
    if (!this.#powered) this.#stop(frame);
    else if (device === undefined) this.drop(frame, 'LINK_DOWN', undefined, undefined);
    else if (!device.up) this.drop(frame, 'LINK_DOWN', device.namespace, device);
    else if (this.processor?.receive(device, frame) !== true) device.ingress(frame);
  }

  /** The processor has worked on `frame`: it goes on from the device that `handOver` would have noted. */
  processed(frame: Frame): void {
    const device = this.#devices[this.frames.meta[frame]!]!;
    if (device.up) device.ingress(frame);
    else this.drop(frame, 'LINK_DOWN', device.namespace, device);
  }

  /** `frame` arrives at `device` at this instant, when what is being done now is done. Takes ownership. */
  handOver(device: NetDevice, frame: Frame): void {
    this.handTo(device.number, frame);
  }

  handTo(device: number, frame: Frame): void {
    this.frames.meta[frame] = device;
    this.#backlog.add(frame);
    this.#handing = true;
  }

  protected override settle(): void {
    if (this.#handing) this.#drain();
  }

  #drain(): void {
    for (let handed = 0; ; handed++) {
      const frame = this.#backlog.take();
      if (frame === NO_FRAME) break;
      if (handed === BACKLOG_BOUND) throw new Error(`${this.name}: the backlog never empties`);
      const number = this.frames.meta[frame]!;
      if (this.flows.forward(frame, VETH_JACKS + number)) continue;
      const device = this.#devices[number]!;
      if (!this.#powered) this.#stop(frame);
      else if (!device.up) this.drop(frame, 'LINK_DOWN', device.namespace, device);
      else if (this.processor?.backlog(device, frame) !== true) device.ingress(frame);
    }
    this.#handing = false;
  }

  countPassed(input: number, output: number, packets: number, octets: number): void {
    if (input >= 0) this.#devices[input]!.countReceived(packets, octets);
    if (output >= 0) this.#devices[output]!.countSent(packets, octets);
  }

  handUp(frame: Frame, ipAt: number, protocol: number, number: number): void {
    const device = this.#devices[number]!;
    toTransport(device.namespace, device, frame, ipAt, protocol);
  }

  refused(frame: Frame, number: number, reason: DropReason): void {
    const device = this.#devices[number]!;
    device.countRefused();
    this.drop(frame, reason, device.namespace, device);
  }

  /** Count a frame that dies, say so, and free it. */
  drop(
    frame: Frame,
    reason: DropReason,
    namespace: Namespace | undefined,
    device: NetDevice | undefined,
  ): void {
    this.account.drop(reason);
    if (device !== undefined) {
      device.drops ??= new Map();
      device.drops.set(reason, (device.drops.get(reason) ?? 0) + 1);
    }
    if (namespace !== undefined) {
      if (this.tracing) this.#tracer!.drop(namespace, device, reason, frame);
      const tag = this.frames.tag[frame]!;
      if (tag !== 0) {
        const record: DropRecord = {
          type: 'drop',
          tag,
          namespace: namespace.name,
          device: device?.name ?? '',
          reason,
        };
        this.habitat.report(this, record);
      }
    }
    this.frames.free(frame);
  }

  /** Count a frame that reached whom it was for, and free it. */
  deliver(frame: Frame): void {
    this.account.delivered++;
    this.frames.free(frame);
  }

  /** A frame passes a device that is observed, or the frame is tagged. */
  pass(device: NetDevice, frame: Frame, direction: Direction): void {
    if (this.tracing) this.#tracer!.pass(device, frame, direction);
    const tag = this.frames.tag[frame]!;
    if (tag === 0) return;
    const view = this.frames.view(frame);
    const at = this.frames.start[frame]! + device.linkHeaderLength;
    const isIp = this.frames.end[frame]! - at >= Ipv4.MIN_HEADER_LENGTH && Ipv4.version(view, at) === 4;
    const record: HopRecord = {
      type: 'hop',
      tag,
      namespace: device.namespace.name,
      device: device.name,
      direction,
      source: isIp ? Ipv4.source(view, at) : 0,
      destination: isIp ? Ipv4.destination(view, at) : 0,
    };
    this.habitat.report(this, record);
  }

  trace(tracer: Tracer | undefined): void {
    this.flows.forget();
    this.#tracer = tracer;
    this.tracing = tracer !== undefined;
  }
}
