// The machine: the I/O APIC with its pins, and the vCPUs. Its elements are made once; show() fills them
// from a record and marks what differs from another one. With controls, each pin and each vCPU has the
// buttons of its moves.

import { h, hex, setClass, setText, unseen } from './dom.js';
import { pinControls, vcpuControls } from './controls.js';
import { drawWires } from './wires.js';

const STRIP = [['out', 'take', 'take the requests'], ['taken', 'sync', 'accept what was posted'],
  ['synced', 'compare', 'compare the generation'], ['scan', 'scan', 'scan the routes'],
  ['scanned', 'words', 'write the EOI-exit words'], ['written', 'RVI', 'write RVI and SVI'],
  ['ready', 'enter', 'enter the guest']];

const COLUMNS = [
  ['inbox', 'Inbox', 'What was sent to this vCPU and its IRR does not show yet: E for an edge, or the pins of level interrupts'],
  ['irr', 'IRR', 'Interrupt request register: requested, not yet delivered'],
  ['isr', 'ISR', 'In-service register: delivered, EOI to come'],
  ['tmr', 'TMR', 'Trigger mode register: level-triggered'],
  ['front', 'Front', 'Tokens of the instance whose EOI comes next: the pins that wait for it'],
  ['behind', 'Behind', 'Tokens of the instance that waits in the IRR behind the one in service'],
  ['exit', 'EOI exits', 'The EOI-exit bitmap in the VMCS'],
];

const ALL_PINS = [...Array(24).keys()];

function pinChips(pins) {
  return ALL_PINS.filter((p) => (pins >> p) & 1).map((p) => h('span', { class: `pin-chip pin-${p & 1}` }, unseen('pin '), String(p)));
}

// ---- a pin ----

function pinView(p, of, act) {
  const it = { values: {} };
  const row = (name, label) => {
    it.values[name] = h('dd', {});
    return [h('dt', {}, label), it.values[name]];
  };
  it.wave = h('span', { class: 'wave', 'aria-hidden': 'true' });
  it.box = h('section', { class: `pin pin-box-${p & 1}`, 'aria-label': `Pin ${p}${of}` },
    h('h3', {}, h('span', { class: `pin-chip pin-${p & 1}` }, String(p)), ` Pin ${p}`, it.wave),
    h('dl', {}, row('line', 'Line'), row('vector', 'Vector'), row('route', 'Goes to'), row('mode', 'Mode'),
      row('remoteIrr', 'Remote IRR')));
  if (act) it.controls = pinControls(p, act);
  if (act) it.box.append(it.controls.box);
  return it;
}

function routeText(pin) {
  const named = [0, 1, 2, 3].filter((v) => (pin.targets >> v) & 1);
  if (named.length > 2) return `vCPUs ${named.join(', ')}`;
  return named.map((v) => `vCPU ${v}`).join(', ') || `no vCPU (${pin.destination})`;
}

function pinTexts(pin) {
  return {
    line: pin.line ? 'high' : 'low',
    vector: hex(pin.vector),
    route: (pin.lowest ? 'one of ' : '') + routeText(pin),
    mode: [pin.level ? 'level' : 'edge', pin.logical && `logical ${pin.destination}`, pin.masked && 'masked', pin.deferred && 'deferred',
      pin.edgePending && 'edge pending'].filter(Boolean).join(', '),
    remoteIrr: pin.remoteIrr ? (pin.orphan ? 'set, orphaned' : 'set') : 'clear',
  };
}

function showPin(it, pin, before) {
  const now = pinTexts(pin);
  const old = pinTexts(before);
  for (const [name, element] of Object.entries(it.values)) {
    setText(element, now[name]);
    setClass(element, 'changed', now[name] !== old[name]);
  }
  setClass(it.box, 'high', pin.line);
  setClass(it.values.remoteIrr, 'lit', pin.remoteIrr);
  setClass(it.box, 'is-masked', pin.masked);
}

// ---- a vCPU ----

