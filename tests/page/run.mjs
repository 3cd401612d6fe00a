// The page replays the trace of a run as build/host/lockstep/replay does: record by record to the end,
// without a difference, and a changed record is noticed. Any record can be gone to in any order.
//
//     node tests/page/run.mjs BUILD
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { TraceEngine, readTraces, unfit } from '../../tools/page/js/trace_engine.js';
import { traceRecord, usedBy } from '../../tools/page/js/trace_state.js';
import { done, is, note, ok } from './tap.mjs';

const build = process.argv[2];
const SAMPLE = 'tests/page/sample.log';
const wasm = readFileSync(`${build}/page/trace.wasm`);
const traces = readTraces(readFileSync(SAMPLE, 'utf8'));

ok(traces.length >= 3, 'the sample has traces');
for (const trace of traces) {
  const { guest } = trace;
  const native = execFileSync(`${build}/host/lockstep/replay`, [SAMPLE, guest], { encoding: 'utf8' });
  const engine = await TraceEngine.load(wasm, trace);
  is(engine.problem, '', `${guest}: run and model agree`);
  is(engine.end, Number(/records=(\d+)/.exec(native)[1]), `${guest}: as many records as in the program on the host`);
  const used = usedBy(trace);
  const eois = traceRecord(engine, used).counts;
  is(Object.values(eois).flat(2).reduce((a, b) => a + b, 0), Number(/eoi_exits=(\d+)/.exec(native)[1]), `${guest}: as many EOI exits`);

  // Forward record by record, then to the same places in another order.
  const places = [0, 1, 7, 2047, 2048, 2049, 5000, engine.end].filter((at) => at <= engine.end);
  const seen = new Map();
  engine.go(0);
  for (let at = 0; at <= engine.end; at++) {
    engine.go(at);
    if (places.includes(at)) seen.set(at, JSON.stringify(engine.state()));
  }
  for (const at of [...places].reverse()) {
    engine.go(at);
    is(JSON.stringify(engine.state()) === seen.get(at), true, `${guest}: the state after record ${at} is the same from both sides`);
  }
}

// ---- what cannot be replayed, and what differs ----

const [soak] = traces;
is(unfit({ ...soak, lost: undefined }), 'The trace does not end: the log is cut.', 'a log that is cut is refused');
is(unfit({ ...soak, lost: 3 }), 'The first 3 records are lost, so the state is not known.', 'a trace with losses is refused');
const without = (event) => {
  const records = [...soak.records];
  records.splice(records.findIndex((it) => it[0] === event && it[4] !== it[5]), 1);
  return { ...soak, records };
};
for (const [event, name] of [[1, 'a line'], [2, 'a write to an entry'], [5, 'an acceptance'], [12, 'a stale EOI']]) {
  const engine = await TraceEngine.load(wasm, without(event));
  ok(engine.problem !== '' && engine.end < soak.records.length - 1, `without ${name} the run and the model differ`);
}
note(`RUN guests=${traces.length} records=${traces.reduce((sum, it) => sum + it.records.length, 0)}`);
done();
