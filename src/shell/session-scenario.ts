/** A session at the shell as a scenario: the lab that it was typed at, a step for each line, what it printed expected. */
import { isMap, isScalar, isSeq, parseDocument, Scalar } from 'yaml';
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
  // Everything is text here: `.10` is an address, and must not come out as 0.1.
  const document = parseDocument(original, { schema: 'failsafe' });
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
      {
        run: textNode(text),
        ...(contains !== undefined && { expect: [{ output: { contains: textNode(contains.trim()) } }] }),
      },
    ];
  });
  const all = [{ expect: [{ converged: 'true', within: '60s' }] }, ...steps.flat()];
  document.setIn(['spec', 'steps'], document.createNode(all));
  const metadata = document.get('metadata');
  if (isMap(metadata)) metadata.delete('annotations');
  // The line that names a schema was relative to the original's folder.
  document.commentBefore = null;
  return String(document);
}

/** Text that could be read as something else is quoted. */
function textNode(text: string): Scalar<string> {
  const node = new Scalar(text);
  if (!/^[A-Za-z]/.test(text) || /^(true|false|null|yes|no|on|off)$/i.test(text)) node.type = 'QUOTE_DOUBLE';
  return node;
}