function vcpuView(v, of, vectors, act) {
  const it = { cells: {}, registers: {}, counts: {}, strip: {} };
  it.where = h('span', { class: 'where' });
  it.flags = h('span', { class: 'flags' });
  const steps = STRIP.map(([phase, label, title]) => (it.strip[phase] = h('li', { title }, label)));
  const rows = [...vectors.keys()].reverse().map((k) => {
    const cells = COLUMNS.map(([name]) => (it.cells[`${name}${k}`] = h('td', {})));
    return h('tr', {}, h('th', { scope: 'row' }, hex(vectors[k])), cells);
  });
  const register = (name, title) => {
    it.registers[name] = h('b', {});
    return h('span', { class: 'register', title }, `${name} `, it.registers[name]);
  };
  const count = (name, title) => {
    it.counts[name] = h('b', {});
    return h('span', { class: `count count-${name}`, title }, it.counts[name], ` ${name}`);
  };
  it.box = h('section', { class: 'vcpu', 'aria-label': `vCPU ${v}${of}` },
    h('header', {}, h('h2', {}, `vCPU ${v}`), it.where, it.flags),
    h('ol', { class: 'strip', 'aria-label': 'Work before an entry' }, steps),
    h('table', {},
      h('caption', { class: 'unseen' }, `Virtual-APIC page, inbox, tokens and EOI-exit bitmap of vCPU ${v}`),
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Vector'),
        COLUMNS.map(([, label, title]) => h('th', { scope: 'col', title }, label)))),
      h('tbody', {}, rows)),
    h('p', { class: 'registers' }, register('RVI', 'Requesting virtual interrupt: the highest vector in the IRR'),
      register('SVI', 'Servicing virtual interrupt: the highest vector in the ISR'),
      register('PPR', 'Processor priority'), register('LDR', 'Logical ID'),
      h('span', { class: 'counts', role: 'group', 'aria-label': 'EOI exits' }, h('span', { class: 'label' }, 'EOI exits'),
        count('live', 'It ended an interrupt, and a route explains the bit'),
        count('stale', 'It ended an interrupt that was rerouted in flight'),
        count('coincidental', 'Needless: nothing waited for this EOI'))));
  if (act) it.controls = vcpuControls(v, vectors, act);
  if (act) it.box.append(it.controls.box);
  return it;
}

function dot(on, name) {
  return on ? [h('span', { class: `dot dot-${name}` }), unseen('set')] : [];
}

// One bit of the EOI-exit bitmap: in the VMCS, and as the last scan wants it.
function exitBit(vcpu, k) {
  const [inVmcs, wanted, stale] = [vcpu.vmcs, vcpu.exit, vcpu.stale].map((set) => (set >> k) & 1);
  if (inVmcs && !wanted) return [h('span', { class: 'bit bit-soon' }, 'to clear')];
  if (!inVmcs && wanted) return [h('span', { class: 'bit bit-soon' }, 'to set')];
  if (!inVmcs) return [];
  return [h('span', { class: stale ? 'bit bit-stale' : 'bit bit-routed' }, stale ? 'stale' : 'route')];
}

function cellContents(vcpu, k) {
  return {
    inbox: [...((vcpu.pir >> k) & 1 ? [h('span', { class: 'edge-chip' }, 'E')] : []), ...pinChips(vcpu.posted[k])],
    irr: dot((vcpu.irr >> k) & 1, 'irr'),
    isr: dot((vcpu.isr >> k) & 1, 'isr'),
    tmr: dot((vcpu.tmr >> k) & 1, 'tmr'),
    front: pinChips(vcpu.front[k]),
    behind: pinChips(vcpu.behind[k]),
    exit: exitBit(vcpu, k),
  };
}

function showCells(it, vectors, vcpu, before) {
  for (const k of vectors.keys()) {
    const now = cellContents(vcpu, k);
    const old = cellContents(before, k);
    for (const [name] of COLUMNS) {
      const cell = it.cells[`${name}${k}`];
      const text = (parts) => parts.map((part) => part.outerHTML).join('');
      if (text(now[name]) !== cell.innerHTML) cell.replaceChildren(...now[name]);
      setClass(cell, 'changed', text(now[name]) !== text(old[name]));
      setClass(cell, 'went', text(old[name]) && !text(now[name]));
    }
  }
}

const WHERE = {
  guest: 'in guest mode', out: 'outside', taken: 'outside', synced: 'outside', scan: 'outside', scanned: 'outside',
  written: 'outside', ready: 'outside', renamed: 'LDR or SVR written',
};

function whereText(vcpu, phase) {
  return WHERE[phase] ?? `EOI exit of ${hex(vcpu.eoi)}`;
}

