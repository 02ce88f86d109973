/** What calicoctl is asked about: names of kinds, and files of resources. */
import { KINDS, type KindInfo, kindNamed, type Resource } from '../../../calico/resources/kinds.ts';
import { DecodeError } from '../../../calico/resources/shape.ts';
import { type CommandIo, failed, type ShellResult } from '../../command.ts';
import { readDocuments } from '../../documents.ts';
import type { Parsed } from '../../options.ts';

/** A command line that fits no usage pattern. */
export class BadUsage extends Error {}

/** Kinds of Calico that this lab has nothing of. */
const NOT_EMULATED = new Set(
  (
    'globalnetworkpolicy globalnetworkpolicies gnp gnps networkpolicy networkpolicies np policy policies globalnetworkset ' +
    'globalnetworksets networkset networksets netsets hostendpoint hostendpoints hep heps profile profiles pro pros ' +
    'clusterinformation clusterinformations clusterinfo kubecontrollersconfiguration kubecontrollersconfigurations kcc ' +
    'tier tiers stagednetworkpolicy stagedglobalnetworkpolicy'
  ).split(' '),
);

/** What a name on a command line means to calicoctl, or what it says. */
export function calicoKind(word: string, verb: string): KindInfo | ShellResult {
  const info = kindNamed(word);
  if (info?.calico) return info;
  if (NOT_EMULATED.has(word.toLowerCase()))
    return failed(`calicoctl ${verb} ${word}: this kind is not emulated in this lab\n`, 2);
  return failed(`Failed to ${verb} resources: resource type '${word}' is not supported\n`);
}

/** What is in the files of `-f`. */
export async function resourcesOf(parsed: Parsed, io: CommandIo): Promise<Resource[] | ShellResult> {
  const resources: Resource[] = [];
  for (const file of parsed.all.get('filename') ?? []) {
    const text = file === '-' ? io.stdin : await io.readFile(file);
    if (text === undefined)
      return failed(`Failed to execute command: open ${file}: no such file or directory\n`);
    try {
      const read = readDocuments(text);
      const foreign = read.find(({ kind, apiVersion }) => !KINDS[kind].calico || apiVersion === 'v1');
      if (foreign !== undefined)
        return failed(
          `Failed to execute command: Unknown resource type (${foreign.kind}) and/or version (${foreign.apiVersion})\n`,
        );
      resources.push(...read);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return failed(`Failed to execute command: ${error.message}\n`);
    }
  }
  return resources;
}
