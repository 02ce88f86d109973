/** The scenarios that paths of a command line mean. */
import { readFileSync } from 'node:fs';
import { isFolder, isScenarioText, yamlBelow } from '../scenario/files.ts';

/** Sorted, each once. A path that is no folder is taken as it is: whatever is wrong with it is told when it is read. */
export const findScenarios = (paths: readonly string[]): string[] =>
  [
    ...new Set(
      paths.flatMap(path =>
        isFolder(path) ? yamlBelow(path).filter(file => isScenarioText(readFileSync(file, 'utf8'))) : [path],
      ),
    ),
  ].sort();
