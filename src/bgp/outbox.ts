/**
 * What is to be said to which peers at the end of the instant. A change of the table is noted once and worked out once
 * for each update group; a peer that has news of its own to hear (it comes up, its filter changed, it asked) is scheduled.
 *
 *     changed(net) ──> changes ─────────> groups advance ──┐
 *     scheduled ─────> pending peers ──> join, take over, repeat, or hear the group's news
 */
import { KeySet } from './key-set.ts';
import type { LocRib } from './loc-rib.ts';
import type { Audience, Peering } from './peering.ts';
import type { Route, RouteSource } from './route.ts';
import { UpdateGroup } from './update-group.ts';

export class Outbox {
  /** Everybody, established or not, in the order of the configuration. */
  readonly #peerings: ReadonlyMap<string, Peering>;
  readonly #globalId: (source: RouteSource) => number;
  readonly #groups = new Map<Audience, UpdateGroup>();
  /** Established peers whom internal routes concern too. */
  readonly #wide = new Set<Peering>();
  /** Established peers with something to be told; they are marked. */
  #pending: Peering[] = [];
  /** Nets that changed in this instant and may concern every peer, by their keys. */
  readonly #changed = new KeySet();
  /** The same with those whose change concerns the wide ones alone; without such peers nobody keeps count. */
  readonly #changedForWide = new KeySet();

  /** `globalId`: see `Sources`. */
  constructor(peerings: ReadonlyMap<string, Peering>, globalId: (source: RouteSource) => number) {
    this.#peerings = peerings;
    this.#globalId = globalId;
  }

  /** `peering`, whose session is up, has something of its own to be told. */
  schedule(peering: Peering): void {
    if (peering.isPending) return;
    peering.isPending = true;
    this.#pending.push(peering);
  }

  /** A session is up. */
  open(peering: Peering): void {
    if (peering.isWide) this.#wide.add(peering);
    this.schedule(peering);
  }

  /** Nothing more is to be told: the session is gone. */
  close(peering: Peering): void {
    this.#wide.delete(peering);
    if (peering.isPending) this.#pending.splice(this.#pending.indexOf(peering), 1);
    peering.isPending = false;
    peering.group?.leave(peering.protocol);
    peering.group = undefined;
    this.#sweep();
  }

  /** The net of that key changed; `narrow`: wide peers alone can care. */
  changed(key: number, narrow: boolean): void {
    if (!narrow) {
      if (this.#changed.size === 0)
        for (const peering of this.#peerings.values())
          if (peering.session.established) this.schedule(peering);
      this.#changed.add(key);
    }
    if (this.#wide.size === 0) return;
    if (this.#changedForWide.size === 0) for (const peering of this.#wide) this.schedule(peering);
    this.#changedForWide.add(key);
  }

  /**
   * End of the instant: everybody hears what concerns him. `mayOriginate` judges routes that are not BGP's;
   * `narrowChanges` is how many there were so far (see `Peering.count`).
   */
  settle(table: LocRib, mayOriginate: (route: Route) => boolean, narrowChanges: number): void {
    if (this.#pending.length > 0) {
      const pending = this.#pending;
      this.#pending = [];
      for (const peering of pending) peering.isPending = false;
      const ready = pending.filter(peering => !peering.deferred);
      const advanced = new Map<Audience, UpdateGroup>();
      for (const peering of ready)
        if (!advanced.has(peering.audience))
          advanced.set(peering.audience, this.#advance(peering, table, mayOriginate));
      for (const peering of ready) peering.tell(advanced.get(peering.audience)!, table, narrowChanges);
      for (const group of advanced.values()) group.settled();
      this.#sweep();
    }
    this.#changed.clear();
    this.#changedForWide.clear();
  }

  /** The group of `peering`, in line with the table. Once an instant. */
  #advance(peering: Peering, table: LocRib, mayOriginate: (route: Route) => boolean): UpdateGroup {
    const { audience } = peering;
    const judge = (route: Route) => (mayOriginate(route) ? peering.judge(route) : 'refused');
    let group = this.#groups.get(audience);
    if (group === undefined) {
      group = new UpdateGroup(peering.session.current!.sending, this.#globalId);
      this.#groups.set(audience, group);
      group.advance(
        table.list().map(net => net.key),
        table,
        judge,
      );
      group.settled();
    } else group.advance(peering.isWide ? this.#changedForWide : this.#changed, table, judge);
    return group;
  }

  #sweep(): void {
    for (const [audience, group] of this.#groups) if (group.isEmpty) this.#groups.delete(audience);
  }
}
