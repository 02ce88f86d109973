/**
 * Adj-RIB-In (RFC 4271 §3.2): what one peer has told us, before the import filter. An UPDATE for a prefix and path id
 * replaces the former one (implicit withdraw). While a peer restarts or refreshes, what it has not said again is stale.
 */
import type { Prefix } from '../addr/prefix.ts';
import type { PathAttributes } from '../wire/bgp/attributes.ts';
import type { Nlri, UpdateMessage } from '../wire/bgp/update.ts';
import { intern } from './attribute-table.ts';
import type { ImportedPath } from './bgp-route.ts';
import { byPrefix, keyOf, prefixOf } from './route.ts';

export interface ReceivedPath extends Nlri {
  readonly prefix: Prefix;
  /** `keyOf(prefix)`. */
  readonly key: number;
  readonly pathId: number;
  /** Interned. */
  readonly attributes: PathAttributes;
  /** Behind import checks that change nothing: the same at all who received it. Made when it is first asked for. */
  unchanged: ImportedPath | undefined;
}

export function receivedPath({ prefix, pathId }: Nlri, attributes: PathAttributes): ReceivedPath {
  const key = keyOf(prefix);
  return { prefix: prefixOf(key), key, pathId, attributes, unchanged: undefined };
}

/** By UPDATE: a reflector says the same to a thousand clients. */
const paths = new WeakMap<UpdateMessage, readonly ReceivedPath[]>();

/** The paths that an UPDATE announces. They are shared. */
export function announced(update: UpdateMessage): readonly ReceivedPath[] {
  let known = paths.get(update);
  if (known === undefined) {
    const attributes = intern(update.attributes);
    known = update.reachable.map(nlri => receivedPath(nlri, attributes));
    paths.set(update, known);
  }
  return known;
}

export class AdjRibIn {
  /** By key of the prefix: one path, or a few that differ in their path ids. */
  readonly #paths: (ReceivedPath | readonly ReceivedPath[] | undefined)[] = [];
  /** Not said again since the last `markStale`. */
  readonly #stale = new Set<ReceivedPath>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Returns what was there. */
  replace(path: ReceivedPath): ReceivedPath | undefined {
    const { key, pathId } = path;
    const present = this.#paths[key];
    if (present === undefined) {
      this.#paths[key] = path;
      this.#size++;
      return undefined;
    }
    const several = listed(present);
    const at = several.findIndex(other => other.pathId === pathId);
    if (at < 0) {
      this.#paths[key] = [...several, path];
      this.#size++;
      return undefined;
    }
    const was = several[at]!;
    this.#stale.delete(was);
    this.#paths[key] = several.length === 1 ? path : several.with(at, path);
    return was;
  }

  /** Returns what was there. */
  remove({ prefix, pathId }: Nlri): ReceivedPath | undefined {
    const key = keyOf(prefix);
    const present = this.#paths[key];
    if (present === undefined) return undefined;
    const several = listed(present);
    const at = several.findIndex(other => other.pathId === pathId);
    if (at < 0) return undefined;
    this.#size--;
    const was = several[at]!;
    this.#stale.delete(was);
    this.#paths[key] = several.length === 1 ? undefined : several.toSpliced(at, 1);
    return was;
  }

  markStale(): void {
    for (const path of this.paths()) this.#stale.add(path);
  }

  /** Every path by path id and prefix, as a list of its own: callers remove while they walk. */
  paths(): ReceivedPath[] {
    return this.#paths
      .flatMap(paths => (paths === undefined ? [] : listed(paths)))
      .sort((a, b) => a.pathId - b.pathId || byPrefix(a.prefix, b.prefix));
  }

  stalePaths(): ReceivedPath[] {
    return this.paths().filter(path => this.#stale.has(path));
  }
}

const listed = (paths: ReceivedPath | readonly ReceivedPath[]): readonly ReceivedPath[] =>
  'key' in paths ? [paths] : paths;
