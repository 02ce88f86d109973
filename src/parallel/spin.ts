/**
 * How often to look before sleeping: about 10 µs when there is a core for everybody, else hardly at all. Longer pays on
 * an idle machine and costs half the speed on a busy one, where the other thread is not running.
 */
const LONGEST = 1_000;
const SHORTEST = 50;
/** Every so many waits the whole spin is tried, to learn whether it pays again. */
const PROBE = 16;

export class Spin {
  #looks = SHORTEST;
  #waits = 0;
  readonly #maySpin: boolean;

  /** `maySpin`: there is a core for each worker. */
  constructor(maySpin: boolean) {
    this.#maySpin = maySpin;
  }

  /** For the wait that begins. */
  get looks(): number {
    return this.#maySpin && ++this.#waits % PROBE === 0 ? LONGEST : this.#looks;
  }

  /** What was waited for came while we looked, or it did not. */
  learn(came: boolean): void {
    if (!came) this.#looks = Math.max(SHORTEST, this.#looks >> 1);
    else if (this.#maySpin) this.#looks = Math.min(LONGEST, this.#looks * 2);
  }
}
