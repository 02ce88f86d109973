/** `kubectl exec` and `kubectl logs`. */
import { ANNOTATION_CONTAINER_ID, type Pod } from '../../../calico/resources/core.ts';
import { NoSuchParty, partyOfPod } from '../../../controller/cluster.ts';
import { type CommandIo, failed, type Place, printed, type ShellResult } from '../../command.ts';
import type { Parsed } from '../../options.ts';
import { podCalled } from './target.ts';

const SHELLS = new Set(['sh', 'bash', 'zsh', 'ash', '/bin/sh', '/bin/bash', '/bin/zsh', '/bin/ash']);

const DEPRECATED =
  'kubectl exec [POD] [COMMAND] is DEPRECATED and will be removed in a future version. Use kubectl exec [POD] -- [COMMAND] instead.\n';

export async function exec(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const [word, ...old] = parsed.words;
  const words = parsed.rest ?? old;
  if (word === undefined) return failed('error: pod, type/name or --filename must be specified\n');
  if (words.length === 0) return failed('error: you must specify at least one command for the container\n');
  const pod = await podCalled(word, parsed, io);
  if (!('kind' in pod)) return pod;
  const container = parsed.flags.get('container');
  if (container !== undefined && !pod.spec.containers.some(c => c.name === container))
    return failed(
      `Error from server (BadRequest): container ${container} is not valid for pod ${pod.metadata.name}\n`,
    );
  const place = placeOf(pod);
  if (!('machine' in place)) return place;
  if (io.cluster.controller.isOff(place.machine)) {
    const kubelet = `${pod.status?.hostIP ?? place.machine}:10250`;
    return failed(
      `Error from server: error dialing backend: dial tcp ${kubelet}: connect: no route to host\n`,
    );
  }
  if (parsed.rest === undefined) io.write(DEPRECATED, 'stderr');
  const interactive = parsed.flags.has('tty') && words.length === 1 && SHELLS.has(words[0]!);
  if (interactive && io.enter !== undefined) {
    io.enter(place);
    return printed('');
  }
  const stdin = parsed.flags.has('stdin') ? io.stdin : '';
  // A shell without a terminal runs what comes in on standard input.
  const result = await io.runAt(
    place,
    words.length === 1 && SHELLS.has(words[0]!) ? [stdin || 'true'] : words,
    stdin,
  );
  if (result.exitCode === 0) return result;
  if (result.exitCode === 127 && /: command not found\n$/.test(result.stderr))
    return notThere(pod, words[0]!);
  return { ...result, stderr: `${result.stderr}command terminated with exit code ${result.exitCode}\n` };
}

function placeOf(pod: Pod): Place | ShellResult {
  const { name } = pod.metadata;
  try {
    const { machine, namespace } = partyOfPod(pod, name);
    if (namespace !== '') return { machine, namespace, hostname: name };
    return { machine, namespace, hostname: machine, container: pod.spec.containers[0]?.name ?? name };
  } catch (error) {
    if (!(error instanceof NoSuchParty)) throw error;
    const container = pod.spec.containers[0]?.name ?? name;
    return failed(
      pod.spec.nodeName === undefined
        ? `error: pod ${name} does not have a host assigned\n`
        : `error: unable to upgrade connection: container not found ("${container}")\n`,
    );
  }
}

/** What containerd says of a program that the image does not have. */
function notThere(pod: Pod, program: string): ShellResult {
  const id = pod.metadata.annotations?.[ANNOTATION_CONTAINER_ID] ?? '';
  return failed(
    'error: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec ' +
      `"${id}": OCI runtime exec failed: exec failed: unable to start container process: exec: "${program}": ` +
      'executable file not found in $PATH: unknown\n',
  );
}

/** The lab's containers only wait, and say nothing; what others would log is not known here. */
export async function logs(parsed: Parsed, io: CommandIo): Promise<ShellResult> {
  const [word] = parsed.words;
  if (word === undefined)
    return failed(
      "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command\nSee 'kubectl logs -h' for help and examples\n",
    );
  const pod = await podCalled(word, parsed, io);
  if (!('kind' in pod)) return pod;
  const [container] = pod.spec.containers;
  const idle = [...(container?.command ?? []), ...(container?.args ?? [])].join(' ') === 'tail -f /dev/null';
  return idle
    ? printed('')
    : failed(`kubectl logs ${word}: not emulated, containers run no programs here\n`, 2);
}
