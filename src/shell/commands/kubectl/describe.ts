/** `kubectl describe pod`. */
import type { Resource } from '../../../calico/resources/kinds.ts';
import { podDescription } from '../../../report/pod-description.ts';
import { type CommandIo, failed, printed, type ShellResult } from '../../command.ts';
import type { Parsed } from '../../options.ts';
import { selection } from './get.ts';
import { namespaceOf, notFound, type Target, targets } from './target.ts';

export async function describe(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const wanted = targets(parsed.words, 'describe');
  if (!Array.isArray(wanted)) return wanted as ShellResult;
  const select = selection(parsed);
  if (typeof select !== 'function') return select;
  const texts: string[] = [];
  let stderr = '';
  for (const { kind, names } of wanted as Target[]) {
    if (kind !== 'Pod')
      return failed(`kubectl describe ${kind.toLowerCase()}: not emulated in this lab, use get -o yaml\n`, 2);
    const namespace = namespaceOf(kind, parsed);
    const pods: readonly (Resource & { kind: 'Pod' })[] = await io.cluster.list('Pod', namespace);
    for (const name of names)
      if (!pods.some(pod => pod.metadata.name === name)) stderr += notFound(kind, name);
    const nowMs = io.cluster.scenario.startMs + io.time.now / 1e6;
    texts.push(
      ...pods
        .filter(pod => (names.length === 0 ? select(pod) : names.includes(pod.metadata.name)))
        .map(pod => podDescription(pod, nowMs)),
    );
  }
  if (stderr !== '') return { stdout: texts.join('\n\n'), stderr, exitCode: 1 };
  if (texts.length === 0)
    return failed(`No resources found in ${parsed.flags.get('namespace') ?? 'default'} namespace.\n`, 0);
  return printed(texts.join('\n\n'));
}
