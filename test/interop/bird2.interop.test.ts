/** BIRD 2 of Debian. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { birdPaths } from './bird-text.ts';
import { DAEMON, eventually, HOLD_SEC, install, LAB, RealDaemon, type ReceivedPath, run } from './daemon.ts';
import { interop } from './peer-suite.ts';

class Bird2 extends RealDaemon {
  get #socket(): string {
    return join(this.folder, 'bird.ctl');
  }

  async start(): Promise<void> {
    const file = join(this.folder, 'bird.conf');
    writeFileSync(file, this.#configuration());
    this.spawn('/usr/sbin/bird', [
      '-f',
      '-R',
      '-c',
      file,
      '-s',
      this.#socket,
      '-P',
      join(this.folder, 'pid'),
    ]);
    await eventually('bird answers', 10, () => this.#birdc('show', 'status'));
  }

  async established(): Promise<boolean> {
    return (await this.#birdc('show', 'protocols', 'lab')).includes('Established');
  }

  async received(): Promise<ReceivedPath[]> {
    return birdPaths(await this.#birdc('show', 'route', 'all', 'protocol', 'lab'));
  }

  async disable(): Promise<void> {
    await this.#birdc('disable', 'lab');
  }

  async enable(): Promise<void> {
    await this.#birdc('enable', 'lab');
  }

  #birdc(...words: string[]): Promise<string> {
    return run('/usr/sbin/birdc', ['-s', this.#socket, ...words]);
  }

  #configuration(): string {
    const { as, address, labAs, labPort, port, announces } = this.setup;
    return `log stderr all;
router id ${address};
protocol device { }
protocol static { ipv4; ${announces.map(prefix => `route ${prefix} blackhole;`).join(' ')} }
protocol bgp lab {
  local ${DAEMON} port ${port} as ${as};
  neighbor ${LAB} ${labPort === undefined ? '' : `port ${labPort}`} as ${labAs};
  ${labPort === undefined ? 'passive on;' : ''}
  multihop;
  graceful restart on;
  hold time ${HOLD_SEC};
  connect delay time 1; connect retry time 2; error wait time 1,2;
  ipv4 {
    add paths on;
    import all;
    export filter { if source != RTS_STATIC then reject; bgp_next_hop = ${address}; accept; };
  };
}
`;
  }
}

interop({
  name: 'bird2',
  install: () => install('/usr/sbin/bird', ['bird2']),
  make: setup => new Bird2(setup),
}).run();
