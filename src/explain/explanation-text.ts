/**
 * An explanation as lines, the answer first:
 *
 *     ✗ pod1 172.16.158.3 → pod3 172.16.34.1 icmp   DROPPED at k8s-rtr   NO_ROUTE
 *       1 pod1     default via 169.254.1.1 dev eth0
 *       2 k8s-w1   172.16.34.0/24 via 192.168.10.254 dev eth0 proto bird
 *                  from Mesh_192_168_20_100; next hop 192.168.20.100 is not on-link → …
 *       3 k8s-rtr  no route covers 172.16.34.1                           ← ends here
 */
import type { Explanation, Stop } from './types.ts';

interface Paint {
  held(text: string): string;
  failed(text: string): string;
}

export function explanationLines(explanation: Explanation, paint: Paint): string[] {
  const { there, back, heard, death } = explanation;
  const width = Math.max(0, ...[...there, ...back].map(stop => stop.name.length));
  const lines = [headline(explanation, paint)];
  const rows = (stops: readonly Stop[], dies: boolean): void => {
    for (const [i, stop] of stops.entries())
      lines.push(...stopLines(stop, i + 1, width, dies && i === stops.length - 1));
  };
  const atSwitch = death?.at.includes('/') === true;
  rows(there, death?.leg === 'there' && !atSwitch);
  if (back.length > 0) lines.push('  the answer:');
  rows(back, death?.leg === 'back' && !atSwitch);
  if (death !== undefined) {
    if (atSwitch) lines.push(`  ✗ at the port of ${death.at}                  ← ends here`);
    const { limit } = death;
    const mtu =
      limit === undefined
        ? ''
        : ` ${limit.sum} = ${limit.octets}, and the MTU of ${limit.device} is ${limit.mtu}.`;
    lines.push(...wrapped(`  ${death.reason}: ${death.sentence}${mtu}`, '    '));
  }
  for (const suspect of explanation.suspects) lines.push(...wrapped(`  ! ${suspect}`, '    '));
  if (heard !== undefined) lines.push(...wrapped(`  ↩ ${heard}`, '    '));
  return lines;
}

function headline(explanation: Explanation, paint: Paint): string {
  const { from, to, proto, answered, death, error, way } = explanation;
  const pair = `${from.name} ${from.address} → ${to.name} ${to.address} ${proto}`;
  if (answered) {
    const rtt = (explanation.rttNs / 1e6).toFixed(2);
    return paint.held(`${pair}   ANSWERED in ${rtt} ms   via ${way}`);
  }
  if (death !== undefined) return paint.failed(`${pair}   DROPPED at ${death.at}   ${death.reason}`);
  const why =
    error === undefined ? 'nothing was seen to be dropped' : `${from.name}'s own stack says: ${error}`;
  return paint.failed(`${pair}   NO ANSWER   ${why}`);
}

function stopLines(stop: Stop, number: number, width: number, dies: boolean): string[] {
  const { name, route, destination, encapsulated, delivered, tunnel, origin, beaten, notes } = stop;
  const causes = [stop.session, stop.cause].filter(cause => cause !== undefined);
  const indent = ' '.repeat(width + 6);
  const inside = encapsulated ? `  (the outer packet, to ${destination})` : '';
  const what = delivered ? 'it arrives' : `${route ?? `no route covers ${destination}`}${inside}`;
  const more = delivered
    ? []
    : [
        ...(origin === undefined ? [] : [`by ${origin}`]),
        ...beaten.slice(0, 2).map(b => `beats ${b.route} (${b.because})`),
        ...causes.map(
          ({ what, resource, field, value, place = 'set during the run' }) =>
            `${what}: ${resource}, ${field} ${value}   ${place}`,
        ),
        ...(tunnel === undefined ? [] : [tunnel]),
        ...notes,
      ];
  const first = `  ${String(number).padStart(2)} ${name.padEnd(width)} ${what}${dies ? '   ← ends here' : ''}`;
  return [...wrapped(first, indent), ...more.flatMap(line => wrapped(indent + line, `${indent}  `))];
}

/** Nothing of a report is wider than this. */
const WIDTH = 100;

/** `line` in pieces that fit, broken between words; all but the first begin with `indent`. */
function wrapped(line: string, indent: string): string[] {
  if (line.length <= WIDTH) return [line];
  const cut = line.lastIndexOf(' ', WIDTH);
  if (cut <= indent.length) return [line];
  return [line.slice(0, cut).trimEnd(), ...wrapped(`${indent}${line.slice(cut + 1)}`, indent)];
}
