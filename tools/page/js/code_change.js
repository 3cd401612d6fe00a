// The lines that a mutant changes, as a difference.

import { h } from './dom.js';

export function codeChange(mutant) {
  if (!mutant.file) return null;
  const lines = (text, sign, kind) => text.replace(/\n$/, '').split('\n')
    .map((line) => h('span', { class: `line ${kind}` }, h('span', { class: 'number', 'aria-hidden': 'true' }, sign), h('span', { class: 'text' }, `${line}\n`)));
  return h('details', { class: 'change' }, h('summary', {}, `The change, in ${mutant.file}`),
    h('pre', { class: 'code', tabindex: '0', 'aria-label': 'The change' }, lines(mutant.old, '−', 'removed'), lines(mutant.new, '+', 'added')));
}
