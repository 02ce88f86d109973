/**
 * What is to be said to which peers at the end of the instant. A change of the table concerns all peers or none of them
 * more than the others, so it is noted once, not with each of a thousand clients; what a peer alone is owed (a feed,
 * what came while it was deferred) is in its own `dirty`.
 *
 *     changed(prefix) ──> changes          scheduled ──> pending peers
 *                             \_____ settle: of each pending peer its dirty prefixes, then the changes _____/
 */
import type { Peering } from './peering.ts';

export class Outbox {
  /** Everybody, established or not, in the order of the configuration. */
  readonly #peerings: ReadonlyMap<string, Peering>;
  /** Established peers whom internal routes concern too. */
  readonly #wide = new Set<Peering>();
  /** Established peers with something to be told. */
  readonly #pending = new Set<Peering>();
  /** Prefixes that changed in this instant and may concern every peer, by their keys. */
  readonly #changed = new Set<number>();
  /** The same with those whose change concerns the wide ones alone. */
  readonly #changedForWide = new Set<number>();

  constructor(peerings: ReadonlyMap<string, Peering>) {
    this.#peerings = peerings;
  }

  /** `peering`, whose session is up, has something of its own to be told. */
  schedule(peering: Peering): void {
    this.#pending.add(peering);
  }

  /** A session is up; whatever changed before in this instant is not news to its peer, which begins with all there is. */
  open(peering: Peering): void {
    this.#handOut();
    if (peering.isWide) this.#wide.add(peering);
    this.schedule(peering);
  }

  /** Nothing more is to be told: the session is gone. */
  close(peering: Peering): void {
    this.#wide.delete(peering);
    this.#pending.delete(peering);
  }

  /** The net of that key changed; `narrow`: wide peers alone can care. */
  changed(key: number, narrow: boolean): void {
    if (!narrow) {
      if (this.#changed.size === 0)
        for (const peering of this.#peerings.values())
          if (peering.session.established) this.#pending.add(peering);
      this.#changed.add(key);
    }
    if (this.#changedForWide.size === 0) for (const peering of this.#wide) this.#pending.add(peering);
    this.#changedForWide.add(key);
  }

  /** End of the instant: `tell` each pending peer of each net that concerns it, and send. */
  settle(tell: (peering: Peering, key: number) => void): void {
    if (this.#pending.size > 0) {
      const all = [...this.#changed];
      const wide = [...this.#changedForWide];
      for (const peering of this.#pending) settlePeer(peering, peering.isWide ? wide : all, tell);
      this.#pending.clear();
    }
    this.#changed.clear();
    this.#changedForWide.clear();
  }

  /** Give each peer the changes that concern it, to be told with what it is owed already. */
  #handOut(): void {
    for (const peering of this.#pending)
      for (const key of peering.isWide ? this.#changedForWide : this.#changed) peering.dirty.add(key);
    this.#changed.clear();
    this.#changedForWide.clear();
  }
}

function settlePeer(
  peering: Peering,
  changes: readonly number[],
  tell: (peering: Peering, key: number) => void,
): void {
  const { dirty } = peering;
  if (peering.deferred) {
    for (const key of changes) dirty.add(key);
    return;
  }
  for (const key of dirty) tell(peering, key);
  for (const key of changes) if (!dirty.has(key)) tell(peering, key);
  dirty.clear();
  peering.flush();
}
