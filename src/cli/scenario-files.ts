/** The scenarios that paths of a command line mean. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A scenario says so at its beginning; other YAML (resources) lies in the same folders. */
const SCENARIO = /^\s*["']?(apiVersion["']?:\s*["']?tunlab\.dev\/|kind["']?:\s*["']?Scenario\b)/m;

/** Sorted, each once. A path that is no folder is taken as it is: whatever is wrong with it is told when it is read. */
export function findScenarios(paths: readonly string[]): string[] {
  return [...new Set(paths.flatMap(below))].sort();
}

function below(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true }).flatMap(entry => {
    const inside = join(path, entry.name);
    // As tools do: what is hidden or installed is not ours.
    if (entry.isDirectory())
      return entry.name.startsWith('.') || entry.name === 'node_modules' ? [] : below(inside);
    return entry.isFile() && /\.ya?ml$/.test(entry.name) && isScenario(inside) ? [inside] : [];
  });
}

const isScenario = (file: string): boolean => SCENARIO.test(readFileSync(file, 'utf8'));
