/** Our own version, out of the package.json above wherever this was built to. */
import { readFileSync } from 'node:fs';

export function version(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    try {
      const manifest = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'));
      if (manifest.name === 'tunlab') return String(manifest.version);
    } catch {
      if (folder.pathname === '/') return 'unknown';
    }
  }
}
