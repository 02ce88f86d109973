/** What `tunlab capture` takes; its body is commands/capture.ts. */
import type { CommandSpec } from './command-table.ts';
import { common, parseNumber, parseSteps, parseTime, SEED, SHELL_WORKERS } from './option-values.ts';

/** libpcap's own default, and its most. */
const SNAP_LENGTH = 262_144;

export const capture: CommandSpec<'capture'> = {
  name: 'capture',
  usage: 'FILE [EXPR]',
  about: 'show the packets of any device that pass an expression; -w - for Wireshark',
  minimum: 1,
  maximum: Number.POSITIVE_INFINITY,
  options: [
    {
      flags: '-i, --interface <device>',
      about: 'k8s-w1/tunl0, k8s-w1, pod1/eth0; any (default); may be given again',
      repeatable: true,
    },
    { flags: '-w, --write <file>', about: 'one pcapng file of all devices; - is standard output' },
    { flags: '-s, --snaplen <octets>', about: 'keep so much of each packet' },
    { flags: '-c, --count <packets>', about: 'end after so many' },
    { flags: '--until <time>', about: 'end at this virtual time, not after the last step' },
    { flags: '--steps <number>', about: 'run so many steps, or all (default); 0: let it converge' },
    { flags: '-e, --ether', about: 'lines of text with the Ethernet header' },
    { flags: '-v, --verbose', about: 'lines of text with more fields' },
    { flags: '-n, --numeric', about: 'what it always does', hidden: true },
    SHELL_WORKERS,
    SEED,
  ],
  examples: [
    ['tunlab capture lab.yaml -w - | wireshark -k -i -', 'watch a lab from its first ARP request on'],
    ['tunlab capture lab.yaml -i k8s-w1/tunl0 -i k8s-w1/eth0 icmp', 'a packet before and after its tunnel'],
    ['tunlab capture lab.yaml -w lab.pcapng -s 128 not tcp port 179', 'headers only, and no BGP'],
    ['tunlab capture lab.yaml -i pod1/eth0 --until 10s', 'what a pod sees in the first ten seconds'],
  ],
  read: words => {
    const until = parseTime(words, 'until');
    return {
      ...common(words),
      ...(words.text('workers') === undefined && { workers: 0 }),
      path: words.positional[0]!,
      filter: words.positional.slice(1).join(' '),
      interfaces: words.list('interface'),
      write: words.text('write'),
      // 0 means the default, as with tcpdump.
      snapLength: parseNumber(words, 'snaplen', 0, SNAP_LENGTH) || SNAP_LENGTH,
      count: parseNumber(words, 'count', 1, 999_999_999) ?? Number.POSITIVE_INFINITY,
      until,
      steps: parseSteps(words.text('steps') ?? 'all'),
      ether: words.on('ether'),
      verbose: words.on('verbose'),
    };
  },
};
