/**
 * Command-line words as the Go tools read them: flags anywhere, `-o yaml`, `-oyaml`, `--output=yaml`, `-f -`, `--` ends.
 */
export interface FlagSpec {
  /** Long name without dashes -> whether it takes a value. */
  readonly [long: string]: { readonly short?: string; readonly value: boolean };
}

export interface Parsed {
  readonly words: readonly string[];
  /** Everything behind `--`. */
  readonly rest: readonly string[] | undefined;
  readonly flags: ReadonlyMap<string, string>;
  readonly unknown: string | undefined;
}

export function parseFlags(args: readonly string[], spec: FlagSpec): Parsed {
  const words: string[] = [];
  const flags = new Map<string, string>();
  let unknown: string | undefined;
  const byShort = new Map(
    Object.entries(spec).flatMap(([long, f]) => (f.short ? [[f.short, long] as const] : [])),
  );
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '--') return { words, rest: args.slice(i + 1), flags, unknown };
    if (word.startsWith('--')) {
      const [name, inline] = split(word.slice(2));
      const flag = Object.hasOwn(spec, name) ? spec[name] : undefined;
      if (flag === undefined) unknown ??= word;
      else if (!flag.value) flags.set(name, inline ?? 'true');
      else flags.set(name, inline ?? args[++i] ?? '');
    } else if (word.startsWith('-') && word.length > 1) {
      let letters = word.slice(1);
      while (letters !== '') {
        const long = byShort.get(letters[0]!);
        if (long === undefined) {
          unknown ??= word;
          break;
        }
        letters = letters.slice(1);
        if (!spec[long]!.value) flags.set(long, 'true');
        else {
          flags.set(long, letters === '' ? (args[++i] ?? '') : letters.replace(/^=/, ''));
          letters = '';
        }
      }
    } else {
      words.push(word);
    }
  }
  return { words, rest: undefined, flags, unknown };
}

function split(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