function flagTexts(vcpu) {
  return [vcpu.requests && 'request', vcpu.kick && 'NMI on its way', vcpu.outdated && 'scan due'].filter(Boolean);
}

function showVcpu(it, vectors, phases, vcpu, before, counts, oldCounts) {
  const phase = phases[vcpu.phase];
  setText(it.where, whereText(vcpu, phase));
  setClass(it.where, 'changed', vcpu.phase !== before.phase);
  setClass(it.box, 'in-guest', phase === 'guest');
  setClass(it.box, 'in-eoi', phase === 'eoi' || phase === 'retired');
  const old = flagTexts(before);
  it.flags.replaceChildren(...flagTexts(vcpu).map((text) => h('span', { class: old.includes(text) ? 'flag' : 'flag changed' }, text)));
  for (const [name, step] of Object.entries(it.strip)) {
    setClass(step, 'next', name === phase);
    if (name === phase) step.setAttribute('aria-current', 'step');
    else step.removeAttribute('aria-current');
  }
  const registers = (at) => ({ RVI: at.rvi ? hex(at.rvi) : '–', SVI: at.svi ? hex(at.svi) : '–', PPR: hex(at.ppr), LDR: String(at.ldr) });
  const [now, then] = [registers(vcpu), registers(before)];
  for (const [name, element] of Object.entries(it.registers)) {
    setText(element, now[name]);
    setClass(element, 'changed', now[name] !== then[name]);
  }
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  for (const [kind, element] of Object.entries(it.counts)) {
    const n = sum(counts[kind]);
    setText(element, String(n));
    setClass(element.parentNode, 'changed', n !== sum(oldCounts[kind]));
    setClass(element.parentNode, 'zero', n === 0);
  }
  showCells(it, vectors, vcpu, before);
}

// ---- the whole ----

const countsOf = (counts, v) => Object.fromEntries(Object.entries(counts).map(([kind, list]) => [kind, list[v]]));

export class Machine {
  // about: engine.about. act(move): makes a move; without it there are no controls. of: whose, for
  // screen readers, where there are two.
  constructor(about, act, of = '') {
    this.about = about;
    this.numbers = about.pins ?? [0, 1]; // of the pins that are shown
    this.pins = this.numbers.map((p) => pinView(p, of, act));
    this.vcpus = [...Array(about.vcpus ?? 2).keys()].map((v) => vcpuView(v, of, about.vectors, act));
    this.wires = h('div', { class: 'wires', 'aria-hidden': 'true' });
    this.box = h('div', { class: 'machine' },
      h('section', { class: 'ioapic', 'aria-label': `I/O APIC${of}` }, h('h2', {}, 'I/O APIC'), this.pins.map((it) => it.box)),
      this.wires,
      h('div', { class: 'vcpus' }, this.vcpus.map((it) => it.box)));
    new ResizeObserver(() => this.drawWires()).observe(this.box);
  }

  show(record, before, group) {
    this.shown = { record, before, group };
    record.state.pin.forEach((pin, p) => showPin(this.pins[p], pin, before.state.pin[p]));
    record.state.vcpu.forEach((vcpu, v) => showVcpu(this.vcpus[v], this.about.vectors, this.about.phases, vcpu,
      before.state.vcpu[v], countsOf(record.counts, v), countsOf(before.counts, v)));
    for (const it of [...this.pins, ...this.vcpus]) {
      if (it.controls) it.controls.show(record, this.about);
    }
    this.drawWires();
  }

  // Marks what is not as in another machine.
  markAgainst(other) {
    this.vcpus.forEach((it, v) => {
      for (const name of ['cells', 'registers', 'counts']) {
        for (const [key, element] of Object.entries(it[name])) {
          setClass(element, 'differs', element.innerHTML !== other.vcpus[v][name][key].innerHTML);
        }
      }
      for (const name of ['where', 'flags']) setClass(it[name], 'differs', it[name].textContent !== other.vcpus[v][name].textContent);
    });
    this.pins.forEach((it, p) => {
      for (const [key, element] of Object.entries(it.values)) {
        setClass(element, 'differs', element.textContent !== other.pins[p].values[key].textContent);
      }
    });
  }

  drawWires() {
    if (this.shown) drawWires(this.wires, this, this.shown);
  }
}
