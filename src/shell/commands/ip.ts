/** `ip route`, `ip addr`, `ip link`, `ip neigh` as iproute2 prints them. */
import type { RouteView } from '../../node/command.ts';
import { type Command, type CommandIo, failed, printed, type ShellResult } from '../command.ts';

const OBJECTS: Readonly<Record<string, (args: readonly string[], io: CommandIo) => Promise<ShellResult>>> = {
  route,
};

/** iproute2 takes any unambiguous beginning: `ip r`, `ip ro`. */
export const ip: Command = async (args, io) => {
  const words = args.filter(a => !['-4', '-c', '-color', '-d', '-details'].includes(a));
  const object = words[0] ?? '';
  const name = Object.keys(OBJECTS).find(full => object !== '' && full.startsWith(object));
  if (name === undefined) return failed(`Object "${object}" is unknown, try "ip help".\n`, 1);
  return OBJECTS[name]!(words.slice(1), io);
};

async function route(args: readonly string[], { cluster, place }: CommandIo): Promise<ShellResult> {
  const [verb = 'show', ...rest] = args;
  if (!['show', 'list', 'ls'].includes(verb)) {
    return failed(`Command "${verb}" is unknown, try "ip route help".\n`, 255);
  }
  const routes = await cluster.routes(place);
  return printed(
    routes
      .filter(selector(rest))
      .map(r => `${r.text}\n`)
      .join(''),
  );
}

/** `dev tunl0`, `proto bird`, `via 192.168.10.1`: what `ip route show` filters by. */
function selector(words: readonly string[]): (route: RouteView) => boolean {
  const wanted = new Map<string, string>();
  for (let i = 0; i + 1 < words.length; i += 2) wanted.set(words[i]!, words[i + 1]!);
  return view =>
    [...wanted].every(([key, value]) => {
      if (key === 'table') return value === 'main';
      return ` ${view.text} `.includes(` ${key} ${value} `) || (key === 'type' && view.type === value);
    });
}
