// What has just happened: the move as a sentence, the events that the production code has traced, why,
// and the invariants behind it.

import { h } from './dom.js';
import { STEPS, invariantsOf } from './why.js';

const KINDS = { 7: 'mapped', 8: 'mapped', 9: 'stale', 10: 'mapped', 11: 'live', 12: 'stale', 13: 'coincidental', 16: 'stale' };

function who(event) {
  if (event.vcpu !== undefined) return `vCPU ${event.vcpu}`;
  return event.pin !== undefined ? `pin ${event.pin}` : '';
}

function eventItem(event) {
  return h('li', { class: `event ${KINDS[event.event] ?? ''}` }, h('b', {}, who(event)), ' ', event.says,
    event.repeats ? ` (${event.repeats + 1} times)` : '');
}

function whyOf({ move, before }, phases) {
  const step = /^step(\d)$/.exec(move);
  return step && before ? STEPS[phases[before.vcpu[step[1]].phase]]?.[1] : undefined;
}

export class HappenedPanel {
  constructor(data, about, title = 'What just happened') {
    this.secret = false; // in a puzzle: violations are not told
    this.data = data;
    this.about = about;
    this.list = h('div', { class: 'said', 'aria-live': 'polite' });
    this.invariants = h('div', { class: 'invariants' });
    this.box = h('section', { class: 'card happened', 'aria-label': title }, h('h2', {}, title),
      this.list, this.invariants);
  }

  show(record, group) {
    if (!group.length) this.list.replaceChildren(h('p', { class: 'move' }, record.sentence));
    else this.list.replaceChildren(...group.map((it) => this.told(it, group.length === 1)).flat());
    const last = group.at(-1)?.happened;
    if (last?.violated !== undefined && !this.secret) {
      this.list.append(h('p', { class: 'violation', role: 'alert' }, `This violates invariant ${last.violated}: ${last.what}.`));
    }
    this.list.scrollTop = this.list.scrollHeight;
    this.invariants.replaceChildren(...invariantsOf(group, this.about.phases).map((n) => this.invariant(n)));
  }

  // Several moves at once: those without events are one line each, and nothing is explained.
  told(it, alone) {
    const { events } = it.happened;
    const parts = [h('p', { class: alone || events.length ? 'move' : 'move small' }, it.sentence)];
    if (events.length) parts.push(h('ul', {}, events.map(eventItem)));
    const why = alone && whyOf(it, this.about.phases);
    if (why) parts.push(h('p', { class: 'why' }, why));
    return parts;
  }

  invariant(number) {
    const { title, text } = this.data.invariant(number);
    return h('details', {}, h('summary', {}, h('span', { class: 'badge' }, `Invariant ${number}`), ` ${title}`), h('p', {}, text));
  }
}
