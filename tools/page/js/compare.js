// Side by side: the same moves on the engine and on a mutant of it. Where the two part is marked, and the
// EOI exits of each are counted.

import { h, setClass, setText } from './dom.js';
import { Session } from './session.js';
import { Machine } from './machine.js';
import { HappenedPanel } from './happened.js';
import { codeChange } from './code_change.js';
import { pathLink } from './link.js';

// What some hypervisors do; the other mutants are mistakes.
const OTHERS = ['rescan_off', 'guessed_in_flight', 'highest_stale', 'coincidental_is_sent'];
const FIRST = OTHERS[0];

const MORE = 10;
const MOST_WORK = 30; // steps that the mutant may need of its own before it can follow a move

const same = (a, b) => a.every((byte, i) => byte === b[i]);

function exits({ counts }) {
  const [live, stale, coincidental] = ['live', 'stale', 'coincidental'].map((kind) => counts[kind].flat().reduce((a, b) => a + b, 0));
  return [live + stale + coincidental, live, stale, coincidental];
}

// The mutant makes this move. Its vCPUs may be elsewhere in their work: work that it does not have is left
// out, and work that it has to do before is done.
function imitate(twin, move) {
  if (twin.push(move) || /^(?:step|kick)/.test(move)) return true;
  for (let n = 0; n < MOST_WORK; n++) {
    const work = twin.workOf(0) ?? twin.workOf(1);
    if (!work || !twin.push(work)) return false;
    if (twin.push(move)) return true;
  }
  return false;
}

// Lowers the lines, and ends what is in flight; then MORE edges on each vector that no route leads to
// vCPU 0, each with its EOI.
function sendMore(session, vectors) {
  const work = () => {
    for (let n = 0; n < MOST_WORK; n++) {
      const next = session.workOf(0) ?? session.workOf(1);
      if (!next || !session.push(next)) break;
    }
  };
  const settle = () => {
    for (let n = 0; n < MOST_WORK; n++) {
      work();
      const { vcpu } = session.now.state;
      const v = [0, 1].find((i) => vcpu[i].isr || session.now.possible.includes(`deliver${i}`));
      if (v === undefined) break;
      session.push(session.now.possible.includes(`deliver${v}`) ? `deliver${v}` : `eoi${v}`);
    }
  };
  [0, 1].filter((p) => session.now.state.pin[p].line).forEach((p) => session.push(`line${p}`));
  settle();
  const unrouted = vectors.filter((_, k) => !((session.now.state.vcpu[0].routed >> k) & 1));
  for (let n = 0; n < MORE; n++) {
    for (const vector of unrouted) {
      session.push(`ipi0.${vector.toString(16)}`);
      settle();
    }
  }
}

export class CompareView {
  // session: that of the page, which the controls move. machine: its picture.
  constructor(data, session, machine, onChange) {
    Object.assign(this, { data, session, machine, onChange });
    this.choice = h('select', { id: 'mutant', change: () => this.choose(this.choice.value, true) },
      h('optgroup', { label: 'As some do it' }, OTHERS.map((name) => h('option', { value: name }, name))),
      h('optgroup', { label: 'Mistakes' }, data.mutants.filter(({ name }) => !OTHERS.includes(name)).map(({ name }) => h('option', { value: name }, name))));
    this.toggle = h('button', { type: 'button', 'aria-pressed': 'false', click: () => this.showControls() }, 'Moves of your own');
    this.says = h('p', { class: 'says' });
    this.change = h('div', {});
    this.verdict = h('p', { class: 'verdict', role: 'status' });
    this.goTo = h('button', { type: 'button', click: () => session.go(this.parted) }, 'Go there');
    this.box = h('section', { class: 'card compare', 'aria-label': 'Compare with a mutant' },
      h('div', { class: 'buttons' }, h('label', { for: 'mutant', class: 'label' }, 'The other hypervisor is'), this.choice,
        h('button', { type: 'button', click: () => this.choose(this.name, true) }, 'Its story'),
        h('button', { type: 'button', title: 'Ends what is in flight, then sends vCPU 0 edges on the vectors that no route leads to it: do their EOIs exit?',
          click: () => this.more() }, `Then ${MORE} edges on each free vector`),
        this.toggle),
      this.says, h('div', { class: 'buttons' }, this.verdict, this.goTo), h('div', { class: 'scroll' }, this.tally()), this.change);
    this.place = h('div', { class: 'twin' });
    this.name = FIRST;
  }

