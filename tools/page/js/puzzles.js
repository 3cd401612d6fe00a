// Puzzles: something is wrong in this hypervisor. At which move does it go wrong, and which invariant is
// violated? The engine itself knows, and grades the answer; the page has no list of solutions.

import { h } from './dom.js';
import { Session } from './session.js';
import { codeChange } from './code_change.js';
import { puzzleOrder } from './puzzle_order.js';

const AFTER = 6; // moves after the mistake, so that it is not just the last one
const STORE = 'pinwheel-puzzles';

// Solved puzzles: number from 0 => the answer, as make grade reads it.
function readSolved() {
  try {
    return new Map(JSON.parse(localStorage.getItem(STORE) ?? '[]').filter((it) => Array.isArray(it)));
  } catch {
    return new Map(); // no storage: solved ones are remembered until the page is closed
  }
}

export class PuzzleView {
  // show(session): lets the page show this session instead of its own.
  constructor(data, show) {
    this.data = data;
    this.show = show;
    this.puzzles = puzzleOrder(data.mutants);
    this.solved = readSolved();
    this.list = h('div', { class: 'puzzle-list', role: 'group', 'aria-label': 'Puzzles' }, this.puzzles.map((_, i) =>
      h('button', { type: 'button', 'aria-label': `Puzzle ${i + 1}`, click: () => this.open(i) }, String(i + 1))));
    this.title = h('h2', {});
    this.invariant = h('select', { id: 'violated' }, h('option', { value: '' }, 'choose one'),
      data.invariants.map(({ number, title }) => h('option', { value: number }, `${number}: ${title}`)));
    this.verdict = h('div', { class: 'answer', 'aria-live': 'polite' });
    this.box = h('section', { class: 'card puzzle', 'aria-label': 'Puzzle' }, this.list, this.title,
      h('p', {}, 'One mistake was made in this hypervisor. Step through what it does: at which move is an invariant violated for the first time, and which one?'),
      h('div', { class: 'buttons' }, h('label', { for: 'violated' }, 'Invariant'), this.invariant),
      h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'primary', click: () => this.answer() }, 'It is this move'),
        h('button', { type: 'button', click: () => this.reveal() }, 'Show me'),
        h('button', { type: 'button', title: 'The solved ones, for answers.txt of make grade', click: () => this.copyAnswers() }, 'Copy my answers')),
      this.verdict);
    this.index = 0;
  }

  get link() {
    return `puzzle/${this.index + 1}`;
  }

  async open(index) {
    this.index = Math.max(0, Math.min(index, this.puzzles.length - 1));
    const { name, replay } = this.puzzles[this.index];
    const session = new Session(await this.data.engineOf(name));
    const [bound, ...moves] = replay;
    session.load(bound, moves);
    for (let n = 0; n < AFTER; n++) {
      const move = session.workOf(0) ?? session.workOf(1);
      if (!move || !session.push(move)) break;
    }
    this.where = session.records.findIndex(({ happened }) => happened.violated !== undefined);
    this.session = session;
    this.title.textContent = `Puzzle ${this.index + 1} of ${this.puzzles.length}`;
    this.verdict.replaceChildren();
    this.invariant.value = '';
    this.mark();
    this.show(session);
    session.go(0);
  }

  mark() {
    [...this.list.children].forEach((button, i) => {
      button.setAttribute('aria-pressed', String(i === this.index));
      button.classList.toggle('solved', this.solved.has(i));
      button.setAttribute('aria-label', `Puzzle ${i + 1}${this.solved.has(i) ? ', solved' : ''}`);
    });
  }

  answer() {
    const { violated } = this.session.records[this.where].happened;
    const rightMove = this.session.at === this.where;
    const rightInvariant = this.invariant.value !== '' && Number(this.invariant.value) === violated;
    if (rightMove && rightInvariant) {
      this.solved.set(this.index, `move ${this.where}, invariant ${violated}`);
      this.remember();
      this.mark();
      this.reveal('Solved.');
      return;
    }
    const hint = rightMove ? 'The move is right, the invariant is another one.'
      : rightInvariant ? `The invariant is right; it happens ${this.session.at < this.where ? 'later' : 'earlier'}.`
        : `Not this one. It happens ${this.session.at < this.where ? 'later' : this.session.at > this.where ? 'earlier' : 'here'}.`;
    this.verdict.replaceChildren(h('p', { class: 'verdict wrong' }, hint));
  }

  reveal(word = '') {
    const puzzle = this.puzzles[this.index];
    const { violated, what } = this.session.records[this.where].happened;
    this.session.go(this.where);
    this.verdict.replaceChildren(h('p', { class: word ? 'verdict right' : 'verdict' }, `${word} Move ${this.where}, invariant ${violated}: ${what}.`),
      h('p', {}, puzzle.says), codeChange(puzzle) ?? '');
  }

  // The lines of answers.txt; shown, too, where there is no clipboard.
  async copyAnswers() {
    const lines = [...this.solved].sort(([a], [b]) => a - b).map(([i, answer]) => `puzzle ${i + 1} = ${answer}`);
    const copied = lines.length > 0 && await navigator.clipboard?.writeText(`${lines.join('\n')}\n`).then(() => true, () => false);
    this.verdict.replaceChildren(h('p', { class: 'verdict' }, lines.length === 0 ? 'No puzzle is solved yet.' : copied ? 'Copied.' : 'Copy these lines:'),
      h('pre', { class: 'answers' }, lines.join('\n')));
  }

  remember() {
    try {
      localStorage.setItem(STORE, JSON.stringify([...this.solved]));
    } catch {
      // as in readSolved()
    }
  }
}
