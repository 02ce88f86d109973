/**
 * An Ethernet switch: a learning bridge (IEEE 802.1D §7.7–7.9) without spanning tree and without processing time.
 *
 * It learns the source of each frame, sends to the jack it knows the destination at, and floods what it does not know
 * and what is for a group. Entries age after 300 s. A flooded frame leaves as one copy for each jack. Where the fabric is
 * a cloud's, each port has rules (cloud.ts), asked when a frame comes in from a node and before it goes out to one.
 */
import type { MacAddress } from '../addr/mac.ts';
import type { Frame } from '../sim/frame-store.ts';
import { type Habitat, LogicalProcess } from '../sim/logical-process.ts';
import type { Random } from '../sim/random.ts';
import { SECOND, type VirtualTime } from '../sim/time.ts';
import type { DropReason } from '../trace/drop-reason.ts';
import { FrameAccount } from '../trace/frame-account.ts';
import { type DevicePattern, fitsAny, isObservation, WHOLE_LAB } from '../trace/observation.ts';
import type { DropRecord, PacketRecord } from '../trace/record.ts';
import * as Ethernet from '../wire/ethernet.ts';
import { changed, judge, OPEN_PORT, type PortChange, type PortRules } from './cloud.ts';
import { type Damage, inflict } from './damage.ts';
import type { SwitchSpec } from './spec.ts';

const AGEING_TIME = 300 * SECOND;

interface ForwardingEntry {
  jack: number;
  seen: VirtualTime;
}

/** What the outside asks of a switch, as journal commands. */
export type SwitchCommand =
  | { readonly do: 'counters' }
  | { readonly do: 'carrier'; readonly jack: number; readonly up: boolean }
  /** Somebody changes the rules at a port. */
  | { readonly do: 'port'; readonly jack: number; readonly change: PortChange }
  /** Nothing: the process looks at its clock. */
  | { readonly do: 'look' }
  | { readonly do: 'drops'; readonly on: boolean };

export class Switch extends LogicalProcess {
  readonly account = new FrameAccount();
  /** By jack; absent: nothing is checked. */
  readonly ports: (PortRules | undefined)[] = [];
  /** By jack: whose NIC is at the other end. */
  readonly #nics: string[] = [];
  /** By jack; absent: none is done. */
  readonly #damages: (Damage | undefined)[] = [];
  readonly #random: Random;
  readonly #addresses = new Map<MacAddress, ForwardingEntry>();
  /** What was learnt behind links that have gone down since, and nowhere else: jacks. */
  readonly #lost = new Map<MacAddress, number>();
  /** Report every frame that dies here, or only those of probes. */
  #reportsDrops = false;
  /** Captured ports: what dies here is shown at the port where it died. */
  readonly #captures: boolean | readonly DevicePattern[];

  constructor(id: number, name: string, habitat: Habitat, spec: SwitchSpec = { ports: [] }) {
    super(id, name, habitat);
    this.#random = this.random('damage');
    this.#captures = spec.observe?.capture ?? false;
    for (const [jack, { nic, rules, damage }] of spec.ports.entries()) {
      this.#nics[jack] = nic;
      this.ports[jack] = rules;
      this.#damages[jack] = damage;
    }
  }

  override boot(): void {}

  /** To look changes nothing, so it is not in the fingerprint. */
  override command(at: VirtualTime, command: unknown): unknown {
    if (!isObservation(command)) return super.command(at, command);
    this.now = at;
    return this.execute(command);
  }

  protected override execute(raw: unknown): unknown {
    const command = raw as SwitchCommand;
    switch (command.do) {
      case 'counters':
        return this.account.counters(this.frames.inUse);
      case 'carrier':
        this.outputs[command.jack]!.up = command.up;
        if (!command.up) this.forget(command.jack);
        return undefined;
      case 'port':
        this.ports[command.jack] = changed(this.ports[command.jack] ?? OPEN_PORT, command.change);
        return undefined;
      case 'look':
        return undefined;
      case 'drops':
        this.#reportsDrops = command.on;
        return undefined;
    }
  }

