// The trace of a real run, as the hypervisor prints it at a guest's end (`trace = on`), replayed by the
// lock-step engine (tools/page/trace.h): the same modules, and the model of the processor. Any record can
// be gone to: the replay's memory is kept every so often.

const KEEP_EVERY = 2048;
const NO_VCPU = 255;
const NO_PIN = 255;
const HEAD = /^TRACE guest=(\S+) vcpus=(\d+) version=([\da-f]+)/;
const RECORD = /^TRACE (\d+) (\d+) ([\da-f]+) (\d+) ([\da-f]+) ([\da-f]+) (\d+) (\d+)$/;
const END = /^TRACE end lost=(\d+)/;

// The traces in a log: { guest, vcpus, version, lost, records }, a record [event, vcpu, vector, pin, a, b,
// cpu, line], once for each repeat. A trace that does not end has `lost` undefined.
export function readTraces(text) {
  const found = [];
  let now = null;
  text.split(/\r?\n/).forEach((line, i) => {
    const head = HEAD.exec(line);
    if (head) found.push(now = { guest: head[1], vcpus: Number(head[2]), version: parseInt(head[3], 16), rescan: !line.includes(' stale_rescan=off'), software: line.includes(' delivery=software'), lost: undefined, records: [] });
    const end = now && END.exec(line);
    if (end) {
      now.lost = Number(end[1]);
      now = null;
    }
    const it = now && RECORD.exec(line);
    if (!it) return;
    const record = [Number(it[1]), Number(it[2]), parseInt(it[3], 16), Number(it[4]), BigInt(`0x${it[5]}`), BigInt(`0x${it[6]}`), Number(it[8]), i + 1];
    for (let n = 0; n <= Number(it[7]); n++) now.records.push(record);
  });
  return found;
}

// Why a trace cannot be replayed, or ''.
export function unfit({ vcpus, lost, records, software }) {
  if (software) return 'Its interrupts were delivered in software; the page shows the state only where the processor delivers them.';
  if (lost === undefined) return 'The trace does not end: the log is cut.';
  if (lost) return `The first ${lost} records are lost, so the state is not known.`;
  if (vcpus > 4 || records.some((it) => it[6] > 3)) return 'More than four vCPUs or CPUs.';
  return records.length ? '' : 'There is no record.';
}

export class TraceEngine {
  static async load(bytes, trace) {
    const it = new TraceEngine();
    it.c = (await WebAssembly.instantiate(bytes, {})).instance.exports;
    it.trace = trace;
    it.enter();
    return it;
  }

  enter() {
    const { c, trace } = this;
    if (!c.trace_room(trace.records.length)) throw new Error('There is not enough memory for this trace.');
    const low = (value) => Number(value & 0xffffffffn);
    for (const [event, vcpu, vector, pin, a, b, cpu, line] of trace.records) {
      c.trace_log(cpu, line, event, vcpu, vector, pin, low(a), low(a >> 32n), low(b), low(b >> 32n));
    }
    c.trace_begin(trace.vcpus, trace.version, trace.rescan ? 1 : 0);
    this.at = 0; // how many records have been replayed
    this.end = trace.records.length;
    this.problem = '';
    this.kept = [this.memory().slice()];
    this.readAll();
  }

  memory() {
    return new Uint8Array(this.c.memory.buffer, 0, this.c.__heap_base.value);
  }

  text(address) {
    const memory = new Uint8Array(this.c.memory.buffer);
    return new TextDecoder().decode(memory.subarray(address, memory.indexOf(0, address)));
  }

  // One pass over all records: what the timeline shows, and memory to go back to.
  readAll() {
    const size = this.end + 1;
    this.lanes = Array.from({ length: 5 }, () => new Uint32Array(size));
    this.readLanes();
    while (this.at < this.end && this.step()) {
      this.readLanes();
      if (this.at % KEEP_EVERY === 0) this.kept.push(this.memory().slice());
    }
  }

  readLanes() {
    const lanes = new Uint32Array(this.c.memory.buffer, this.c.trace_lanes(), 5);
    this.lanes.forEach((lane, i) => (lane[this.at] = lanes[i]));
  }

  // False: run and model differ at this record, so the replay ends before it.
  step() {
    try {
      this.c.trace_step();
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      this.problem = this.text(this.c.trace_problem());
      this.end = this.at;
      return false;
    }
    this.at++;
    return true;
  }

  go(at) {
    const wanted = Math.max(0, Math.min(at, this.end));
    const kept = Math.min(Math.floor(wanted / KEEP_EVERY), this.kept.length - 1);
    if (wanted < this.at || kept * KEEP_EVERY > this.at) {
      this.memory().set(this.kept[kept]);
      this.at = kept * KEEP_EVERY;
    }
    while (this.at < wanted && this.step());
  }

  state() {
    return JSON.parse(this.text(this.c.trace_state()));
  }

  lines() {
    const ids = new Uint32Array(this.c.memory.buffer, this.c.trace_lines(), this.c.trace_line_count());
    return Array.from(ids, (id) => [id >> 12, id & 0xfff]);
  }

  // A record as an event of the page (happened.js).
  event(number) {
    const [event, vcpu, vector, pin] = this.trace.records[number];
    return {
      event, vector, repeats: 0, says: this.text(this.c.trace_sentence(number)),
      ...(vcpu !== NO_VCPU && { vcpu }), ...(pin !== NO_PIN && { pin }),
    };
  }
}
