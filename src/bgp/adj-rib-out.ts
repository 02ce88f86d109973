/**
 * Adj-RIB-Out (RFC 4271 §3.2): what one peer has been told, and what it is to be told next. Destinations wait grouped by
 * their attributes (BIRD's buckets), so that one UPDATE carries many; a change of mind before the flush costs nothing.
 */
import type { PathAttributes } from '../wire/bgp/attributes.ts';
import { make, type Nlri, pack, type UpdateContext, type UpdateMessage } from '../wire/bgp/update.ts';
import { byPrefix, keyOf } from './route.ts';

/** What is told of one destination: one object for all peers that are told it. */
export class Advertisement {
  /** `keyOf(nlri.prefix)`. */
  readonly key: number;
  readonly nlri: Nlri;
  /** Interned. */
  readonly attributes: PathAttributes;
  #alone: UpdateMessage | undefined;

  constructor(nlri: Nlri, attributes: PathAttributes) {
    this.key = keyOf(nlri.prefix);
    this.nlri = nlri;
    this.attributes = attributes;
  }

  /** The UPDATE that carries nothing else. */
  get alone(): UpdateMessage {
    this.#alone ??= make([], this.attributes, [this.nlri]);
    return this.#alone;
  }
}

const NOTHING: readonly Advertisement[] = [];

const listed = (told: Advertisement | readonly Advertisement[]): readonly Advertisement[] =>
  told instanceof Advertisement ? [told] : told;

/** Prefix and path id as one number, exact for a million prefixes; mostly a small integer of the engine. */
const destination = (key: number, pathId: number): number =>
  key < 1 << 18 && pathId < 1 << 12 ? key * (1 << 12) + pathId : -(key * 2 ** 32 + pathId);

export class AdjRibOut {
  /** By key of the prefix: one path, or a few that differ in their path ids. */
  readonly #told: (Advertisement | readonly Advertisement[] | undefined)[] = [];
  readonly #pending = new Map<number, Advertisement>();
  /** Those pending that are to be taken back. */
  readonly #withdrawn = new Set<number>();
  #size = 0;

  /** Destinations the peer believes we reach. */
  get size(): number {
    return this.#size;
  }

  get isPending(): boolean {
    return this.#pending.size > 0;
  }

  /** What we told for this prefix, and have not taken back. */
  told(prefixKey: number): readonly Advertisement[] {
    const told = this.#told[prefixKey];
    return told === undefined ? NOTHING : listed(told);
  }

  /** The peer shall hear this. Equal attributes are not told twice. */
  advertise(what: Advertisement): void {
    const { key, nlri } = what;
    const at = destination(key, nlri.pathId);
    if (this.#withdrawn.size > 0) this.#withdrawn.delete(at);
    if (this.#find(key, nlri.pathId)?.attributes === what.attributes) this.#pending.delete(at);
    else this.#pending.set(at, what);
  }

  /** The peer shall hear of this destination no more. */
  withdraw({ prefix, pathId }: Nlri): void {
    const key = keyOf(prefix);
    const at = destination(key, pathId);
    const told = this.#find(key, pathId);
    if (told !== undefined) {
      this.#pending.set(at, told);
      this.#withdrawn.add(at);
    } else this.#pending.delete(at);
  }

  /** Everything that was told, and is not about to change, is to be told again (ROUTE-REFRESH). */
  repeat(): void {
    const all = this.#told.flatMap(told => (told === undefined ? NOTHING : listed(told)));
    for (const what of all.sort((a, b) => byPrefix(a.nlri.prefix, b.nlri.prefix))) {
      const at = destination(what.key, what.nlri.pathId);
      if (!this.#pending.has(at)) this.#pending.set(at, what);
    }
  }

  /** The UPDATEs that bring the peer up to date: withdrawals, then a group for each attribute set. */
  flush(context: Pick<UpdateContext, 'as4' | 'addPath'>): UpdateMessage[] {
    if (this.#pending.size === 1 && this.#withdrawn.size === 0) return [this.#flushOne()];
    const withdrawn: Nlri[] = [];
    const groups = new Map<PathAttributes, Advertisement[]>();
    for (const [at, what] of this.#pending) {
      if (this.#withdrawn.has(at)) {
        this.#forget(what);
        withdrawn.push(what.nlri);
        continue;
      }
      this.#remember(what);
      const group = groups.get(what.attributes);
      if (group === undefined) groups.set(what.attributes, [what]);
      else group.push(what);
    }
    this.#pending.clear();
    if (this.#withdrawn.size > 0) this.#withdrawn.clear();
    const updates = withdrawn.length === 0 ? [] : pack('withdrawn', withdrawn, {}, context);
    for (const [attributes, group] of groups) {
      if (group.length === 1) updates.push(group[0]!.alone);
      else
        updates.push(
          ...pack(
            'reachable',
            group.map(({ nlri }) => nlri),
            attributes,
            context,
          ),
        );
    }
    return updates;
  }

  /** One advertisement is all that is pending, as nearly always at a reflector. */
  #flushOne(): UpdateMessage {
    const [what] = this.#pending.values();
    this.#remember(what!);
    this.#pending.clear();
    return what!.alone;
  }

  #find(key: number, pathId: number): Advertisement | undefined {
    const told = this.#told[key];
    if (told === undefined || told instanceof Advertisement)
      return told?.nlri.pathId === pathId ? told : undefined;
    return told.find(one => one.nlri.pathId === pathId);
  }

  /** The newest goes last. */
  #remember(what: Advertisement): void {
    if (this.#told[what.key] === undefined) {
      this.#told[what.key] = what;
      this.#size++;
      return;
    }
    const before = this.told(what.key);
    const others = before.filter(one => one.nlri.pathId !== what.nlri.pathId);
    this.#told[what.key] = others.length === 0 ? what : [...others, what];
    this.#size += others.length + 1 - before.length;
  }

  #forget({ key, nlri }: Advertisement): void {
    const before = this.told(key);
    const after = before.filter(one => one.nlri.pathId !== nlri.pathId);
    this.#told[key] = after.length > 1 ? after : after[0];
    this.#size += after.length - before.length;
  }
}