  protected override receive(frame: Frame, jack: number): void {
    const view = this.frames.view(frame);
    const at = this.frames.start[frame]!;
    if (Ethernet.check(view, at, this.frames.end[frame]!) !== Ethernet.Fault.None) {
      this.#drop(frame, 'MALFORMED', jack);
      return;
    }
    this.#harm(frame, jack);
    const rules = this.ports[jack];
    if (rules !== undefined) {
      const reason = judge(rules, 'fromNode', view, at, this.frames.end[frame]!);
      if (reason !== '') {
        this.#drop(frame, reason, jack);
        return;
      }
    }
    this.#learn(Ethernet.source(view, at), jack);
    const group = Ethernet.isToGroup(view, at);
    const known = group ? undefined : this.#addresses.get(Ethernet.destination(view, at));
    if (known === undefined || this.now - known.seen >= AGEING_TIME) {
      if (!group) this.#miss(frame);
      this.#flood(frame, jack);
    } else if (known.jack === jack) this.#drop(frame, 'NOT_FOR_ME', jack);
    else this.#send(frame, known.jack);
  }

  /**
   * A frame for somebody behind a link that is down. A switch knows nothing of it any more and floods; what says why the
   * frame does not arrive is the copy that would have to go down that link, and dies there.
   */
  #miss(frame: Frame): void {
    const { frames } = this;
    const jack = this.#lost.get(Ethernet.destination(frames.view(frame), frames.start[frame]!));
    if (jack === undefined || this.outputs[jack]!.up) return;
    this.account.originated++;
    this.#drop(frames.copy(frame), 'LINK_DOWN', jack, 'transmit');
  }

  #learn(source: MacAddress, jack: number): void {
    if (this.#lost.size > 0) this.#lost.delete(source);
    const known = this.#addresses.get(source);
    if (known === undefined) this.#addresses.set(source, { jack, seen: this.now });
    else {
      known.jack = jack;
      known.seen = this.now;
    }
  }

  /** To every jack that is up but the one it came from; the last one gets the frame itself. */
  #flood(frame: Frame, from: number): void {
    let last = -1;
    for (let jack = 0; jack < this.outputs.length; jack++) {
      if (jack === from || this.outputs[jack]?.up !== true) continue;
      if (last >= 0) {
        this.account.originated++;
        this.#send(this.frames.copy(frame), last);
      }
      last = jack;
    }
    if (last >= 0) this.#send(frame, last);
    else this.#drop(frame, 'NOT_FOR_ME', from);
  }

  #send(frame: Frame, jack: number): void {
    const rules = this.ports[jack];
    if (rules !== undefined) {
      const { frames } = this;
      const reason = judge(rules, 'toNode', frames.view(frame), frames.start[frame]!, frames.end[frame]!);
      if (reason !== '') {
        this.#drop(frame, reason, jack, 'transmit');
        return;
      }
    }
    this.#harm(frame, jack);
    const refusal = this.outputs[jack]!.transmit(frame);
    if (refusal !== undefined) this.#drop(frame, refusal, jack, 'transmit');
  }

  #harm(frame: Frame, jack: number): void {
    const damage = this.#damages[jack];
    if (damage !== undefined) inflict(damage, this.frames, frame, this.#random);
  }

  #drop(
    frame: Frame,
    reason: DropReason,
    jack: number,
    direction: PacketRecord['direction'] = 'receive',
  ): void {
    this.account.drop(reason);
    if (this.#captures !== false) this.#show(frame, reason, jack, direction);
    const tag = this.frames.tag[frame]!;
    if (tag !== 0 || this.#reportsDrops) {
      const place = { namespace: this.name, device: this.#nics[jack] ?? `port${jack}` };
      const record: DropRecord = { type: 'drop', tag, ...place, reason };
      this.habitat.report(this, record);
    }
    this.frames.free(frame);
  }

  #show(frame: Frame, dropped: DropReason, jack: number, direction: PacketRecord['direction']): void {
    const device = this.#nics[jack] ?? `port${jack}`;
    if (typeof this.#captures !== 'boolean' && !fitsAny(this.#captures, '', [device])) return;
    const record: PacketRecord = {
      type: 'packet',
      capture: WHOLE_LAB,
      namespace: '',
      device,
      index: jack,
      direction,
      link: 'ether',
      octets: this.frames.materialise(frame),
      length: this.frames.length(frame),
      dropped,
    };
    this.habitat.report(this, record);
  }

  /** What was learnt behind `jack` is void: its link went down. */
  forget(jack: number): void {
    for (const [mac, entry] of this.#addresses) {
      if (entry.jack !== jack) continue;
      this.#addresses.delete(mac);
      this.#lost.set(mac, jack);
    }
  }

  /** `bridge fdb`: which jack leads to which address, learnt ones that have aged left out. */
  addresses(): { readonly mac: MacAddress; readonly jack: number }[] {
    return [...this.#addresses]
      .filter(([, entry]) => this.now - entry.seen < AGEING_TIME)
      .map(([mac, { jack }]) => ({ mac, jack }));
  }
}
