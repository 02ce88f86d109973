/** A session at the shell as a scenario: the lab that it was typed at, a step for each line, what it printed expected. */
import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { TypedLine } from './shell.ts';

/** Lines that say something else every time, or that are long, are run but not expected word for word. */
const LONGEST_OUTPUT = 4_000;
const CHANGING = /\d\.\d+ ms|AGE|\d\d:\d\d:\d\d/;

/**
 * `original` (YAML) with the steps of `lines`; `moved` says how the path of a resource file reads from the folder where
 * the new file will be.
 */
export function sessionScenario(
  original: string,
  lines: readonly TypedLine[],
  moved: (path: string) => string,
): string {
  const document = parseDocument(original);
  const resources = document.getIn(['spec', 'resources']);
  if (isSeq(resources)) {
    for (const item of resources.items)
      if (isScalar(item) && typeof item.value === 'string') item.value = moved(item.value);
  }
  const steps = lines.map(({ text, waitedNs, stdout, stderr }) => {
    const output = stdout + stderr;
    const changing = output === '' || output.length > LONGEST_OUTPUT || CHANGING.test(output);
    const contains = changing
      ? undefined
      : output
          .trimEnd()
          .split('\n')
          .find(line => line.trim() !== '');
    return [
      ...(waitedNs > 0 ? [{ wait: `${waitedNs / 1e6}ms` }] : []),
      { run: text, ...(contains !== undefined && { expect: [{ output: { contains: contains.trim() } }] }) },
    ];
  });
  const all = [{ expect: [{ converged: true, within: '60s' }] }, ...steps.flat()];
  document.setIn(['spec', 'steps'], document.createNode(all));
  const metadata = document.get('metadata');
  if (isMap(metadata)) metadata.delete('annotations');
  // The line that names a schema was relative to the original's folder.
  document.commentBefore = null;
  return String(document);
}
