/**
 * Colours with a meaning, each doubled by a glyph or a word, so that nothing is lost without them (`NO_COLOR`, a file,
 * a colour-blind reader). There are no bare colours here on purpose.
 */

export interface Colour {
  /** An expectation that held: `✓ text`, green. */
  held(text: string): string;
  /** One that did not, or something that is broken: `✗ text`, red. */
  failed(text: string): string;
  /** No verdict: `? text`, yellow. */
  open(text: string): string;
  /** A line that came: `+ text`. */
  added(text: string): string;
  /** A line that went: `- text`. */
  removed(text: string): string;
  /** Names and headings. Carries no meaning. */
  strong(text: string): string;
  /** What may be skipped. Carries no meaning. */
  faint(text: string): string;
}

const SGR = { red: 31, green: 32, yellow: 33, bold: 1, faint: 2 } as const;

/** With escape sequences, or without. */
export function colour(enabled: boolean): Colour {
  const paint = (code: number, text: string): string => (enabled ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    held: text => paint(SGR.green, `✓ ${text}`),
    failed: text => paint(SGR.red, `✗ ${text}`),
    open: text => paint(SGR.yellow, `? ${text}`),
    added: text => paint(SGR.green, `+ ${text}`),
    removed: text => paint(SGR.red, `- ${text}`),
    strong: text => paint(SGR.bold, text),
    faint: text => paint(SGR.faint, text),
  };
}

/**
 * Whether a stream gets colours: `NO_COLOR` (any value but none) says no, `FORCE_COLOR` yes (`0`: no), else terminals
 * that can show them do.
 */
export function wantsColour(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: terminal } = env;
  if (no !== undefined && no !== '') return false;
  if (force !== undefined && force !== '') return force !== '0';
  return isTerminal && terminal !== 'dumb';
}
