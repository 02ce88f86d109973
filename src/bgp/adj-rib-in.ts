/**
 * Adj-RIB-In (RFC 4271 §3.2): what one peer has told us, before the import filter. An UPDATE for a prefix and path id
 * replaces the former one (implicit withdraw). While a peer restarts or refreshes, what it has not said again is stale.
 *
 * Paths are shared by the daemons of a thread; when a path changed the table is each daemon's own.
 */
import type { Prefix } from '../addr/prefix.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { PathAttributes } from '../wire/bgp/attributes.ts';
import type { Nlri, UpdateMessage } from '../wire/bgp/update.ts';
import { intern } from './attribute-table.ts';
import type { ImportedPath } from './bgp-route.ts';
import { Numbering, UNKNOWN } from './numbering.ts';
import { byPrefix, keyOf, prefixOf, put } from './route.ts';

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

/** Numbers of a page: a peer of a mesh tells us of a few prefixes, a reflector of all. */
const PAGE_BITS = 6;
const PAGE = 1 << PAGE_BITS;

interface Page {
  readonly paths: (ReceivedPath | undefined)[];
  /** When each path last changed the table. */
  readonly since: VirtualTime[];
}

/** A path beside the first one of its prefix. */
interface Other {
  path: ReceivedPath;
  since: VirtualTime;
}

/** Of a page's paths: a fraction, for then the engine keeps the array as one of float64. */
const NEVER = 0.5;

export class AdjRibIn {
  readonly #numbers: Numbering;
  /** By number of the prefix: one path of each. */
  readonly #pages: (Page | undefined)[] = [];
  /** By key: paths to prefixes that have several, but for that one. */
  readonly #others = new Map<number, Other[]>();
  /** Not said again since the last `markStale`. */
  readonly #stale = new Set<ReceivedPath>();
  #size = 0;

  constructor(numbers = new Numbering()) {
    this.#numbers = numbers;
  }

  get size(): number {
    return this.#size;
  }

  /** Returns what was there. */
  replace(path: ReceivedPath): ReceivedPath | undefined {
    const { key, pathId } = path;
    const number = this.#numbers.of(key);
    const page = this.#pages[number >> PAGE_BITS] ?? this.#open(number >> PAGE_BITS);
    const at = number & (PAGE - 1);
    const first = page.paths[at];
    if (first === undefined || first.pathId === pathId) {
      page.paths[at] = path;
      return this.#replaced(first);
    }
    const other = this.#other(key, pathId);
    const was = other?.path;
    if (other !== undefined) other.path = path;
    else this.#others.set(key, [...(this.#others.get(key) ?? []), { path, since: NEVER }]);
    return this.#replaced(was);
  }

  /** Returns what was there. */
  remove({ prefix, pathId }: Nlri): ReceivedPath | undefined {
    const key = keyOf(prefix);
    const number = this.#numbers.known(key);
    if (number === UNKNOWN) return undefined;
    const page = this.#pages[number >> PAGE_BITS];
    const at = number & (PAGE - 1);
    const first = page?.paths[at];
    if (page === undefined || first === undefined) return undefined;
    const others = this.#others.get(key) ?? [];
    const gone = first.pathId === pathId ? first : this.#other(key, pathId)?.path;
    if (gone === undefined) return undefined;
    const left = others.filter(({ path }) => path !== gone);
    if (gone === first) {
      const next = left.shift();
      page.paths[at] = next?.path;
      page.since[at] = next?.since ?? NEVER;
    }
    if (left.length > 0) this.#others.set(key, left);
    else this.#others.delete(key);
    this.#size--;
    this.#stale.delete(gone);
    return gone;
  }

  /** `path`, which is here, has changed the table. */
  touch({ key, pathId }: ReceivedPath | ImportedPath, now: VirtualTime): void {
    const number = this.#numbers.known(key);
    const page = this.#pages[number >> PAGE_BITS]!;
    const at = number & (PAGE - 1);
    if (page.paths[at]!.pathId === pathId) page.since[at] = now;
    else this.#other(key, pathId)!.since = now;
  }

  /** When the path last changed the table. */
  since({ key, pathId }: ReceivedPath | ImportedPath): VirtualTime {
    const number = this.#numbers.known(key);
    const page = this.#pages[number >> PAGE_BITS]!;
    const at = number & (PAGE - 1);
    return page.paths[at]!.pathId === pathId ? page.since[at]! : this.#other(key, pathId)!.since;
  }

  markStale(): void {
    for (const path of this.paths()) this.#stale.add(path);
  }

  /** Every path by path id and prefix, as a list of its own: callers remove while they walk. */
  paths(): ReceivedPath[] {
    const first = this.#pages.flatMap(page => page?.paths.filter(path => path !== undefined) ?? []);
    const others = [...this.#others.values()].flat().map(({ path }) => path);
    return [...first, ...others].sort((a, b) => a.pathId - b.pathId || byPrefix(a.prefix, b.prefix));
  }

  stalePaths(): ReceivedPath[] {
    return this.paths().filter(path => this.#stale.has(path));
  }

  #open(at: number): Page {
    const page: Page = {
      paths: new Array<ReceivedPath | undefined>(PAGE).fill(undefined),
      since: new Array<VirtualTime>(PAGE).fill(NEVER),
    };
    put(this.#pages, at, page);
    return page;
  }

  #other(key: number, pathId: number): Other | undefined {
    return this.#others.get(key)?.find(({ path }) => path.pathId === pathId);
  }

  #replaced(was: ReceivedPath | undefined): ReceivedPath | undefined {
    if (was === undefined) this.#size++;
    else if (this.#stale.size > 0) this.#stale.delete(was);
    return was;
  }
}
