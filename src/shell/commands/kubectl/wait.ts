/** `kubectl wait --for=condition=Ready|delete|jsonpath={…}=value`: lets virtual time pass until it holds. */

import type { Resource } from '../../../calico/resources/kinds.ts';
import { kubernetesView } from '../../../report/kubernetes-view.ts';
import { type CommandIo, failed, INTERRUPTED, printed, type ShellResult } from '../../command.ts';
import { JsonPathError, jsonPathValues } from '../../jsonpath.ts';
import type { Parsed } from '../../options.ts';
import { selection } from './get.ts';
import { fullName, namespaceOf, notFound, type Target, targets, typeName } from './target.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1e9, m: 60e9, h: 3600e9 };

/** Does it hold of the object as it is now; undefined for one that is gone. */
type Condition = (object: Resource | undefined) => boolean;

export async function wait(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const condition = conditionOf(parsed.flags.get('for') ?? '');
  if (!('holds' in condition)) return condition;
  const match = /^(\d+)([smh])$/.exec(parsed.flags.get('timeout') ?? '30s');
  if (match === null)
    return failed(`error: invalid argument "${parsed.flags.get('timeout')}" for "--timeout"\n`);
  const deadline = io.time.now + Number(match[1]) * UNITS[match[2]!]!;
  const wanted = targets(parsed.words, 'wait');
  if (!Array.isArray(wanted)) return wanted as ShellResult;
  const chosen = await objects(wanted as Target[], parsed, io);
  if (!Array.isArray(chosen)) return chosen as ShellResult;
  let stdout = '';
  for (const object of chosen as Resource[]) {
    const { kind, metadata } = object;
    let holds = false;
    const each = async (): Promise<void> => {
      holds = condition.holds(await io.cluster.find(kind, metadata.name, metadata.namespace));
    };
    await each();
    await io.time.until(() => holds, { deadline, signal: io.signal, each });
    if (io.signal.aborted) return { stdout, stderr: '', exitCode: INTERRUPTED };
    if (!holds)
      return {
        ...failed(`error: timed out waiting for the condition on ${typeName(kind)}s/${metadata.name}\n`),
        stdout,
      };
    stdout += `${fullName(object)} condition met\n`;
  }
  return printed(stdout);
}

async function objects(
  wanted: readonly Target[],
  parsed: Parsed,
  { cluster }: CommandIo,
): Promise<Resource[] | ShellResult> {
  const select = selection(parsed);
  if (typeof select !== 'function') return select;
  const chosen: Resource[] = [];
  for (const { kind, names } of wanted) {
    const namespace = namespaceOf(kind, parsed);
    const all: readonly Resource[] = await cluster.list(kind, namespace);
    for (const name of names) {
      const object = all.find(each => each.metadata.name === name);
      if (object === undefined) return failed(notFound(kind, name));
      chosen.push(object);
    }
    if (names.length === 0) chosen.push(...all.filter(select));
  }
  return chosen.length === 0 ? failed('error: no matching resources found\n') : chosen;
}

function conditionOf(text: string): { readonly holds: Condition } | ShellResult {
  if (text === 'delete') return { holds: object => object === undefined };
  const [, name, value = 'True'] = /^condition=(\w+)(?:=(\w+))?$/i.exec(text) ?? [];
  if (name !== undefined)
    return {
      holds: object => {
        const status = object === undefined ? undefined : kubernetesView(object)['status'];
        const list = (status as { conditions?: { type: string; status: string }[] } | undefined)?.conditions;
        const found = list?.find(({ type }) => type.toLowerCase() === name.toLowerCase());
        return found?.status.toLowerCase() === value.toLowerCase();
      },
    };
  const [, path, wantedValue] = /^jsonpath=(\{[^}]*\})=(.*)$/.exec(text) ?? [];
  if (path === undefined) return failed(`error: unrecognized condition: "${text}"\n`);
  try {
    jsonPathValues(path, {});
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error;
    return failed(`error: ${error.message}\n`);
  }
  return {
    holds: object =>
      object !== undefined &&
      jsonPathValues(path, kubernetesView(object)).map(String).join(' ') === wantedValue,
  };
}
