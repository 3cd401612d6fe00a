// Predict, then reveal: while it is on, a move that decides something is made only after the reader has
// said what it will do. The engine knows the answer afterwards; nothing is computed here.

import { h, hex } from './dom.js';

const EOI_KINDS = ['live', 'stale', 'coincidental'];

function namesOf(set, vectors) {
  const named = vectors.filter((_, k) => (set >> k) & 1).map(hex);
  return named.length ? named.join(', ') : 'none';
}

// What is asked before a move: { ask, options, answer(record) }, answer being the number of the option; or
// undefined.
export function questionFor(session, move) {
  const { about } = session.engine;
  const [, kind, number] = /^([a-z]+)(\d)/.exec(move);
  const v = Number(number);
  const vcpu = session.now.state.vcpu[v];
  if (kind === 'eoi' && vcpu.isr) {
    return {
      ask: `vCPU ${v} writes its EOI register; ${hex(vcpu.svi)} is in service. Does this EOI exit to be handled?`, options: ['Yes', 'No'],
      answer: ({ state }) => (about.phases[state.vcpu[v].phase] === 'eoi' ? 0 : 1),
    };
  }
  if (kind !== 'step') return undefined;
  const phase = about.phases[vcpu.phase];
  if (phase === 'eoi') {
    return {
      ask: `The EOI of ${hex(vcpu.eoi)} has exited. As what will it be counted?`, options: EOI_KINDS,
      answer: ({ happened }) => EOI_KINDS.findIndex((it) => happened[it][v].some(Boolean)),
    };
  }
  if (phase !== 'scan') return undefined;
  const sets = [...new Set([vcpu.exit, vcpu.routed, vcpu.routed | vcpu.inflight, vcpu.exit & vcpu.routed, vcpu.exit | vcpu.routed])];
  if (sets.length < 2) sets.push(sets[0] ^ 1);
  sets.sort((a, b) => a - b);
  return {
    ask: `vCPU ${v} scans. For which vectors does an EOI exit afterwards?`, options: [...sets.map((set) => namesOf(set, about.vectors)), 'others'],
    answer: ({ state }) => {
      const found = sets.indexOf(state.vcpu[v].exit);
      return found < 0 ? sets.length : found;
    },
  };
}

export class Predict {
  // act(move): makes it.
  constructor(session, act) {
    Object.assign(this, { session, act });
    this.on = false;
    this.asked = 0;
    this.right = 0;
    this.toggle = h('button', { type: 'button', 'aria-pressed': 'false', title: 'Before a move that decides something: what will it do?',
      click: () => this.set(!this.on) }, 'Ask me first');
    this.text = h('div', { class: 'answer', 'aria-live': 'polite' });
    this.box = h('section', { class: 'card predict', 'aria-label': 'Predict', hidden: true }, h('h2', {}, 'Predict'), this.text);
  }

  set(on) {
    this.on = on;
    this.box.hidden = !on;
    this.toggle.setAttribute('aria-pressed', String(on));
    this.say('A question comes before an EOI, before the end of an EOI exit, and before a scan.');
  }

  say(...parts) {
    this.text.replaceChildren(...parts.map((it) => (typeof it === 'string' ? h('p', {}, it) : it)));
  }

  // Makes a move, or asks first.
  move(move) {
    const question = this.on && this.session.now.possible.includes(move) ? questionFor(this.session, move) : undefined;
    if (!question) {
      this.act(move);
      return;
    }
    const options = question.options.map((option, i) => h('button', { type: 'button', click: () => this.reveal(move, question, i) }, option));
    this.say(h('p', {}, h('b', {}, question.ask)), h('div', { class: 'options' }, options));
    options[0].focus();
  }

  reveal(move, { options, answer }, given) {
    this.act(move);
    const right = answer(this.session.now);
    this.asked++;
    if (given === right) this.right++;
    this.say(h('p', { class: given === right ? 'verdict right' : 'verdict wrong' }, given === right ? 'Right.' : `Not so: ${options[right]}.`),
      `${this.right} of ${this.asked} so far.`);
  }
}
