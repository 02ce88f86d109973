/** Label selectors of kubectl's `-l`: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, joined by commas. */
type Labels = Readonly<Record<string, string>>;

/** Undefined when the text is no selector. */
export function labelSelector(text: string): ((labels: Labels) => boolean) | undefined {
  const tests: ((labels: Labels) => boolean)[] = [];
  for (const part of text.split(/,(?![^(]*\))/)) {
    const test = requirement(part.trim());
    if (test === undefined) return undefined;
    tests.push(test);
  }
  return labels => tests.every(test => test(labels));
}

function requirement(text: string): ((labels: Labels) => boolean) | undefined {
  const set = /^([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(text);
  if (set !== null) {
    const [, key, operator, list] = set;
    const values = list!.split(',').map(value => value.trim());
    return labels => (Object.hasOwn(labels, key!) && values.includes(labels[key!]!)) === (operator === 'in');
  }
  const compared = /^([\w./-]+)\s*(==?|!=)\s*([\w.-]*)$/.exec(text);
  if (compared !== null) {
    const [, key, operator, value] = compared;
    return labels => (Object.hasOwn(labels, key!) && labels[key!] === value) === (operator !== '!=');
  }
  const present = /^(!?)\s*([\w./-]+)$/.exec(text);
  if (present === null) return undefined;
  return labels => Object.hasOwn(labels, present[2]!) === (present[1] === '');
}
