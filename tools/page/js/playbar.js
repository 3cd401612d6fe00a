// The bar above the machine while one plays: where to start, and several moves at once.

import { byId, h } from './dom.js';

// [label, bound, moves]
export const PRESETS = [
  ['Idle: two level interrupts of one class, to vCPU 0', 'reroute', ''],
  ['In service on vCPU 0', 'reroute', 'line0 kick0 step0 step0 step0 step0 step0 deliver0'],
  ['Rerouted in flight', 'reroute', 'line0 kick0 step0 step0 step0 step0 step0 deliver0 write0.to1'],
  ['A stale bit', 'reroute', 'line0 kick0 step0 step0 step0 step0 step0 deliver0 write0.to1 kick0 step0 step0 step0 step0 step0 step0'],
  ['Vector rewritten in flight', 'reroute', 'line0 kick0 step0 step0 step0 step0 step0 deliver0 write0.62 kick0 step0 step0 step0 step0 step0 step0 step0'],
  ['An edge on the vector of a level interrupt', 'reroute', 'ipi0.31 kick0 step0 step0 step0 step0 step0 deliver0 line0 kick0 step0 step0 step0 step0 step0'],
  ['Two pins, one vector', 'shared', ''],
  ['Logical destination, lowest priority', 'logical', 'write0.lowest'],
  ['Two classes, one in flight', 'nested', ''],
  ['Storm control after two deliveries', 'storm', ''],
  ['Delivery in software: no virtual-interrupt delivery', 'software reroute', ''],
  ['The stale EOI in software', 'software reroute', 'line0 kick0 step0 step0 step0 step0 deliver0 step0 write0.to1 kick0 step0 step0 step0 step0'],
];

export class PlayBar {
  constructor(session, copyLink, ...more) {
    const button = (label, key, act) => h('button', { type: 'button', 'aria-keyshortcuts': key, click: act }, label, h('kbd', { 'aria-hidden': 'true' }, key));
    this.presets = h('select', { id: 'preset', change: () => this.choose(session) }, h('option', { value: '' }, 'Choose a start'),
      PRESETS.map(([label], i) => h('option', { value: i }, label)));
    this.copied = h('span', { class: 'copied', role: 'status' });
    this.box = h('div', { class: 'playbar card' },
      h('label', { for: 'preset', class: 'label' }, 'Start with'), this.presets,
      button('vCPU 0: enter', 'g', () => session.runVcpu(0)),
      button('vCPU 1: enter', 'h', () => session.runVcpu(1)),
      button('All work', 'a', () => session.runAll()),
      button('Undo', 'z', () => session.go(session.at - 1)),
      h('button', { type: 'button', click: copyLink }, 'Copy link'), more, this.copied);
  }

  choose(session) {
    if (this.presets.value === '') return;
    const [, bound, moves] = PRESETS[Number(this.presets.value)];
    session.load(bound, moves.split(' ').filter(Boolean));
  }

  say(text) {
    this.copied.textContent = text;
  }
}

// The keys, for the help.
export function keysHelp() {
  const rows = [['→ ←', 'next and back in a story; step forward and back in time'], ['1 2', 'line 0, line 1'],
    ['q w', 'next step of vCPU 0, vCPU 1'], ['k l', 'the NMI arrives'], ['d f', 'deliver'], ['e r', 'EOI'],
    ['g h', 'bring vCPU 0, vCPU 1 into guest mode'], ['a', 'all work, until nothing is left to do'], ['z', 'undo'], ['?', 'this help']];
  return h('dialog', { id: 'keys', 'aria-label': 'Keys' }, h('h2', {}, 'Keys'),
    h('dl', {}, rows.flatMap(([keys, what]) => [h('dt', {}, keys.split(' ').map((key) => h('kbd', {}, key))), h('dd', {}, what)])),
    h('button', { type: 'button', class: 'primary', click: () => byId('keys').close() }, 'Close'));
}
