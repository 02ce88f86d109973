/**
 * `tunlab attach`: one peer of one machine of a running lab is real. The lab boots as fast as it can; from then on its
 * time is that of the wall, and the machine's BGP with that peer goes over sockets on loopback.
 */
import type { Ipv4Address } from '../addr/ipv4.ts';
import type { Controller, Observed } from '../controller/controller.ts';
import type { MachineCommand, MachineStatus, SessionView } from '../node/command.ts';
import { MILLISECOND, SECOND, type VirtualTime } from '../sim/time.ts';
import type { SocketAddress } from './loopback.ts';
import { RealTime } from './real-time.ts';
import { SocketBridge } from './socket-bridge.ts';

/** Virtual time that a lab may take to boot, and how often to look. */
const BOOT_LIMIT: VirtualTime = 30 * SECOND;
const BOOT_LOOK: VirtualTime = 100 * MILLISECOND;

export interface AttachOptions {
  readonly machine: string;
  /** The peer's address as the machine's configuration has it. */
  readonly peer: Ipv4Address;
  readonly listen?: SocketAddress | undefined;
  readonly connect?: SocketAddress | undefined;
  /** The loopback address we connect from. */
  readonly source?: string | undefined;
}

export class Attachment {
  readonly time: RealTime;
  /** Where the peer can connect to; undefined when we only dial. */
  listening: SocketAddress | undefined;
  readonly #controller: Controller;
  readonly #options: AttachOptions;
  readonly #bridge: SocketBridge;
  readonly #heard: (observed: Observed) => void;

  /** To be called on a fresh lab: from its first instant the peer is one that has not yet answered. */
  static async begin(controller: Controller, options: AttachOptions): Promise<Attachment> {
    if (controller.now !== 0) throw new Error('attach: the lab has begun already');
    const attachment = new Attachment(controller, options);
    const { machine, peer } = options;
    await controller.ask(machine, { do: 'attach', peer } satisfies MachineCommand);
    return attachment;
  }

  private constructor(controller: Controller, options: AttachOptions) {
    this.#controller = controller;
    this.#options = options;
    this.time = new RealTime(controller);
    const { machine, peer, listen, connect, source } = options;
    this.#bridge = new SocketBridge({
      peer,
      listen,
      connect,
      source,
      happened: (stream, event) =>
        this.time.post(async () => {
          await controller.ask(machine, { do: 'stream', stream, event } satisfies MachineCommand);
        }),
    });
    this.#heard = ({ machine: who, record }) => {
      if (record.type === 'stream' && who === machine && record.peer === peer) this.#bridge.heard(record);
    };
    controller.on('record', this.#heard);
  }

  /**
   * Boot the lab as fast as it goes: until the machine has configured the peer, and every other session of its own is
   * Established. Returns the machine's session with the peer; undefined when it has none.
   */
  async boot(signal: AbortSignal): Promise<SessionView | undefined> {
    const { machine, peer } = this.#options;
    for (;;) {
      const { sessions } = await this.#controller.ask<MachineStatus>(machine, { do: 'status' });
      const session = sessions.find(s => s.peer === peer);
      const others = sessions.filter(s => s.peer !== peer);
      const ready = session !== undefined && others.every(s => s.state === 'Established');
      if (ready || signal.aborted || this.#controller.now >= BOOT_LIMIT) return session;
      await this.#controller.run(this.#controller.now + BOOT_LOOK);
    }
  }

  /** Open the sockets. Rejects (EADDRINUSE …) when that cannot be done. */
  async open(): Promise<void> {
    this.listening = await this.#bridge.open();
  }

  /** Real time, until `signal`. */
  run(signal: AbortSignal): Promise<void> {
    return this.time.run(signal);
  }

  /** Ends the sockets; the lab is its owner's to close. */
  async close(): Promise<void> {
    this.#controller.off('record', this.#heard);
    await this.#bridge.close();
  }
}
