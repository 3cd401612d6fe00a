// The state of a replayed run in the shape of the model's (tools/page/json.c), for the same picture: sets
// of vectors are bits over the vectors that the run uses, which are the rows.

const FIELDS = ['irr', 'isr', 'tmr', 'pir', 'posted', 'front', 'behind', 'vmcs', 'exit', 'stale'];
const LISTS = new Set(['posted', 'front', 'behind']);
const MOST_ROWS = 12;

const EXIT_EVENT = 21;
const EXIT_OF_EOI = 45;
const EOIS = [11, 12, 13];

// The vectors and the pins that a run uses, the vectors of the interrupt path first.
export function usedBy({ records }) {
  const vectors = new Set();
  const pins = new Set();
  for (const [event, , vector, pin] of records) {
    if (event !== EXIT_EVENT && event !== 22 && vector) vectors.add(vector);
    if (pin !== 255) pins.add(pin);
  }
  return { vectors: [...vectors].sort((a, b) => a - b).slice(-MOST_ROWS), pins: [...pins].sort((a, b) => a - b) };
}

function vcpuState(vcpu, vectors, eoi) {
  const it = { ...vcpu, phase: eoi ? 2 : vcpu.guest ? 0 : 1, eoi, requests: 0, kick: 0 };
  for (const field of FIELDS) it[field] = LISTS.has(field) ? vectors.map(() => 0) : 0;
  for (const row of vcpu.vectors) {
    const k = vectors.indexOf(row[0]);
    if (k < 0) continue;
    FIELDS.forEach((field, i) => {
      if (LISTS.has(field)) it[field][k] = row[i + 1];
      else if (row[i + 1]) it[field] |= 1 << k;
    });
  }
  return it;
}

// The record of a session (session.js): the state after `engine.at` records.
export function traceRecord(engine, used) {
  const raw = engine.state();
  raw.vcpu.pop(); // the lists end with a 0
  raw.pin.pop();
  for (const vcpu of raw.vcpu) vcpu.vectors.pop();
  const { at } = engine;
  const last = at ? engine.trace.records[at - 1] : null;
  const isEoi = last && last[0] === EXIT_EVENT && last[2] === EXIT_OF_EOI;
  const vcpu = raw.vcpu.map((it, v) => vcpuState(it, used.vectors, isEoi && last[1] === v ? Number(last[5]) : 0));
  const counts = Object.fromEntries(['live', 'stale', 'coincidental'].map((kind) => [kind, raw.vcpu.map((it) => [it[kind]])]));
  const events = at ? [engine.event(at - 1)] : [];
  const lines = at ? engine.lines() : [];
  const held = last && EOIS.includes(last[0]) && !lines.length ? ' What it ends shows at the next record of this CPU.' : '';
  return {
    move: '', sentence: at ? `Record ${at}, line ${last[7]} of the log, made by CPU ${last[6]}.${held}` : 'The machine at power-on.',
    state: { vcpu, pin: used.pins.map((p) => raw.pin[p]) }, counts, happened: { events }, lines,
  };
}

// What the picture has to know beforehand (engine.about).
export function traceAbout({ vcpus }, used) {
  return { vectors: used.vectors, pins: used.pins, vcpus, phases: ['guest', 'out', 'eoi'] };
}
