/** What comes with tunlab: files beside its package.json. */
import { isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownPackage } from './version.ts';

/** The path of a shipped file, as short as it can be said from here. */
export function shipped(path: string): string {
  const full = fileURLToPath(new URL(path, ownPackage()?.folder ?? import.meta.url));
  const short = relative(process.cwd(), full);
  return short.startsWith('..') || isAbsolute(short) ? full : short;
}
