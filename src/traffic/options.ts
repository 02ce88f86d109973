/** Command lines as getopt(3) reads them: `-c 3`, `-c3`, `-nI`, operands anywhere. */

export interface CommandLine {
  /** By letter; of a repeated option the last. Flags have the value ''. */
  readonly options: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
}

/** What getopt itself refuses, in its words without the program's name: `invalid option -- 'x'`. */
export class OptionError extends Error {}

/** `specification`: the letters, a `:` behind those that take a value. Throws `OptionError`. */
export function parse(args: readonly string[], specification: string): CommandLine {
  const options = new Map<string, string>();
  const operands: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '--') {
      operands.push(...args.slice(i + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      operands.push(word);
      continue;
    }
    for (let at = 1; at < word.length; at++) {
      const letter = word[at]!;
      const place = letter === ':' ? -1 : specification.indexOf(letter);
      if (place < 0) throw new OptionError(`invalid option -- '${letter}'`);
      if (specification[place + 1] !== ':') {
        options.set(letter, '');
        continue;
      }
      const value = at + 1 < word.length ? word.slice(at + 1) : args[++i];
      if (value === undefined) throw new OptionError(`option requires an argument -- '${letter}'`);
      options.set(letter, value);
      break;
    }
  }
  return { options, operands };
}
