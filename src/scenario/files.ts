/**
 * Reading what a scenario names: text files of bounded size below the scenario's own folder, and nothing else.
 * A scenario may come from anywhere (a chat, a web page), so it must not be able to read the user's other files.
 */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { ProblemCode } from './problem.ts';

/** Largest scenario or resource file, in octets. */
export const FILE_LIMIT_BYTES = 1024 * 1024;

export type Read =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly code: ProblemCode; readonly message: string };

const refused = (code: ProblemCode, message: string): Read => ({ ok: false, code, message });

/** The text of a regular UTF-8 file of at most 1 MiB, its byte order mark removed. */
export function readText(path: string): Read {
  let bytes: Buffer;
  try {
    const status = statSync(path);
    if (!status.isFile()) {
      return refused(
        'FILE_NOT_REGULAR',
        status.isDirectory() ? 'is a folder, not a file' : 'is not a regular file',
      );
    }
    if (status.size > FILE_LIMIT_BYTES) {
      return refused('FILE_TOO_LARGE', `is ${status.size} octets long; at most ${FILE_LIMIT_BYTES} are read`);
    }
    bytes = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return refused('FILE_MISSING', 'no such file');
    return refused('FILE_MISSING', `cannot be read (${code ?? 'unknown error'})`);
  }
  if (bytes.includes(0))
    return refused('FILE_BINARY', 'is a binary file (it holds a NUL octet), not YAML text');
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return refused('FILE_BINARY', 'is not UTF-8 text');
  }
}

/** A scenario says so at its beginning; other YAML (resources) lies in the same folders. */
const SCENARIO = /^\s*["']?(apiVersion["']?:\s*["']?tunlab\.dev\/|kind["']?:\s*["']?Scenario\b)/m;

export const isScenarioText = (text: string): boolean => SCENARIO.test(text);

export const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Every YAML file below `folder`, sorted; as tools do, without what is hidden or installed. */
export function yamlBelow(folder: string): string[] {
  const files = readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const inside = join(folder, entry.name);
    if (entry.isDirectory())
      return entry.name.startsWith('.') || entry.name === 'node_modules' ? [] : yamlBelow(inside);
    return entry.isFile() && /\.ya?ml$/.test(entry.name) ? [inside] : [];
  });
  return files.sort();
}

/** As `readText`, of a path given relative to `directory`; refused when it leads out of there, through links too. */
export function readWithin(directory: string, path: string): Read {
  const outside = (): Read => refused('FILE_OUTSIDE', `leads out of the scenario's folder`);
  if (isAbsolute(path) || escapes(directory, resolve(directory, path))) return outside();
  try {
    if (escapes(realpathSync(directory), realpathSync(join(directory, path)))) return outside();
  } catch {
    return refused('FILE_MISSING', 'no such file');
  }
  return readText(join(directory, path));
}

function escapes(directory: string, target: string): boolean {
  const way = relative(directory, target);
  return way === '..' || way.startsWith('../') || way.startsWith('..\\') || isAbsolute(way);
}
