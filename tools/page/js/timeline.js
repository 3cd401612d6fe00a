// The timeline: one column for each move, as a logic analyzer shows it. Lanes for each pin's line and
// Remote IRR, for each vCPU's place (guest mode or outside), vector in service and stale bits.

import { h, svg } from './dom.js';

const LANES = [
  ['line 0', (s) => s.pin[0].line, 'pin-0'], ['Remote IRR 0', (s) => s.pin[0].remoteIrr, 'pin-0'],
  ['line 1', (s) => s.pin[1].line, 'pin-1'], ['Remote IRR 1', (s) => s.pin[1].remoteIrr, 'pin-1'],
  ['vCPU 0 outside', (s) => s.vcpu[0].phase !== 0, 'outside'], ['  in service', (s) => s.vcpu[0].isr !== 0, 'isr'],
  ['  stale bit', (s) => s.vcpu[0].stale !== 0, 'stale'],
  ['vCPU 1 outside', (s) => s.vcpu[1].phase !== 0, 'outside'], ['  in service', (s) => s.vcpu[1].isr !== 0, 'isr'],
  ['  stale bit', (s) => s.vcpu[1].stale !== 0, 'stale'],
];
const ICONS = { back: 'M12 2v12L4 8z', forth: 'M4 2v12l8-6z', first: 'M3 2h2v12H3zM13 2v12L6 8z', last: 'M11 2h2v12h-2zM3 2v12l7-6z' };
const LANE_HEIGHT = 12;
const NAMES_WIDTH = 100;

export class Timeline {
  constructor(session) {
    this.session = session;
    this.canvas = h('canvas', { class: 'lanes', 'aria-hidden': 'true', click: (event) => this.click(event) });
    this.range = h('input', { type: 'range', min: 0, max: 0, value: 0, 'aria-label': 'Step', input: () => this.session.go(Number(this.range.value)) });
    this.label = h('output', { class: 'position' });
    const button = (label, name, key, act) => h('button', { type: 'button', 'aria-label': name, title: `${name} (${key})`, click: act }, svg('svg', { viewBox: '0 0 16 16', width: 14, height: 14, 'aria-hidden': 'true' }, svg('path', { d: ICONS[label], fill: 'currentColor' })));
    this.back = button('back', 'Step back', '←', () => this.session.go(this.session.at - 1));
    this.forth = button('forth', 'Step forward', '→', () => this.session.go(this.session.at + 1));
    this.first = button('first', 'To the start', 'Home', () => this.session.go(0));
    this.last = button('last', 'To the end', 'End', () => this.session.go(this.session.records.length - 1));
    this.box = h('section', { class: 'card timeline', 'aria-label': 'Timeline' },
      h('div', { class: 'transport' }, this.first, this.back, this.range, this.forth, this.last, this.label), this.canvas);
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  show() {
    const { session } = this;
    const end = session.records.length - 1;
    this.range.max = end;
    this.range.value = session.at;
    this.range.setAttribute('aria-valuetext', `${session.at} of ${end}: ${session.now.sentence}`);
    this.label.textContent = `${session.at} / ${end}`;
    this.back.disabled = this.first.disabled = session.at === 0;
    this.forth.disabled = this.last.disabled = session.at === end;
    this.draw();
  }

  get step() {
    return Math.min(34, (this.width - NAMES_WIDTH) / Math.max(1, this.session.records.length));
  }

  click(event) {
    const column = Math.floor((event.offsetX - NAMES_WIDTH) / this.step);
    if (column >= 0 && column < this.session.records.length) this.session.go(column);
  }

  draw() {
    const { canvas, session } = this;
    this.width = canvas.clientWidth;
    if (!this.width) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = this.width * scale;
    canvas.height = (LANES.length * LANE_HEIGHT + 4) * scale;
    canvas.style.height = `${LANES.length * LANE_HEIGHT + 4}px`;
    const pen = canvas.getContext('2d');
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`);
    pen.scale(scale, scale);
    const first = session.at === session.from ? session.at : session.from + 1;
    pen.fillStyle = colour('mark');
    pen.fillRect(NAMES_WIDTH + first * this.step, 0, Math.max(2, (session.at - first + 1) * this.step), canvas.height);
    LANES.forEach(([name, value, kind], lane) => this.drawLane(pen, colour, lane, name, value, kind));
  }

  drawLane(pen, colour, lane, name, value, kind) {
    const top = 2 + lane * LANE_HEIGHT;
    pen.fillStyle = colour('muted');
    pen.font = '10px system-ui, sans-serif';
    pen.textBaseline = 'middle';
    pen.fillText(name, 0, top + LANE_HEIGHT / 2);
    pen.fillStyle = colour('line');
    pen.fillRect(NAMES_WIDTH, top + LANE_HEIGHT - 2, this.width - NAMES_WIDTH, 1);
    pen.fillStyle = colour(kind);
    this.session.records.forEach(({ state }, i) => {
      if (value(state)) pen.fillRect(NAMES_WIDTH + i * this.step, top + 2, Math.max(1, this.step + 0.5), LANE_HEIGHT - 4);
    });
  }
}