  tally() {
    this.rows = [0, 1].map(() => [0, 1, 2, 3].map(() => h('td', {})));
    this.rowNames = ['Pinwheel', FIRST].map((name) => h('th', { scope: 'row' }, name));
    return h('table', { class: 'tally' }, h('caption', { class: 'unseen' }, 'EOI exits'),
      h('thead', {}, h('tr', {}, ['EOI exits', 'all', 'live', 'stale', 'coincidental'].map((name) => h('th', { scope: 'col' }, name)))),
      h('tbody', {}, this.rows.map((cells, i) => h('tr', {}, this.rowNames[i], cells))));
  }

  // With `story`, the moves that show the mistake are made at once.
  async choose(name, story, bound, moves) {
    const mutant = this.data.mutant(name) ?? this.data.mutant(FIRST);
    const engine = await this.data.engineOf(mutant.name);
    this.name = this.choice.value = mutant.name;
    this.places = undefined;
    this.rowNames[1].textContent = mutant.name;
    this.twin = new Session(engine);
    this.view = new Machine(engine.about, null, ` of ${mutant.name}`);
    this.happened = new HappenedPanel(this.data, engine.about, `What just happened in ${mutant.name}`);
    this.place.replaceChildren(h('h2', { class: 'machine-name' }, mutant.name), this.view.box, this.happened.box);
    this.says.textContent = mutant.says;
    this.change.replaceChildren(...[codeChange(mutant)].filter(Boolean));
    if (story) this.load(mutant.replay);
    else if (bound) this.session.load(bound, moves);
    else this.session.changed();
  }

  // Pinwheel may have parted from the mutant before the end of its story: then it follows as it can.
  load([bound, ...moves]) {
    const { session } = this;
    const made = session.load(bound, moves);
    if (made === moves.length) return;
    for (const move of moves.slice(made)) imitate(session, move);
    session.go(session.at);
  }

  // The mutant follows the session as far as it can: this.places[i] is its place after move i.
  follow() {
    const { session, twin } = this;
    const wanted = session.records.slice(1).map((it) => it.move);
    if (twin.bound !== session.bound || !this.places) {
      twin.reset(session.bound);
      this.places = [0];
      this.followed = [];
    }
    let kept = 0;
    while (kept < wanted.length && kept < this.places.length - 1 && this.followed[kept] === wanted[kept]) kept++;
    this.places.length = kept + 1;
    this.followed = wanted;
    twin.records.length = this.places[kept] + 1;
    twin.at = twin.records.length - 1;
    twin.engine.restore(twin.now.bytes);
    for (let i = kept; i < wanted.length && imitate(twin, wanted[i]); i++) this.places.push(twin.at);
    this.end = this.places.length - 1;
    this.parted = this.places.findIndex((place, i) => !same(session.records[i].bytes, twin.records[place].bytes));
    twin.at = this.places[Math.min(session.at, this.end)];
    twin.from = this.places[Math.min(session.from, this.end)];
  }

  show() {
    if (!this.twin) return;
    this.follow();
    const { session, twin, parted } = this;
    const group = session.at > this.end ? [] : twin.group();
    this.view.show(twin.now, twin.before(), group);
    this.view.markAgainst(this.machine);
    this.happened.show(twin.now, group);
    this.goTo.hidden = parted < 0 || parted === session.at;
    setText(this.verdict, `${this.howFar()} ${this.violation()}`);
    this.rows.forEach((row, i) => exits([session, twin][i].now).forEach((n, column) => {
      setText(row[column], String(n));
      setClass(row[column], 'zero', n === 0);
    }));
    this.onChange();
  }

  howFar() {
    const { session, parted } = this;
    if (session.at > this.end) return `After move ${this.end} the other one cannot follow: "${this.followed[this.end]}" is not possible there.`;
    if (parted < 0) return 'No difference in the state so far.';
    return `They part at move ${parted}${session.at < parted ? '' : `: ${session.records[parted].sentence}`}`;
  }

  violation() {
    const at = this.twin.records.findIndex(({ happened }) => happened.violated !== undefined);
    if (at < 0 || at > this.twin.at) return '';
    const { violated, what } = this.twin.records[at].happened;
    return `Invariant ${violated} is violated: ${what}.`;
  }

  more() {
    const from = this.session.at;
    sendMore(this.session, this.session.engine.about.vectors);
    this.session.go(this.session.at, from);
  }

  showControls() {
    const on = document.body.classList.toggle('own-moves');
    this.toggle.setAttribute('aria-pressed', String(on));
  }

  get link() {
    return `compare/${this.name}/${pathLink(this.session)}`;
  }
}
