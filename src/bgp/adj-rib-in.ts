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
  /** By prefix: one path, or a few that differ in their path ids. */
  readonly #paths = new Map<number, ReceivedPath[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  replace({ prefix, pathId }: Nlri, attributes: PathAttributes): ReceivedPath | undefined {
    const path: ReceivedPath = { prefix, pathId, attributes, stale: false };
    const key = keyOf(prefix);
    const paths = this.#paths.get(key);
    const at = paths?.findIndex(other => other.pathId === pathId) ?? -1;
    if (paths !== undefined && at >= 0) return paths.splice(at, 1, path)[0];
    this.#paths.set(key, paths === undefined ? [path] : [...paths, path]);
    this.#size++;
    return undefined;
  }

  /** Returns what was there. */
  remove({ prefix, pathId }: Nlri): ReceivedPath | undefined {
    const key = keyOf(prefix);
    const paths = this.#paths.get(key) ?? [];
    const at = paths.findIndex(other => other.pathId === pathId);
    if (at < 0) return undefined;
    this.#size--;
    if (paths.length === 1) this.#paths.delete(key);
    return paths.splice(at, 1)[0];
  }

  markStale(): void {
    for (const path of this.paths()) path.stale = true;
  }

  /** Every path by path id, as a list of its own: callers remove while they walk. */
  paths(): ReceivedPath[] {
    return [...this.#paths.values()].flat().sort((a, b) => a.pathId - b.pathId);
  }

  stalePaths(): ReceivedPath[] {
    return this.paths().filter(path => path.stale);
  }
}
