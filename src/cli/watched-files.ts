/** Files below some paths, watched: what changed comes in batches, when nothing more has changed for a moment. */
import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isFolder } from '../scenario/files.ts';

/** Editors write a file in several steps. */
const QUIET_MS = 100;

/** Files that a run reads: scenarios, resources, snapshots. Reports that it writes are none of them. */
const READ = /\.ya?ml$|\.snapshots[\\/][^\\/]+\.txt$/;

export class WatchedFiles {
  readonly #paths: readonly string[];
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #changed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #waiting: ((changed: readonly string[]) => void) | undefined;

  constructor(paths: readonly string[]) {
    this.#paths = paths;
    this.#rescan();
  }

  /** The next batch of changed files; none when `signal` ends the wait. */
  next(signal: AbortSignal): Promise<readonly string[]> {
    return new Promise(resolve => {
      const end = (changed: readonly string[]): void => {
        signal.removeEventListener('abort', aborted);
        this.#waiting = undefined;
        resolve(changed);
      };
      const aborted = (): void => end([]);
      signal.addEventListener('abort', aborted, { once: true });
      this.#waiting = end;
      if (signal.aborted) end([]);
      else if (this.#changed.size > 0 && this.#timer === undefined) this.#deliver();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #heard(path: string): void {
    if (!READ.test(path)) {
      // It may be a new folder.
      this.#rescan();
      return;
    }
    this.#changed.add(path);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#deliver();
    }, QUIET_MS);
  }

  /** What nobody waits for yet is kept. */
  #deliver(): void {
    if (this.#waiting === undefined) return;
    const changed = [...this.#changed].sort();
    this.#changed.clear();
    this.#waiting(changed);
  }

  #rescan(): void {
    const folders = new Set(this.#paths.flatMap(path => (isFolder(path) ? below(path) : [dirname(path)])));
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) {
      if (this.#watchers.has(folder) || !isFolder(folder)) continue;
      const watcher = watch(folder, (_, name) => {
        if (name !== null) this.#heard(join(folder, name));
      });
      // A folder that goes away ends its watcher with an error; the next scan leaves it out.
      watcher.on('error', () => this.#rescan());
      this.#watchers.set(folder, watcher);
    }
  }
}

/** The folder and those in it, without what is hidden or installed. */
function below(folder: string): string[] {
  const inside = readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
    .flatMap(entry => below(join(folder, entry.name)));
  return [folder, ...inside];
}

/** What of `scenarios` has to be run again: the scenario itself, or one whose folder the file lies in. */
export function affected(scenarios: readonly string[], changed: readonly string[]): string[] {
  return scenarios.filter(scenario =>
    changed.some(file => {
      if (file === scenario) return true;
      if (scenarios.includes(file)) return false;
      const folder = dirname(scenario);
      const own = /^(.*)\.snapshots$/.exec(basename(dirname(file)))?.[1];
      if (own !== undefined) return basename(scenario).replace(/\.ya?ml$/, '') === own;
      return folder === '.' || file.startsWith(join(folder, '/'));
    }),
  );
}
