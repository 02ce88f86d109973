/**
 * Command-line words as the Go tools and getopt read them: flags anywhere, `-o yaml`, `-oyaml`, `--output=yaml`, `-f -`,
 * `-it`, `--` ends them.
 */
export interface FlagSpec {
  /** Long name without dashes -> its letter, and whether it takes a value. */
  readonly [long: string]: { readonly short?: string; readonly value: boolean };
}

export interface Parsed {
  readonly words: readonly string[];
  /** Everything behind `--`. */
  readonly rest: readonly string[] | undefined;
  /** By long name; of a repeated flag the last value. */
  readonly flags: ReadonlyMap<string, string>;
  /** Every value, in order: `-l a -l b`. */
  readonly all: ReadonlyMap<string, readonly string[]>;
  /** The first flag that the tool does not have, as typed; of letters typed together the one. */
  readonly unknown: string | undefined;
  /** The first flag that needs a value and has none. */
  readonly lacking: string | undefined;
}

export function parseFlags(args: readonly string[], spec: FlagSpec): Parsed {
  return new Reader(args, spec).read();
}

class Reader {
  readonly #args: readonly string[];
  readonly #spec: FlagSpec;
  readonly #byLetter: ReadonlyMap<string, string>;
  readonly #words: string[] = [];
  readonly #all = new Map<string, string[]>();
  #at = 0;
  #unknown: string | undefined;
  #lacking: string | undefined;

  constructor(args: readonly string[], spec: FlagSpec) {
    this.#args = args;
    this.#spec = spec;
    this.#byLetter = new Map(
      Object.entries(spec).flatMap(([long, { short }]) => (short ? [[short, long] as const] : [])),
    );
  }

  read(): Parsed {
    let rest: string[] | undefined;
    for (; this.#at < this.#args.length; this.#at++) {
      const word = this.#args[this.#at]!;
      if (word === '--') {
        rest = this.#args.slice(this.#at + 1);
        break;
      }
      if (word.startsWith('--')) this.#long(word);
      else if (word.startsWith('-') && word.length > 1) this.#letters(word);
      else this.#words.push(word);
    }
    const flags = new Map([...this.#all].map(([name, values]) => [name, values.at(-1)!]));
    return {
      words: this.#words,
      rest,
      flags,
      all: this.#all,
      unknown: this.#unknown,
      lacking: this.#lacking,
    };
  }

  #long(word: string): void {
    const at = word.indexOf('=');
    const name = at < 0 ? word.slice(2) : word.slice(2, at);
    const inline = at < 0 ? undefined : word.slice(at + 1);
    const flag = Object.hasOwn(this.#spec, name) ? this.#spec[name] : undefined;
    if (flag === undefined) this.#unknown ??= at < 0 ? word : word.slice(0, at);
    else this.#set(name, inline ?? (flag.value ? this.#next(word) : 'true'));
  }

  #letters(word: string): void {
    for (let i = 1; i < word.length; i++) {
      const name = this.#byLetter.get(word[i]!);
      if (name === undefined) {
        this.#unknown ??= `-${word[i]}`;
        return;
      }
      if (this.#spec[name]!.value) {
        const glued = word.slice(i + 1).replace(/^=/, '');
        this.#set(name, glued === '' ? this.#next(`-${word[i]}`) : glued);
        return;
      }
      this.#set(name, 'true');
    }
  }

  #next(flag: string): string {
    this.#at++;
    const value = this.#args[this.#at];
    if (value === undefined) this.#lacking ??= flag;
    return value ?? '';
  }

  #set(name: string, value: string): void {
    const values = this.#all.get(name);
    if (values === undefined) this.#all.set(name, [value]);
    else values.push(value);
  }
}
