/**
 * The API server as a logical process of its own. IPAM claims, tunnel addresses and pod status are writes by nodes that
 * race; they travel as frames over the management network and are carried out in order of arrival.
 *
 *   main thread ── journal command ──> Store <── request / response ── nodes
 *                                        └── watch events, each node after a delay of its own ──> nodes
 *
 * The delay is what makes a change of mode as ragged as it is in reality.
 */
import { DatastoreError, type Op, type OpResult, type Steps } from '../calico/datastore.ts';
import { deletePool } from '../calico/ipam/release.ts';
import { type Resource, STORED_KINDS, type StoredKind } from '../calico/resources/kinds.ts';
import { DecodeError } from '../calico/resources/shape.ts';
import type { Frame } from '../sim/frame-store.ts';
import { type Habitat, LogicalProcess } from '../sim/logical-process.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { ApiCommand, ApiReply, ApiStatus } from './command.ts';
import { Controllers } from './controllers.ts';
import { OWNED, OwnedObjects, ownerOf } from './owned-objects.ts';
import { encode, frameOf, requestOf, type ToNode } from './protocol.ts';
import type { ApiServerSpec } from './spec.ts';
import { Store } from './store.ts';
import { PatchError } from './store-patch.ts';
import { Watcher } from './watcher.ts';

/** What is for all nodes, encoded: the objects at some time, and what was written since. */
interface Listing {
  readonly objects: Uint8Array;
  readonly since: Uint8Array[];
}

/** A listing that is older than this many writes is made anew. */
const LISTING_AGE = 64;

export class ApiServer extends LogicalProcess {
  readonly #store: Store;
  readonly #spec: ApiServerSpec;
  /** By jack. */
  readonly #watchers = new Map<number, Watcher>();
  /** By the name of the node. */
  readonly #jacks = new Map<string, number>();
  readonly #owned = new OwnedObjects();
  readonly #controllers: Controllers;
  #lastChange: VirtualTime = 0;
  /** What every watch begins with: at boot thousands of nodes ask for it. */
  #listing: Listing | undefined;
  /** Pools that are about to be deleted. */
  #draining = 0;

