/** What was recorded on the nodes of the real laboratory: sections of `test/fixtures/calico/recorded.txt`. */
import { fixture } from '../kit.ts';

export const MODES = ['ipip-always', 'ipip-crosssubnet', 'direct-nopeer', 'vxlan-always'] as const;
export const NODES = ['k8s-m', 'k8s-w0', 'k8s-w1', 'k8s-w2'] as const;

const sections = new Map<string, string[]>();
for (const section of fixture('calico/recorded.txt').toString().split(/^== /m).slice(1)) {
  const [title, ...lines] = section.split('\n');
  sections.set(
    title!,
    lines.map(l => l.trim()).filter(l => l !== ''),
  );
}

/** Lines of `what` (route, neigh, fdb, bird) on a node in a mode, without blanks at their ends. */
export function recorded(mode: string, node: string, what: string): string[] {
  const lines = sections.get(`${mode} ${node} ${what}`);
  if (lines === undefined) throw new Error(`nothing was recorded of ${what} on ${node} in ${mode}`);
  return lines;
}
