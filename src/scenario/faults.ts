/** Pointing at things: problems of one document, by path. */
import type { Path, SourceDocument } from './document.ts';
import { dotted, type ProblemCode, type Problems } from './problem.ts';
import type { Position } from './types.ts';

export class Faults {
  readonly document: SourceDocument;
  readonly #problems: Problems;
  readonly #keepSpec: boolean;

  /** `keepSpec`: paths are shown in full, as those of a resource are. */
  constructor(document: SourceDocument, problems: Problems, { keepSpec = false } = {}) {
    this.document = document;
    this.#problems = problems;
    this.#keepSpec = keepSpec;
  }

  /** A fault of the value at `path`. */
  at(path: Path, code: ProblemCode, message: string): void {
    this.#problems.add(this.document.source, this.position(path), this.#shown(path), code, message);
  }

  /** A fault of the key that ends `path`; `about` is the path to show, by default the same. */
  atKey(path: Path, code: ProblemCode, message: string, about: Path = path): void {
    const position = this.document.keyPosition(path);
    this.#problems.add(this.document.source, position, this.#shown(about), code, message);
  }

  #shown(path: Path): string {
    return dotted(path, { keepSpec: this.#keepSpec });
  }

  position(path: Path): Position {
    return this.document.valuePosition(path);
  }
}
