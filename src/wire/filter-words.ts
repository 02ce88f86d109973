/** Words of the filter language that belong to networks without Ethernet or IP, and what tcpdump says to them here. */
import { SYNTAX_ERROR, type Token } from './filter-tokens.ts';

const ATM = ['lane', 'oamf4sc', 'oamf4ec', 'oamf4', 'oam', 'metac', 'bcc', 'sc', 'ilmic', 'connectmsg'];
const ATM_NUMBERED = ['vpi', 'vci'];
const MTP2 = ['fisu', 'lssu', 'msu', 'hfisu', 'hlssu', 'hmsu'];
const SS7_NUMBERED = ['sio', 'opc', 'dpc', 'sls', 'hsio', 'hopc', 'hdpc', 'hsls'];
const PACKET_FILTER: Readonly<Record<string, string>> = {
  on: 'ifname',
  rset: 'ruleset',
  rnr: 'rnr',
  srnr: 'srnr',
  reason: 'reason',
  action: 'action',
};
const NUMBERED: ReadonlySet<string> = new Set(['rnr', 'srnr', ...ATM_NUMBERED, ...SS7_NUMBERED]);

/** tcpdump's message for a word and what follows it; nothing for the words that mean something here. */
export function foreignWord(word: string, next: Token | undefined): string | undefined {
  if (ATM.includes(word)) return `'${word}' supported only on raw ATM`;
  if (MTP2.includes(word)) return `'${word.replace(/^h(?=[flm])/, '')}' supported only on MTP2`;
  const filter = PACKET_FILTER[word];
  const numbered = NUMBERED.has(word);
  const isType = word === 'type' || word === 'subtype';
  if (filter === undefined && !numbered && !isType && word !== 'dir') return undefined;
  const fits = numbered || next?.kind === 'number' ? next?.kind === 'number' : next?.kind === 'id';
  if (!fits) return SYNTAX_ERROR;
  if (filter !== undefined) return `${filter} supported only on PF linktype`;
  if (isType) return '802.11 link-layer types supported only on 802.11';
  if (word === 'dir')
    return next?.kind === 'number'
      ? 'frame direction supported only with 802.11 headers'
      : 'unknown 802.11 direction';
  if (ATM_NUMBERED.includes(word)) return `'${word}' supported only on raw ATM`;
  return `'${word.replace(/^h/, '')}' supported only on SS7`;
}
