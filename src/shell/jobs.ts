/** Commands started with a trailing `&`, as bash lists and ends them. */
export interface Job {
  readonly id: number;
  /** As typed, without the `&`. */
  readonly line: string;
  readonly controller: AbortController;
  exitCode: number | undefined;
  /** `kill` ended it, and it did not end by itself on the way. */
  killed: boolean;
}

/** Process numbers mean nothing here; they only have to look like some, and be the same every time. */
const FIRST_PID = 21_873;

export class JobTable {
  #jobs: Job[] = [];

  add(line: string): Job {
    const id = (this.#jobs.at(-1)?.id ?? 0) + 1;
    const job: Job = { id, line, controller: new AbortController(), exitCode: undefined, killed: false };
    this.#jobs.push(job);
    return job;
  }

  get running(): readonly Job[] {
    return this.#jobs.filter(job => job.exitCode === undefined);
  }

  /** `%1`, `%+`, `%`, or a process number. */
  find(word: string): Job | undefined {
    if (word === '%' || word === '%+' || word === '%%') return this.#jobs.at(-1);
    const number = Number(word.replace(/^%/, ''));
    return this.#jobs.find(job => (word.startsWith('%') ? job.id === number : pid(job) === number));
  }

  /** What `jobs` prints. Those that have ended are told of once. */
  list(): string {
    const text = this.#jobs.map(job => this.#line(job)).join('');
    this.#forgetEnded();
    return text;
  }

  /** What bash says before a prompt of jobs that have ended meanwhile. */
  endedSince(): string {
    const text = this.#jobs
      .filter(job => job.exitCode !== undefined)
      .map(job => this.#line(job))
      .join('');
    this.#forgetEnded();
    return text;
  }

  #line(job: Job): string {
    const last = this.#jobs.at(-1) === job;
    const mark = last ? '+' : this.#jobs.at(-2) === job ? '-' : ' ';
    const state =
      job.exitCode === undefined
        ? 'Running'
        : job.killed
          ? 'Terminated'
          : job.exitCode === 0
            ? 'Done'
            : `Exit ${job.exitCode}`;
    return `[${job.id}]${mark}  ${state.padEnd(22)}  ${job.line}${job.exitCode === undefined ? ' &' : ''}\n`;
  }

  #forgetEnded(): void {
    this.#jobs = this.#jobs.filter(job => job.exitCode === undefined);
  }
}

export const pid = (job: Job): number => FIRST_PID + job.id * 2;
