/** A pod as `kubectl describe pod` prints it, as far as the lab knows of it. */
import type { Container, Pod } from '../calico/resources/core.ts';
import { age } from './kubectl-columns.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** RFC 1123 with a numeric zone: `Sun, 22 Sep 2024 01:52:31 +0000`. */
function goTime(text: string | undefined): string {
  if (text === undefined) return '<unset>';
  const at = new Date(text);
  const two = (n: number): string => String(n).padStart(2, '0');
  const clock = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(two).join(':');
  const day = DAYS[at.getUTCDay()];
  return `${day}, ${two(at.getUTCDate())} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()} ${clock} +0000`;
}

/** `nowMs`: virtual wall clock. */
export function podDescription(pod: Pod, nowMs: number): string {
  const { metadata, spec, status } = pod;
  const running = status?.phase === 'Running';
  const ready = running && status?.notReady === undefined;
  const host =
    spec.nodeName === undefined ? '<none>' : [spec.nodeName, status?.hostIP].filter(Boolean).join('/');
  const field = (name: string, value: string): string => `${`${name}:`.padEnd(18)}${value}`;
  return `${[
    field('Name', metadata.name),
    field('Namespace', metadata.namespace ?? 'default'),
    field('Priority', '0'),
    field('Service Account', spec.serviceAccountName ?? 'default'),
    field('Node', host),
    ...(status?.startTime === undefined ? [] : [field('Start Time', goTime(status.startTime))]),
    ...map('Labels', metadata.labels, '='),
    ...map('Annotations', metadata.annotations, ': '),
    field('Status', status?.phase ?? 'Pending'),
    field('IP', status?.podIP ?? ''),
    ...(status?.podIP === undefined ? ['IPs:              <none>'] : ['IPs:', `  IP:  ${status.podIP}`]),
    'Containers:',
    ...spec.containers.flatMap(container => containerLines(container, { running, ready }, status?.startTime)),
    'Conditions:',
    '  Type                        Status',
    `  PodReadyToStartContainers   ${running ? 'True' : 'False'} `,
    '  Initialized                 True ',
    `  Ready                       ${ready ? 'True' : 'False'} `,
    `  ContainersReady             ${ready ? 'True' : 'False'} `,
    '  PodScheduled                True ',
    field('QoS Class', 'BestEffort'),
    field('Node-Selectors', '<none>'),
    ...eventLines(pod, nowMs),
  ].join('\n')}\n`;
}

/** A map in a column: sorted, one to a line. */
function map(name: string, values: Readonly<Record<string, string>> | undefined, between: string): string[] {
  const pairs = Object.entries(values ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  if (pairs.length === 0) return [`${`${name}:`.padEnd(18)}<none>`];
  return pairs.map(([key, value], i) => `${(i === 0 ? `${name}:` : '').padEnd(18)}${key}${between}${value}`);
}

function containerLines(
  container: Container,
  { running, ready }: { readonly running: boolean; readonly ready: boolean },
  started: string | undefined,
): string[] {
  const words = (name: string, list: readonly string[] | undefined): string[] =>
    list === undefined ? [] : [`    ${name}:`, ...list.map(word => `      ${word}`)];
  return [
    `  ${container.name}:`,
    `    Image:          ${container.image ?? ''}`,
    '    Port:           <none>',
    '    Host Port:      <none>',
    ...words('Command', container.command),
    ...words('Args', container.args),
    ...(running
      ? ['    State:          Running', `      Started:      ${goTime(started)}`]
      : ['    State:          Waiting', '      Reason:       ContainerCreating']),
    `    Ready:          ${ready ? 'True' : 'False'}`,
    '    Restart Count:  0',
    '    Environment:    <none>',
  ];
}

/** What keeps a pod from running, or from being ready, is the only event that is known. */
function eventLines({ metadata, status }: Pod, nowMs: number): string[] {
  if (status?.notReady !== undefined)
    return [
      'Events:',
      '  Type     Reason     Age   From     Message',
      '  ----     ------     ----  ----     -------',
      `  Warning  Unhealthy  0s    kubelet  Readiness probe failed: ${status.notReady}`,
    ];
  if (status?.message === undefined || status.phase === 'Running') return ['Events:            <none>'];
  const since =
    metadata.creationTimestamp === undefined ? '' : age(nowMs - Date.parse(metadata.creationTimestamp));
  return [
    'Events:',
    '  Type     Reason                  Age   From     Message',
    '  ----     ------                  ----  ----     -------',
    `  Warning  FailedCreatePodSandBox  ${since.padEnd(4)}  kubelet  ${status.message}`,
  ];
}
