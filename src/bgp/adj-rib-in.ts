/**
 * Adj-RIB-In (RFC 4271 §3.2): what one peer has told us, before the import filter. An UPDATE for a prefix and path id
 * replaces the former one (implicit withdraw). While a peer restarts or refreshes, what it has not said again is stale.
 */
import type { Prefix } from '../addr/prefix.ts';
import type { PathAttributes } from '../wire/bgp/attributes.ts';
import type { Nlri } from '../wire/bgp/update.ts';
import { keyOf } from './route.ts';

export interface ReceivedPath extends Nlri {
  readonly prefix: Prefix;
  readonly pathId: number;
  /** Interned. */
  readonly attributes: PathAttributes;
  /** Not said again since the last `markStale`. */
  stale: boolean;
}

export class AdjRibIn {
  /** By path id, then by prefix: sessions have one path id or a few. */
  readonly #paths = new Map<number, Map<number, ReceivedPath>>();

  get size(): number {
    let size = 0;
    for (const paths of this.#paths.values()) size += paths.size;
    return size;
  }

  replace(nlri: Nlri, attributes: PathAttributes): ReceivedPath | undefined {
    let paths = this.#paths.get(nlri.pathId);
    if (paths === undefined) {
      paths = new Map();
      this.#paths.set(nlri.pathId, paths);
    }
    const key = keyOf(nlri.prefix);
    const was = paths.get(key);
    paths.set(key, { prefix: nlri.prefix, pathId: nlri.pathId, attributes, stale: false });
    return was;
  }

  /** Returns what was there. */
  remove(nlri: Nlri): ReceivedPath | undefined {
    const paths = this.#paths.get(nlri.pathId);
    const key = keyOf(nlri.prefix);
    const was = paths?.get(key);
    if (paths === undefined || was === undefined) return undefined;
    paths.delete(key);
    if (paths.size === 0) this.#paths.delete(nlri.pathId);
    return was;
  }

  markStale(): void {
    for (const path of this.paths()) path.stale = true;
  }

  /** Every path, as a list of its own: callers remove while they walk. */
  paths(): ReceivedPath[] {
    return [...this.#paths.values()].flatMap(paths => [...paths.values()]);
  }

  stalePaths(): ReceivedPath[] {
    return this.paths().filter(path => path.stale);
  }
}
