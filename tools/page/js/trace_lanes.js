// The timeline of a run with many records: lanes as a logic analyzer shows them, with zoom. Each column of
// pixels shows whether the value is set at any record in it, so a frame costs the width, not the length:
// each lane has the sums of its bits up to each record.

import { h } from './dom.js';

const RUN_LANE_HEIGHT = 13;
const RUN_NAMES_WIDTH = 100;
const FEWEST = 40; // records across the whole width, at most zoomed in

function sumsOf(lane, bit, off) {
  const sums = new Uint32Array(lane.length + 1);
  for (let i = 0; i < lane.length; i++) sums[i + 1] = sums[i] + (((lane[i] >>> bit) & 1) ^ off);
  return sums;
}

function lanesOf(engine, used) {
  const [line, remoteIrr, inGuest, inService, stale] = engine.lanes;
  const pins = used.pins.flatMap((p) => [[`line ${p}`, sumsOf(line, p, 0), `pin-${p & 1}`], [`  Remote IRR`, sumsOf(remoteIrr, p, 0), `pin-${p & 1}`]]);
  const vcpus = Array.from({ length: engine.trace.vcpus }, (_, v) => [[`vCPU ${v} outside`, sumsOf(inGuest, v, 1), 'outside'],
    ['  in service', sumsOf(inService, v, 0), 'isr'], ['  stale bit', sumsOf(stale, v, 0), 'stale']]).flat();
  return [...pins, ...vcpus];
}

export class TraceLanes {
  // go(at): the reader has chosen a record.
  constructor(go) {
    this.go = go;
    this.canvas = h('canvas', { class: 'lanes', 'aria-hidden': 'true', click: (event) => this.click(event), wheel: (event) => this.wheel(event) });
    this.box = this.canvas;
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  open(engine, used) {
    this.engine = engine;
    this.lanes = lanesOf(engine, used);
    this.zoomTo(engine.end + 1, 0);
  }

  // Shows so many records, with this one at the same place.
  zoomTo(count, around) {
    const all = this.engine.end + 1;
    const share = this.count ? (around - this.first) / this.count : 0;
    this.count = Math.max(Math.min(FEWEST, all), Math.min(count, all));
    this.first = Math.max(0, Math.min(around - share * this.count, all - this.count));
    this.draw();
  }

  zoom(factor) {
    this.zoomTo(this.count * factor, this.engine.at);
  }

  // Moves the window so that the current record is in it.
  follow() {
    const { at } = this.engine;
    if (at < this.first || at >= this.first + this.count) this.first = Math.max(0, Math.min(at - this.count / 2, this.engine.end + 1 - this.count));
    this.draw();
  }

  recordAt(x) {
    return Math.floor(this.first + ((x - RUN_NAMES_WIDTH) / (this.width - RUN_NAMES_WIDTH)) * this.count);
  }

  click(event) {
    if (event.offsetX >= RUN_NAMES_WIDTH) this.go(this.recordAt(event.offsetX));
  }

  wheel(event) {
    event.preventDefault();
    this.zoomTo(this.count * (event.deltaY > 0 ? 1.25 : 0.8), this.recordAt(event.offsetX));
  }

  draw() {
    const { canvas, engine } = this;
    this.width = canvas.clientWidth;
    if (!this.width || !engine) return;
    const scale = window.devicePixelRatio || 1;
    const height = this.lanes.length * RUN_LANE_HEIGHT + 4;
    canvas.width = this.width * scale;
    canvas.height = height * scale;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext('2d');
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`);
    pen.scale(scale, scale);
    const room = this.width - RUN_NAMES_WIDTH;
    pen.fillStyle = colour('mark');
    pen.fillRect(RUN_NAMES_WIDTH + ((engine.at - this.first) / this.count) * room - 1, 0, Math.max(3, room / this.count), height);
    pen.font = '10px system-ui, sans-serif';
    pen.textBaseline = 'middle';
    this.lanes.forEach((lane, i) => this.drawLane(pen, colour, lane, 2 + i * RUN_LANE_HEIGHT, room));
  }

  drawLane(pen, colour, [name, sums, kind], top, room) {
    pen.fillStyle = colour('muted');
    pen.fillText(name, 0, top + RUN_LANE_HEIGHT / 2);
    pen.fillStyle = colour('line');
    pen.fillRect(RUN_NAMES_WIDTH, top + RUN_LANE_HEIGHT - 2, room, 1);
    pen.fillStyle = colour(kind);
    const last = sums.length - 2;
    let from = -1;
    for (let x = 0; x <= room; x++) {
      const begin = Math.min(last, Math.floor(this.first + (x / room) * this.count));
      const end = Math.min(last + 1, Math.max(begin + 1, Math.floor(this.first + ((x + 1) / room) * this.count)));
      const on = x < room && sums[end] > sums[begin];
      if (on && from < 0) from = x;
      if (!on && from >= 0) {
        pen.fillRect(RUN_NAMES_WIDTH + from, top + 2, x - from, RUN_LANE_HEIGHT - 4);
        from = -1;
      }
    }
  }
}
