/** `sv down|up|restart|kill|status bird`: runit's control of BIRD in the container calico-node. */
import { type Command, failed, printed } from '../command.ts';

const ACTIONS = {
  d: 'down',
  down: 'down',
  stop: 'down',
  u: 'up',
  up: 'up',
  start: 'up',
  restart: 'restart',
  k: 'kill',
  kill: 'kill',
} as const;

export const sv: Command = async ([word = '', service = ''], { cluster, place }) => {
  if (service === '') return failed('usage: sv [-v] [-w sec] command service ...\n', 100);
  if (service !== 'bird')
    return ['felix', 'confd', 'cni', 'bird6', 'node-status-reporter', 'allocate-tunnel-addrs'].includes(
      service,
    )
      ? failed(`sv ${word} ${service}: only bird is emulated in this lab\n`, 2)
      : failed(`fail: ${service}: unable to change to service directory: file does not exist\n`);
  const action = Object.hasOwn(ACTIONS, word) ? ACTIONS[word as keyof typeof ACTIONS] : undefined;
  if (action === undefined && word !== 'status')
    return failed('usage: sv [-v] [-w sec] command service ...\n', 100);
  const { machine } = place;
  if (action !== undefined) {
    const done = await cluster.controller.ask<boolean>(machine, { do: 'sv-bird', action });
    if (!done) return failed('fail: bird: unable to change to service directory: file does not exist\n');
  }
  const down = 'down: bird: 0s, normally up';
  const up = 'run: bird: (pid 67) 0s';
  // runit starts again what was killed.
  if (action !== undefined) return printed(`ok: ${action === 'down' ? down : up}\n`);
  const answer = await cluster.controller.ask<string>(machine, { do: 'birdcl', words: ['show', 'status'] });
  return printed(`${answer.startsWith('BIRD ') ? up : down}\n`);
};