  constructor(id: number, name: string, habitat: Habitat, spec: ApiServerSpec) {
    super(id, name, habitat);
    this.#spec = spec;
    this.#store = new Store(() => spec.startMs + Math.floor(this.now / 1e6), String(habitat.seed));
    this.#store.watch(event => {
      this.#lastChange = this.now;
      const { object } = event;
      const kind = object.kind as StoredKind;
      if (UNHEARD.includes(kind)) return;
      const octets = encode({ kind: 'event', event });
      if (OWNED.includes(kind)) {
        this.#owned.apply(event);
        this.#watcherOf(ownerOf(object))?.enqueue(octets);
        return;
      }
      this.#listing?.since.push(octets);
      for (const watcher of this.#watchers.values()) watcher.enqueue(octets);
    });
    for (const [jack, node] of spec.nodes.entries()) this.#jacks.set(node, jack);
    this.#controllers = new Controllers(this.#store, this, spec);
  }

  boot(): void {
    for (const resource of this.#spec.resources) this.#store.apply(resource as Resource);
    this.#controllers.start();
  }

  protected receive(frame: Frame, jack: number): void {
    const message = requestOf(this.frames, frame);
    if (message.kind === 'watch') this.#subscribe(jack);
    else if (message.kind === 'alive') this.#controllers.alive(this.#spec.nodes[jack]!);
    else this.#send(jack, { kind: 'response', id: message.id, result: this.#store.execute(message.op) });
  }

  protected execute(command: unknown): ApiReply | ApiStatus {
    if ((command as ApiCommand).do === 'status') return this.#status();
    try {
      return this.#carryOut(command as ApiCommand);
    } catch (error) {
      if (error instanceof PatchError || error instanceof DecodeError) {
        return { ok: false, code: 'INVALID', message: error.message };
      }
      if (!(error instanceof DatastoreError)) throw error;
      const { code, message, problems } = error;
      return { ok: false, code, message, problems };
    }
  }

  #carryOut(command: ApiCommand): ApiReply {
    const store = this.#store;
    switch (command.do) {
      case 'create':
        return { ok: true, object: store.create(command.object) };
      case 'replace':
        return { ok: true, object: store.update(command.object) };
      case 'apply':
        return { ok: true, ...store.apply(command.object) };
      case 'patch': {
        const { kind, name, namespace, type } = command;
        return {
          ok: true,
          object: store.patch(kind as StoredKind, name, command.patch, type, namespace) as Resource,
        };
      }
      case 'delete':
        if (command.kind === 'IPPool') return this.#deletePool(command.name);
        return {
          ok: true,
          object: store.delete(command.kind as StoredKind, command.name, command.namespace),
        };
      case 'get':
        return { ok: true, object: store.get(command.kind, command.name, command.namespace) as Resource };
      case 'list':
        return { ok: true, items: store.list(command.kind, command.namespace) as Resource[] };
      case 'op':
        return store.execute(command.op as Op);
      case 'status':
        throw new Error('the status is not a matter of the store');
    }
  }

  /** Everybody's client (calicoctl, the Calico API server) drains a pool before it deletes it: half a second. */
  #deletePool(name: string): ApiReply {
    const object = this.#store.get('IPPool', name);
    this.#drive(deletePool(name));
    return { ok: true, object };
  }

  /** A client's work, carried out here; somebody else's write in between may end it. */
  #drive(steps: Steps<void>, answer: OpResult = { ok: true }): void {
    try {
      let step = steps.next(answer);
      while (!step.done && step.value.verb !== 'wait') step = steps.next(this.#store.execute(step.value));
      if (step.done || step.value.verb !== 'wait') return;
      this.#draining++;
      this.timer(() => {
        this.#draining--;
        this.#drive(steps);
      }).arm(this.now + step.value.delayNs);
    } catch (error) {
      if (!(error instanceof DatastoreError)) throw error;
    }
  }

  #status(): ApiStatus {
    const behind = [...this.#watchers.values()].filter(watcher => watcher.behind);
    return {
      lastChange: this.#lastChange,
      missing: [
        ...behind.map(watcher => `${watcher.node} has not heard of the latest change`),
        ...(this.#draining > 0 ? ['a pool is being drained'] : []),
      ],
    };
  }

  #subscribe(jack: number): void {
    const node = this.#spec.nodes[jack]!;
    const watcher = new Watcher(this, node, this.#spec.watchDelay, octets => this.#transmit(jack, octets));
    this.#watchers.get(jack)?.stop();
    this.#watchers.set(jack, watcher);
    const { objects, since } = this.#list();
    this.#transmit(jack, objects);
    for (const octets of since) this.#transmit(jack, octets);
    const own = this.#owned.of(node);
    if (own.length > 0) this.#send(jack, { kind: 'listed', objects: own, first: false });
    this.#transmit(jack, SYNCED);
  }

  #watcherOf(node: string | undefined): Watcher | undefined {
    const jack = node === undefined ? undefined : this.#jacks.get(node);
    return jack === undefined ? undefined : this.#watchers.get(jack);
  }

  #list(): Listing {
    if (this.#listing === undefined || this.#listing.since.length > LISTING_AGE) {
      const objects = this.#store.everything(COMMON);
      this.#listing = { objects: encode({ kind: 'listed', objects, first: true }), since: [] };
    }
    return this.#listing;
  }

  #send(jack: number, message: ToNode): void {
    this.#transmit(jack, encode(message));
  }

  #transmit(jack: number, octets: Uint8Array): void {
    const frame = frameOf(this.frames, octets);
    const refused = this.outputs[jack]!.transmit(frame);
    if (refused !== undefined) throw new Error(`management network of ${this.#spec.nodes[jack]}: ${refused}`);
  }
}

/** Read by IPAM alone, which asks for it. */
const UNHEARD: readonly StoredKind[] = ['IPAMHandle'];
const COMMON = STORED_KINDS.filter(kind => !OWNED.includes(kind) && !UNHEARD.includes(kind));

const SYNCED = encode({ kind: 'synced' });
