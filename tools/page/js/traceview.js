// A run: a log with the trace of a guest is dropped on the page, or chosen, and stepped through.

import { h, setText } from './dom.js';
import { Machine } from './machine.js';
import { HappenedPanel } from './happened.js';
import { TraceEngine, readTraces, unfit } from './trace_engine.js';
import { traceAbout, traceRecord, usedBy } from './trace_state.js';
import { TraceLanes } from './trace_lanes.js';

// Events to jump to, by their numbers (vmm/interrupts/trace.h).
const JUMPS = [['reroute', [2]], ['scan', [6]], ['EOI exit', [11, 12, 13]], ['stale EOI', [12]], ['delivery', [3]]];

export class TraceView {
  // source: the panel for the lines of C.
  constructor(data, source) {
    Object.assign(this, { data, source });
    this.file = h('input', { type: 'file', id: 'log', accept: '.log,.txt,text/plain', change: () => this.read(this.file.files[0]) });
    this.guest = h('select', { id: 'guest', change: () => this.openTrace(this.traces[this.guest.selectedIndex]) });
    this.said = h('p', { class: 'verdict', role: 'status' });
    this.range = h('input', { type: 'range', min: 0, value: 0, 'aria-label': 'Record', input: () => this.follow(Number(this.range.value)) });
    this.position = h('output', { class: 'position' });
    this.lanes = new TraceLanes((at) => this.go(at));
    const button = (label, act, title) => h('button', { type: 'button', title: title ?? false, click: act }, label);
    this.jumps = JUMPS.map(([name, events]) => button(`Next ${name}`, () => this.jump(events)));
    this.box = h('section', { class: 'card run', 'aria-label': 'A run' },
      h('p', {}, 'Drop the log of a run here: what a guest with ', h('code', {}, 'trace = on'), ' has sent to the serial port when it ended. '
        + 'The page replays it record by record, with the same code, and compares.'),
      h('div', { class: 'buttons' }, h('label', { for: 'log', class: 'label' }, 'Log'), this.file,
        button('The sample: a run in Bochs', () => this.openLog(data.sample)), h('label', { for: 'guest', class: 'label' }, 'Guest'), this.guest),
      this.said,
      h('div', { class: 'transport' }, button('Back', () => this.go(this.engine.at - 1), '←'), this.range,
        button('Forward', () => this.go(this.engine.at + 1), '→'), this.position),
      h('div', { class: 'buttons' }, this.jumps, button('Zoom in', () => this.lanes.zoom(0.5), '+'), button('Zoom out', () => this.lanes.zoom(2), '-')),
      this.lanes.box);
    this.place = h('div', { class: 'run-machine' });
    this.told = h('div', {});
    this.box.addEventListener('dragover', (event) => event.preventDefault());
    this.box.addEventListener('drop', (event) => {
      event.preventDefault();
      this.read(event.dataTransfer.files[0]);
    });
  }

  get link() {
    return 'run';
  }

  async read(file) {
    if (file) await this.openLog(await file.text());
  }

  async openLog(text) {
    this.traces = readTraces(text);
    this.guest.replaceChildren(...this.traces.map(({ guest, vcpus }) => h('option', {}, `${guest} (${vcpus} vCPU${vcpus > 1 ? 's' : ''})`)));
    if (this.traces.length) await this.openTrace(this.traces[0]);
    else setText(this.said, 'There is no trace in this file: no line "TRACE guest=...".');
  }

  async openTrace(trace) {
    const why = unfit(trace);
    if (why) {
      setText(this.said, why);
      return;
    }
    this.engine = await TraceEngine.load(this.data.traceWasm, trace);
    this.used = usedBy(trace);
    const about = traceAbout(trace, this.used);
    this.machine = new Machine(about);
    this.happened = new HappenedPanel(this.data, about);
    this.place.replaceChildren(this.machine.box);
    this.told.replaceChildren(this.happened.box);
    this.range.max = this.engine.end;
    const cpus = new Set(trace.records.map((it) => it[6])).size;
    setText(this.said, this.engine.problem ? `Run and model differ after record ${this.engine.end}, ${this.engine.problem}.`
      : `${this.engine.end} records of ${cpus} CPU${cpus > 1 ? 's' : ''}: run and model agree on each.`);
    this.lanes.open(this.engine, this.used);
    this.go(0);
  }

  // Scrubbing: a frame shows the last of the records that were asked for in it.
  follow(at) {
    this.wanted = at;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.go(this.wanted);
    });
  }

  jump(events) {
    const { engine } = this;
    const found = engine.trace.records.findIndex(([event], i) => i >= engine.at && events.includes(event));
    if (found >= 0 && found < engine.end) this.go(found + 1);
    else setText(this.position, 'no more');
  }

  go(at) {
    const { engine, used } = this;
    if (!engine) return;
    engine.go(Math.max(0, at - 1));
    const before = traceRecord(engine, used);
    engine.go(at);
    this.record = traceRecord(engine, used);
    this.before = engine.at ? before : this.record;
    this.group = engine.at ? [{ ...this.record, before: this.before.state }] : [];
    this.range.value = engine.at;
    setText(this.position, `${engine.at} / ${engine.end}`);
    this.machine.show(this.record, this.before, this.group);
    this.happened.show(this.record, this.group);
    this.source.show(this.group);
    this.lanes.follow();
  }

  key(key) {
    const { engine } = this;
    if (!engine) return undefined;
    return {
      ArrowRight: () => this.go(engine.at + 1), ArrowLeft: () => this.go(engine.at - 1), Home: () => this.go(0), End: () => this.go(engine.end),
      '+': () => this.lanes.zoom(0.5), '-': () => this.lanes.zoom(2),
    }[key];
  }
}
