/** `birdcl`, with or without `-s SOCKET`: what BIRD on this node, or the router's own, says. */
import { type Command, failed, printed } from '../command.ts';

export const birdcl: Command = async (args, { cluster, place, stdin }) => {
  const words = [...args];
  while (words[0]?.startsWith('-')) words.splice(0, words[0] === '-s' ? 2 : 1);
  const typed = words.length > 0 ? [words] : stdin.split('\n').map(line => line.trim().split(/\s+/));
  const lines = typed.filter(line => line.join('') !== '');
  if (lines.length === 0)
    return failed('birdcl: commands must be given as words or on standard input in this lab\n', 2);
  let text = '';
  for (const line of lines) {
    const answer = await cluster.controller.ask<string>(place.machine, {
      do: 'birdcl',
      words: line.flatMap(word => word.split(/\s+/)).filter(word => word !== ''),
    });
    text += text === '' ? answer : answer.slice(answer.indexOf('\n') + 1);
  }
  const running = text.startsWith('BIRD ');
  return running ? printed(text) : failed(text);
};
