/** Pointing at things: problems of one document, by path. */
import type { Path, SourceDocument } from './document.ts';
import { dotted, type ProblemCode, type Problems } from './problem.ts';
import type { Position } from './types.ts';

export class Faults {
  readonly document: SourceDocument;
  readonly #problems: Problems;

  constructor(document: SourceDocument, problems: Problems) {
    this.document = document;
    this.#problems = problems;
  }

  /** A fault of the value at `path`. */
  at(path: Path, code: ProblemCode, message: string): void {
    this.#problems.add(this.document.source, this.position(path), dotted(path), code, message);
  }

  /** A fault of the key that ends `path`; `about` is the path to show, by default the same. */
  atKey(path: Path, code: ProblemCode, message: string, about: Path = path): void {
    const position = this.document.keyPosition(path);
    this.#problems.add(this.document.source, position, dotted(about), code, message);
  }

  position(path: Path): Position {
    return this.document.valuePosition(path);
  }
}
