/**
 * Adj-RIB-Out (RFC 4271 §3.2): what one peer has been told, and what it is to be told next. Destinations wait grouped by
 * their attributes (BIRD's buckets), so that one UPDATE carries many; a change of mind before the flush costs nothing.
 */
import type { PathAttributes } from '../wire/bgp/attributes.ts';
import { type Nlri, pack, type UpdateContext, type UpdateMessage } from '../wire/bgp/update.ts';
import { keyOf } from './route.ts';

interface Told {
  readonly nlri: Nlri;
  readonly attributes: PathAttributes;
}

const NOTHING: readonly Told[] = [];

export class AdjRibOut {
  /** By prefix: one path, or a few that differ in their path ids. */
  readonly #told = new Map<number, readonly Told[]>();
  /** Pending by prefix and path id; attributes `undefined` is a withdrawal. */
  readonly #pending = new Map<string, { nlri: Nlri; attributes: PathAttributes | undefined }>();
  #size = 0;

  /** Destinations the peer believes we reach. */
  get size(): number {
    return this.#size;
  }

  get isPending(): boolean {
    return this.#pending.size > 0;
  }

  /** What we told for this prefix, and have not taken back. */
  told(prefixKey: number): readonly Told[] {
    return this.#told.get(prefixKey) ?? NOTHING;
  }

  /** The peer shall hear this. The attributes are interned, and equal ones are not told twice. */
  advertise(nlri: Nlri, attributes: PathAttributes): void {
    const key = keyOf(nlri.prefix);
    const name = `${key}/${nlri.pathId}`;
    if (this.#find(key, nlri.pathId)?.attributes === attributes) this.#pending.delete(name);
    else this.#pending.set(name, { nlri, attributes });
  }

  withdraw(nlri: Nlri): void {
    const key = keyOf(nlri.prefix);
    const name = `${key}/${nlri.pathId}`;
    if (this.#find(key, nlri.pathId) !== undefined) this.#pending.set(name, { nlri, attributes: undefined });
    else this.#pending.delete(name);
  }

  /** Everything that was told, and is not about to change, is to be told again (ROUTE-REFRESH). */
  repeat(): void {
    for (const [key, paths] of this.#told)
      for (const { nlri, attributes } of paths) {
        const name = `${key}/${nlri.pathId}`;
        if (!this.#pending.has(name)) this.#pending.set(name, { nlri, attributes });
      }
  }

  /** The UPDATEs that bring the peer up to date: withdrawals, then a group for each attribute set. */
  flush(context: Pick<UpdateContext, 'as4' | 'addPath'>): UpdateMessage[] {
    const withdrawn: Nlri[] = [];
    const groups = new Map<PathAttributes, Nlri[]>();
    for (const { nlri, attributes } of this.#pending.values()) {
      this.#remember(nlri, attributes);
      if (attributes === undefined) withdrawn.push(nlri);
      else {
        const group = groups.get(attributes);
        if (group === undefined) groups.set(attributes, [nlri]);
        else group.push(nlri);
      }
    }
    this.#pending.clear();
    const updates = pack('withdrawn', withdrawn, {}, context);
    for (const [attributes, group] of groups) updates.push(...pack('reachable', group, attributes, context));
    return updates;
  }

  #find(key: number, pathId: number): Told | undefined {
    return this.told(key).find(one => one.nlri.pathId === pathId);
  }

  #remember(nlri: Nlri, attributes: PathAttributes | undefined): void {
    const key = keyOf(nlri.prefix);
    const before = this.told(key);
    const others = before.filter(one => one.nlri.pathId !== nlri.pathId);
    const after = attributes === undefined ? others : [...others, { nlri, attributes }];
    this.#size += after.length - before.length;
    if (after.length === 0) this.#told.delete(key);
    else this.#told.set(key, after);
  }
}
