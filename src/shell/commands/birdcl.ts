/** `birdcl`, with or without `-s SOCKET`: what BIRD on this node, or the router's own, says. */
import { type Command, failed, printed, type ShellResult } from '../command.ts';

/** What BIRD knows and this lab does not answer. */
const NOT_EMULATED = new Set(
  'configure debug disable down dump echo enable eval graceful log mrtdump reload restart restrict help'.split(
    ' ',
  ),
);
const NOT_SHOWN = new Set(
  'bfd dump interfaces memory mrt neighbors ospf rip roa static symbols babel'.split(' '),
);
const NOT_CHOSEN = ['where', 'filter', 'noexport', 'preexport', 'import'];

/** What the real client says when it ends in failure. */
const REFUSED = /^(syntax error|No such command|No protocols match|Network not in table|\S+ is not a )/;

export const birdcl: Command = async (args, { cluster, place, stdin }) => {
  const words = [...args];
  while (words[0]?.startsWith('-')) words.splice(0, words[0] === '-s' ? 2 : 1);
  const typed = words.length > 0 ? [words] : stdin.split('\n').map(line => line.trim().split(/\s+/));
  const lines = typed
    .map(line => line.flatMap(word => word.split(/\s+/)).filter(word => word !== ''))
    .filter(line => line.length > 0 && !/^(exit|quit)$/.test(line[0]!));
  if (lines.length === 0)
    return failed('birdcl: commands must be given as words or on standard input in this lab\n', 2);
  let text = '';
  let exitCode = 0;
  for (const line of lines) {
    const missing = notEmulated(line);
    if (missing !== undefined) return { ...missing, stdout: text };
    const answer = await cluster.controller.ask<string>(place.machine, { do: 'birdcl', words: line });
    if (!answer.startsWith('BIRD ')) return failed(answer);
    const said = answer.slice(answer.indexOf('\n') + 1);
    exitCode = REFUSED.test(said) ? 1 : 0;
    text += text === '' ? answer : said;
  }
  return printed(text, exitCode);
};

function notEmulated([verb = '', object = '', ...rest]: readonly string[]): ShellResult | undefined {
  const says = (what: string): ShellResult => failed(`birdcl ${what}: not emulated in this lab\n`, 2);
  if (NOT_EMULATED.has(verb)) return says(verb);
  if (!'show'.startsWith(verb)) return undefined;
  if (NOT_SHOWN.has(object)) return says(`show ${object}`);
  const chosen = rest.find(word => NOT_CHOSEN.includes(word));
  return chosen === undefined ? undefined : says(`show route ${chosen}`);
}
