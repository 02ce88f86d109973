/** Our own version, out of the package.json above wherever this was built to. */
import { readFileSync } from 'node:fs';

interface Package {
  readonly folder: URL;
  readonly version: string;
}

/** Undefined when there is no package.json of ours: a part of tunlab was copied to elsewhere. */
export function ownPackage(): Package | undefined {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    try {
      const manifest = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'));
      if (manifest.name === 'tunlab') return { folder, version: String(manifest.version) };
    } catch {
      if (folder.pathname === '/') return undefined;
    }
  }
}

export const version = (): string => ownPackage()?.version ?? 'unknown';
