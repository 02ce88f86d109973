/** A page that stands alone: style and pictures inside, nothing to load, light and dark, on paper too. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, letter => ENTITIES[letter]!);

const STYLE = `
:root{--ink:#1c2330;--soft:#5b6675;--paper:#fff;--rule:#d9dee6;--c1:#2166ac;--c2:#67a9cf;--c3:#d6604d;--c4:#f4a582;--c5:#7b3294}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#a3adbb;--paper:#14181f;--rule:#323a46;--c1:#6baed6;--c2:#3a7ca8;--c3:#ef8a62;--c4:#b9603f;--c5:#c2a5cf}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1240px;padding:24px 16px;background:var(--paper);color:var(--ink);font:16px/1.45 system-ui,"Liberation Sans",Arial,sans-serif}
h1{font-size:1.45rem;line-height:1.3;margin:0 0 .4em;max-width:64rem;text-wrap:balance}
h2{font-size:1.15rem;margin:2em 0 .6em;border-top:1px solid var(--rule);padding-top:1em}
p{margin:.3em 0;max-width:52rem;color:var(--soft)}
.row{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:24px}
figure{margin:0;min-width:0;break-inside:avoid}
figcaption{font-weight:600;margin-bottom:.5em}
svg{display:block;width:100%;max-width:480px;height:auto;font-size:12px}
text{fill:var(--ink)}
text.tick,text.number{fill:var(--soft)}
text.end{text-anchor:end}
.grid{stroke:var(--rule)}
.curve{fill:none;stroke-width:1.8}
.key{display:inline-block;margin-right:1em;color:var(--soft);font-size:.9rem}
.key i{display:inline-block;width:.8em;height:.8em;margin-right:.35em}
${[1, 2, 3, 4, 5].map(n => `rect.c${n}{fill:var(--c${n})}path.c${n}{stroke:var(--c${n})}i.c${n}{background:var(--c${n})}`).join('\n')}
path.c3{stroke-dasharray:5 3}
table{margin-top:1.5em;border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.35em .8em .35em 0;border-bottom:1px solid var(--rule)}
th{color:var(--soft);font-weight:600;font-size:.85rem}
@media (max-width:700px){thead{display:none}tr{display:block;padding:.5em 0;border-bottom:1px solid var(--rule)}
td{display:flex;justify-content:space-between;gap:1em;border:0;padding:.1em 0}td::before{content:attr(data-label);color:var(--soft)}td:first-child{font-weight:600}}
@media print{body{max-width:none;padding:0}h2{break-after:avoid}}
`;

/** `body` is HTML. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

export function figure(caption: string, picture: string): string {
  return `<figure><figcaption>${escapeHtml(caption)}</figcaption>${picture}</figure>`;
}

/** What each colour means. */
export const key = (entries: readonly (readonly [colour: string, meaning: string])[]): string =>
  `<p>${entries.map(([colour, meaning]) => `<span class="key"><i class="${colour}"></i>${escapeHtml(meaning)}</span>`).join('')}</p>`;

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = header.map(cell => `<th>${escapeHtml(cell)}</th>`).join('');
  const body = rows.map(row => {
    const cells = row.map((cell, c) => `<td data-label="${escapeHtml(header[c]!)}">${escapeHtml(cell)}</td>`);
    return `<tr>${cells.join('')}</tr>`;
  });
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table>`;
}
