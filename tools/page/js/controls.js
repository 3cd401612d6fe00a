// The buttons of the moves, beside what they move: those of a pin (its line, the fields of its entry)
// and those of a vCPU. A move that is not possible now is a disabled button, so nothing jumps.

import { h, hex, setText, unseen } from './dom.js';
import { STEPS } from './why.js';

function group(label, ...buttons) {
  return h('div', { class: 'moves', role: 'group', 'aria-label': label }, h('span', { class: 'label', 'aria-hidden': 'true' }, label), buttons.flat());
}

class Controls {
  constructor(act) {
    this.act = act;
    this.buttons = new Map();
  }

  button(move, label, title, key) {
    const text = h('span', {}, label);
    const element = h('button', { type: 'button', 'data-move': move, title: title || false, click: () => this.act(move) },
      text, key ? h('kbd', { 'aria-hidden': 'true' }, key) : null);
    if (key) element.setAttribute('aria-keyshortcuts', key);
    this.buttons.set(move, { element, text });
    return element;
  }

  enable(possible) {
    for (const [move, { element }] of this.buttons) element.disabled = !possible.includes(move);
  }

  label(move, text) {
    setText(this.buttons.get(move).text, text);
  }

  press(move, on) {
    this.buttons.get(move).element.setAttribute('aria-pressed', String(Boolean(on)));
  }
}

// A button that names the value to write is pressed while the entry has this value.
export function pinControls(p, act) {
  const it = new Controls(act);
  const write = (what, label, title) => it.button(`write${p}.${what}`, label, title);
  it.box = h('div', { class: 'controls' },
    group('Device', it.button(`line${p}`, 'Raise the line', false, String(p + 1))),
    group('Send to', write('to0', '0', 'Destination 0'), write('to1', '1', 'Destination 1'),
      write('to3', '3', 'Destination 3: logical, both vCPUs; physical, none')),
    group('Vector', [0x31, 0x35, 0x62].map((vector) => write(vector.toString(16), h('span', {}, unseen('0x'), vector.toString(16)), `Vector ${hex(vector)}`))),
    group('Entry', write('mask', 'Mask'), write('trigger', 'Edge'), write('logical', 'Logical'), write('lowest', 'Lowest priority', 'The delivery mode: fixed, or lowest priority'),
      write('again', 'Same', 'Writes what the entry has: no scan is requested')));
  it.show = ({ state, possible }) => {
    const pin = state.pin[p];
    it.enable(possible);
    it.label(`line${p}`, pin.line ? 'Lower the line' : 'Raise the line');
    it.label(`write${p}.mask`, pin.masked ? 'Unmask' : 'Mask');
    it.label(`write${p}.trigger`, pin.level ? 'To edge' : 'To level');
    it.label(`write${p}.logical`, pin.logical ? 'Physical' : 'Logical');
    it.label(`write${p}.lowest`, pin.lowest ? 'Fixed' : 'Lowest pr.');
    for (const d of [0, 1, 3]) it.press(`write${p}.to${d}`, pin.destination === d);
    for (const vector of [0x31, 0x35, 0x62]) it.press(`write${p}.${vector.toString(16)}`, pin.vector === vector);
  };
  return it;
}

const KEYS = [{ step: 'q', deliver: 'd', eoi: 'e', kick: 'k' }, { step: 'w', deliver: 'f', eoi: 'r', kick: 'l' }];

export function vcpuControls(v, vectors, act) {
  const it = new Controls(act);
  const name = (vector) => vector.toString(16);
  it.box = h('div', { class: 'controls' },
    group('Hypervisor', it.button(`kick${v}`, 'NMI arrives', 'The NMI of the kick arrives: the vCPU leaves guest mode', KEYS[v].kick),
      it.button(`step${v}`, 'Next step', false, KEYS[v].step),
      it.button(`exit${v}`, 'Other exit', 'A VM exit for another reason')),
    group('Guest', it.button(`deliver${v}`, 'Deliver', 'The processor delivers the interrupt that RVI names', KEYS[v].deliver),
      it.button(`eoi${v}`, 'EOI', 'The guest writes its EOI register', KEYS[v].eoi),
      it.button(`ldr${v}`, 'Write LDR', 'The guest writes its logical ID: its own bit, or the other vCPU\'s'),
      it.button(`svr${v}`, 'Write SVR', 'The guest software-disables its local APIC, or enables it again')),
    group('Self-IPI', vectors.map((vector) => it.button(`self${v}.${name(vector)}`, hex(vector), 'The vCPU sends itself an IPI; the processor virtualizes it'))),
    group('Edge', vectors.map((vector) => it.button(`ipi${v}.${name(vector)}`, hex(vector), 'Another CPU or a device posts an edge'))));
  it.show = ({ state, possible }, about) => {
    const vcpu = state.vcpu[v];
    const step = STEPS[about.phases[vcpu.phase]];
    it.enable(possible);
    it.label(`step${v}`, step ? step[0] : 'Next step');
    const deliver = state.software ? 'Inject' : 'Deliver';
    it.label(`deliver${v}`, vcpu.rvi ? `${deliver} ${hex(vcpu.rvi)}` : deliver);
    it.label(`eoi${v}`, vcpu.svi ? `EOI of ${hex(vcpu.svi)}` : 'EOI');
    it.buttons.get(`step${v}`).element.title = step ? step[1] : '';
  };
  return it;
}

// Which move a key makes; undefined: none.
export function moveOfKey(key) {
  if (key === '1' || key === '2') return `line${key - 1}`;
  for (const v of [0, 1]) {
    const found = Object.entries(KEYS[v]).find(([, it]) => it === key);
    if (found) return `${found[0]}${v}`;
  }
  return undefined;
}
