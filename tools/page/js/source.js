// The lines of C that a move has run. The engine reports file and line; here they are gathered by
// function, and the functions are shown with these lines highlighted, the most telling one first.

import { h, setClass } from './dom.js';

// Functions that carry an idea, from the most telling on; others are helpers.
const TELLING = ['eoi_map_scan', 'add_routed', 'eoi_map_retired', 'tokens_retire', 'vioapic_eoi', 'tokens_accept', 'virq_write_eoi_words',
  'virq_write_status', 'processor_deliver', 'processor_eoi', 'vlapic_eoi_exit', 'deliver', 'ioapic_reroute', 'write_entry', 'evaluate',
  'request_scan', 'vioapic_set_line', 'post_to_one', 'post_to_all', 'vlapic_post', 'vlapic_accept',
  'accept_vector', 'retire', 'report_eoi', 'routing_scan', 'scan', 'vioapic_release', 'vioapic_retry', 'routing_wants_scan',
  'apic_identity_changed', 'processor_self_ipi', 'set_remote_irr', 'send_to', 'trace_change'];

// ---- functions of a file ----

// { name, first, body, last }: lines from 1, the comment above from `first` on. The sources are
// formatted by clang-format: a function begins in the first column, and its last brace stands there.
function functionsOf(text) {
  const lines = text.split('\n');
  const found = [];
  for (let i = 0; i < lines.length; i++) {
    if (!/^\w.*\(/.test(lines[i])) continue;
    let open = i;
    while (open < lines.length - 1 && !/[{;]$/.test(lines[open])) open++;
    if (!/\) \{$/.test(lines[open])) continue;
    const name = /(\w+)\(/.exec(lines[i].replace(/__attribute__\(\(\w+\)\)/, ''))[1];
    const last = lines.indexOf('}', open);
    found.push({ name, first: commentAbove(lines, i) + 1, body: i + 1, last: last + 1 });
    i = last;
  }
  return found;
}

function commentAbove(lines, i) {
  let first = i - 1;
  if (first < 0 || !/\*\/$/.test(lines[first])) return i;
  while (first > 0 && !/^\/\*/.test(lines[first])) first--;
  return first;
}

// ---- colours ----

const TOKENS = /(\/\*[\s\S]*?(?:\*\/|$)|^ \*.*$|"(?:[^"\\]|\\.)*")|\b(0x[\da-f]+|\d+)(?:[uUlL]*)\b|\b(if|else|for|while|do|switch|case|default|return|break|continue|static|inline|const|struct|enum|unsigned|void|bool|int|char|sizeof|true|false|u?int\d+_t)\b/gm;

function coloured(line, inComment) {
  if (inComment) return [h('i', { class: 'c-comment' }, line)];
  const parts = [];
  let at = 0;
  for (const match of line.matchAll(TOKENS)) {
    parts.push(line.slice(at, match.index));
    const kind = match[1] ? (match[1][0] === '"' ? 'c-string' : 'c-comment') : match[2] ? 'c-number' : 'c-keyword';
    parts.push(h('i', { class: kind }, match[0]));
    at = match.index + match[0].length;
  }
  parts.push(line.slice(at));
  return parts;
}

// ---- the panel ----

export class SourcePanel {
  // sources: [{ path, text }], in the order of the engine's file numbers.
  constructor(sources) {
    this.files = sources.map(({ path, text }) => ({ path, lines: text.split('\n'), functions: functionsOf(text) }));
    this.tabs = h('div', { class: 'tabs', role: 'group', 'aria-label': 'Functions that ran' });
    this.where = h('p', { class: 'path' });
    this.code = h('pre', { class: 'code', tabindex: '0', 'aria-label': 'C code; the lines that ran are marked' });
    this.box = h('section', { class: 'card source', 'aria-label': 'The lines of C that ran' },
      h('h2', {}, 'The lines of C that did it'), this.tabs, this.where, this.code);
  }

  // The functions that these lines are in, by their first line: { file, it, ran }.
  gather(lines) {
    const found = new Map();
    for (const [number, line] of lines) {
      const file = this.files[number];
      const it = file.functions.find(({ body, last }) => body <= line && line <= last);
      if (!it) continue;
      const key = `${number}:${it.first}`;
      if (!found.has(key)) found.set(key, { file, it, ran: new Set() });
      found.get(key).ran.add(line);
    }
    return [...found.values()];
  }

  show(group) {
    const ran = this.gather(group.flatMap((record) => record.lines));
    const rank = (entry) => TELLING.indexOf(entry.it.name);
    const telling = ran.filter((entry) => rank(entry) >= 0);
    const helpers = ran.filter((entry) => rank(entry) < 0);
    const best = [...telling].sort((a, b) => rank(a) - rank(b))[0] ?? helpers[0];
    const shown = telling.length ? telling : helpers;
    this.tabs.replaceChildren(...shown.map((entry) => this.tab(entry)));
    if (telling.length && helpers.length) {
      this.tabs.append(h('details', {}, h('summary', {}, `${helpers.length} helpers`), helpers.map((entry) => this.tab(entry))));
    }
    if (best) this.open(best);
    else this.empty(group);
  }

  empty(group) {
    this.where.textContent = '';
    this.code.replaceChildren(h('span', { class: 'nothing' }, group.length
      ? 'Nothing of the interrupt core runs in this step:\nthe work is the run loop\'s (vmm/vcpu/run.c) or the processor\'s.'
      : 'Nothing has run yet.'));
  }

  tab(entry) {
    const button = h('button', { type: 'button', class: 'tab', click: () => this.open(entry) }, `${entry.it.name}()`);
    entry.button = button;
    return button;
  }

  open(entry) {
    const { file, it, ran } = entry;
    for (const button of this.tabs.querySelectorAll('button')) setClass(button, 'on', button === entry.button);
    for (const button of this.tabs.querySelectorAll('button')) button.setAttribute('aria-pressed', String(button === entry.button));
    this.where.textContent = `${file.path}, line ${Math.min(...ran)}`;
    this.code.replaceChildren(...this.lines(file, it, ran));
    const first = this.code.querySelector('.ran');
    if (first) this.code.scrollTop = Math.max(0, first.offsetTop - this.code.offsetTop - 60);
    this.code.scrollLeft = 0;
  }

  lines(file, it, ran) {
    let inComment = false;
    return file.lines.slice(it.first - 1, it.last).map((line, i) => {
      const number = it.first + i;
      const wasIn = inComment;
      if (/\/\*/.test(line)) inComment = true;
      const element = h('span', { class: ran.has(number) ? 'line ran' : 'line' },
        h('span', { class: 'number', 'aria-hidden': 'true' }, String(number)),
        h('span', { class: 'text' }, coloured(line, wasIn), '\n'));
      if (/\*\//.test(line)) inComment = false;
      return element;
    });
  }
}
