/** A session at the shell as a scenario: the lab that it was typed at, a step for each line, what it printed expected. */
import { isMap, isScalar, isSeq, parseDocument, Scalar } from 'yaml';
import type { TypedLine } from './shell.ts';

/** Lines that say when it was, or how long it took, are not expected: another release may be faster. */
const CHANGING = /\d\.\d+ ms|\d\d:\d\d:\d\d|\d+(\.\d+)? s since|time \d+ms/;
/** A table with ages changes as a whole. */
const AGES = /\bAGE\b/;
/** More of a long output would say little more. */
const MOST_LINES = 20;

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
  const steps = lines.map(({ text, waitedNs, stdout, stderr, exitCode }) => {
    const contains = expectedLines(stdout + stderr);
    return [
      ...(waitedNs > 0 ? [{ wait: `${waitedNs / 1e6}ms` }] : []),
      {
        run: textNode(text),
        ...((contains.length > 0 || exitCode !== 0) && {
          expect: [
            {
              output: {
                ...(contains.length > 0 && { contains: contains.length === 1 ? contains[0] : contains }),
                ...(exitCode !== 0 && { exitCode: String(exitCode) }),
              },
            },
          ],
        }),
      },
    ];
  });
  const all = [{ expect: [{ converged: 'true', within: '60s' }] }, ...steps.flat()];
  document.setIn(['spec', 'steps'], document.createNode(all));
  const metadata = document.get('metadata');
  if (isMap(metadata)) metadata.delete('annotations');
  // The line that names a schema was relative to the original's folder.
  document.commentBefore = null;
  return document.toString({ lineWidth: 0 });
}

/** What must be printed again, in order of appearance. */
function expectedLines(output: string): Scalar<string>[] {
  if (AGES.test(output)) return [];
  const lines = output
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !CHANGING.test(line));
  return [...new Set(lines)].slice(0, MOST_LINES).map(textNode);
}

/** Text that could be read as something else is quoted. */
function textNode(text: string): Scalar<string> {
  const node = new Scalar(text);
  if (!/^[A-Za-z]/.test(text) || /^(true|false|null|yes|no|on|off)$/i.test(text)) node.type = 'QUOTE_DOUBLE';
  return node;
}
