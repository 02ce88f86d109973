/** Reads `show route all` of BIRD, 1.6 (the emulated one) and 2 alike. Not a test file. */
import type { ReceivedPath } from './daemon.ts';

export function birdPaths(text: string): ReceivedPath[] {
  const paths: Record<string, string | number>[] = [];
  let prefix = '';
  for (const line of text.split('\n')) {
    // The first path of a network has its name in front; the others have blanks there.
    const head = /^(\d+\.\d+\.\d+\.\d+\/\d+)?\s.*\[\S+ [^\]]*\]/.exec(line);
    if (head !== null) {
      prefix = head[1] ?? prefix;
      paths.push({ prefix });
      continue;
    }
    const path = paths.at(-1);
    const [, name, value] = /^\s+BGP\.(\w+): ?(.*)$/.exec(line) ?? [];
    if (path === undefined || name === undefined) continue;
    const field = FIELDS[name];
    if (field === undefined) continue;
    path[field] = field === 'localPref' ? Number(value) : value!.trim();
  }
  return paths as unknown as ReceivedPath[];
}

const FIELDS: Readonly<Record<string, keyof ReceivedPath>> = {
  origin: 'origin',
  as_path: 'asPath',
  next_hop: 'nextHop',
  local_pref: 'localPref',
  originator_id: 'originatorId',
  cluster_list: 'clusterList',
};
