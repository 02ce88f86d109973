/** The interactive shell: prompt, completion, lines that go on, Ctrl-C and Ctrl-D, over streams that play the terminal. */
import { PassThrough } from 'node:stream';
import { labVerbs } from '../../src/cli/lab-verbs.ts';
import { talk } from '../../src/cli/terminal.ts';
import { Lab } from '../../src/lab.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite<{ screen: Screen }>('cli/terminal', undefined, 20_000);

/** What stands on the screen, and somebody who types at it. */
class Screen {
  readonly input = new PassThrough();
  readonly output = new PassThrough();
  text = '';
  #looked = (): void => {};

  constructor() {
    this.output.on('data', (octets: Buffer) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: cursor movements begin with escape
      this.text += octets.toString().replace(/\u001b\[[0-9;]*[A-Za-z]/g, '');
      this.#looked();
    });
  }

  /** Press keys one by one, as fingers do, and wait for `awaited`. What was shown since. */
  async press(keys: string, awaited: string | RegExp): Promise<string> {
    this.text = '';
    for (const key of keys) {
      this.input.write(key);
      await new Promise(resolve => setImmediate(resolve));
    }
    return this.see(awaited);
  }

  async see(awaited: string | RegExp): Promise<string> {
    while (!(typeof awaited === 'string' ? this.text.includes(awaited) : awaited.test(this.text))) {
      await new Promise<void>(resolve => {
        this.#looked = resolve;
      });
    }
    return this.text;
  }
}

let lab: Lab;
let left: Promise<number>;

t.before(async context => {
  lab = await Lab.load(fromRoot('scenarios/kans.yaml'), { workers: 0 });
  await lab.converge();
  const screen = new Screen();
  const verbs = labVerbs(lab, fromRoot('scenarios/kans.yaml'));
  const shell = await lab.shell({
    output: text => screen.output.write(text),
    pace: milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds / 50)),
    extras: verbs.commands,
  });
  verbs.attach(shell);
  left = talk(shell, lab, screen);
  context.screen = screen;
  await screen.see('root@k8s-m:~# ');
});
t.after(() => lab.close());

t('a line, its answer, the next prompt', async ({ screen }) => {
  assert.match(await screen.press('hostname\r', /k8s-m\nroot@k8s-m:~# $/), 'k8s-m\n');
});

t('Tab completes commands, verbs, kinds and names', async ({ screen }) => {
  await screen.press('calico\t', 'calicoctl ');
  await screen.press('get ippo\t', 'ippools ');
  await screen.press('def\t', 'default-ipv4-ippool ');
  assert.match(await screen.press('\r', /root@k8s-m:~# $/), '172.16.0.0/16');
});

t('a here-document is waited for', async ({ screen }) => {
  await screen.press('cat <<EOF\r', '> ');
  await screen.press('abc\r', '> ');
  assert.match(await screen.press('EOF\r', /root@k8s-m:~# $/), /\nabc\n/);
});

t('Ctrl-C stops a ping that would go on for ever', async ({ screen }) => {
  await screen.press('ping 192.168.10.101\r', 'icmp_seq=2');
  const end = await screen.press('\u0003', /root@k8s-m:~# $/);
  assert.match(end, '^C');
  assert.match(end, ' packets transmitted, ');
});

t('Ctrl-C at the prompt gives the line up', async ({ screen }) => {
  await screen.press('half a line', 'half a line');
  await screen.press('\u0003', /root@k8s-m:~# $/);
  assert.match(await screen.press('hostname\r', /root@k8s-m:~# $/), 'k8s-m\n');
});

t('lines that are pasted wait for their turn', async ({ screen }) => {
  screen.text = '';
  screen.input.write('ssh k8s-w1\rhostname\rexit\r');
  const shown = await screen.see(/closed\.\n.*root@k8s-m:~# $/s);
  assert.match(shown, /k8s-w1\n/);
  assert.match(shown, 'Connection to k8s-w1 closed.');
});

t('step runs what the scenario would', async ({ screen }) => {
  assert.match(await screen.press('step\r', /root@k8s-m:~# $/), ' 1  IPIP');
});

t('Ctrl-D leaves with the code of the last line', async ({ screen }) => {
  await screen.press('false\r', /root@k8s-m:~# $/);
  screen.input.write('\u0004');
  assert.is(await left, 1);
});

t.run();
