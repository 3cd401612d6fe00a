// The page's engine and the model checker are the same: along every replay and along random walks the
// states, the moves that are possible, and what is violated are equal, byte for byte. The program
// build/model/model writes them (tests/model/walk.h); build/page/engine.wasm makes the same moves.
//
//     node tests/page/engine.mjs BUILD
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { Engine } from '../../tools/page/js/engine.js';
import { PRESETS } from '../../tools/page/js/playbar.js';
import { STORIES } from '../../tools/page/js/stories.js';
import { done, is, note, ok } from './tap.mjs';

const build = process.argv[2];
const model = `${build}/model/model`;
const RECORD = 56; // struct walk_record
const START = 0xff;
const SEED = 1;
const MOVES_IN_EACH_BOUND = 45000; // 12 bounds, both ways of delivery: more than 10^6

const engine = await Engine.load(readFileSync(`${build}/page/engine.wasm`));
const c = engine.c;
const memory = new Uint8Array(c.memory.buffer);
const stateAt = c.engine_bytes();

const count = { moves: 0, starts: 0 };
let difference = '';

// Makes the move of a record; the first difference is kept.
function follow(record) {
  const [bound, move, violated] = record;
  if (move === START) {
    c.engine_start(bound);
    count.starts++;
  } else {
    count.moves++;
    if (c.engine_apply(move) !== 1) difference ||= `move ${count.moves}, ${engine.about.moves[move]}: not possible`;
  }
  const [low, high] = new Uint32Array(memory.buffer, c.engine_possible(), 2);
  const same = record.readUInt32LE(8) === low && record.readUInt32LE(12) === high
    && record.compare(memory, stateAt, stateAt + 40, 16, 56) === 0;
  if (!same) difference ||= `move ${count.moves}, ${engine.about.moves[move] ?? 'start'} in ${engine.about.bounds[bound].name}`;
  const mine = move === START ? undefined : (count.moves % 97 === 0 || violated) && engine.happened().violated;
  if (violated && mine !== violated - 1) difference ||= `invariant ${violated - 1} is violated in the model, ${mine} here`;
}

function followAll(records) {
  for (let at = 0; at + RECORD <= records.length; at += RECORD) follow(records.subarray(at, at + RECORD));
}

function readReplay(name) {
  const words = readFileSync(`tests/model/replays/${name}`, 'utf8').split('\n').find((line) => line && line[0] !== '#');
  return words.split(' ');
}

// ---- the replays ----

for (const name of readdirSync('tests/model/replays').filter((it) => !it.startsWith('posted_')).sort()) {
  const words = readReplay(name);
  let before = count.moves;
  for (const software of [false, true]) {
    difference = '';
    c.engine_set_software(software ? 1 : 0);
    followAll(execFileSync(model, [...(software ? ['software'] : []), 'states', ...words]));
    is(difference, '', `replay ${name}${software ? ' in software' : ''}: equal after each move`);
    if (software === name.startsWith('software_')) ok(count.moves > before, `replay ${name}: was made`);
    before = count.moves;
  }
}

// ---- what the page shows of a state ----

engine.start('reroute');
for (const move of 'line0 kick0 step0 step0 step0 step0 step0 deliver0 write0.to1'.split(' ')) {
  ok(engine.apply(move), `reroute: ${move} is possible`);
}
const { vcpu, pin } = engine.state();
is([vcpu[0].isr, vcpu[0].svi, vcpu[0].ppr, vcpu[0].front, vcpu[0].vmcs], [1, 0x31, 0x30, [1, 0, 0], 3], 'JSON: in service on vCPU 0');
is([pin[0].remoteIrr, pin[0].destination, pin[0].targets], [1, 1, 2], 'JSON: rerouted, with Remote IRR set');
is([vcpu[0].outdated, vcpu[1].outdated, vcpu[0].routed, vcpu[1].routed], [1, 1, 2, 1], 'JSON: both have to scan');
is(engine.happened().events.map((it) => it.says), ["the guest changes the pin's entry: destination APIC ID 0 -> APIC ID 1"],
  'the sentence is that of the trace');
const lines = new Set(engine.lines().map(([file, line]) => file * 4096 + line));
ok(lines.size > 30, 'the lines that ran are known');

const saved = engine.bytes();
const here = JSON.stringify(engine.state());
engine.apply('eoi0');
engine.restore(saved);
is(JSON.stringify(engine.state()), here, 'a state can be set again');
is(engine.apply('step0'), false, 'a move that is not possible is refused');

// ---- stories and presets ----

for (const { name, bound, steps } of STORIES) {
  engine.start(bound);
  const moves = steps.flatMap((it) => (it.moves ?? '').split(' ')).filter(Boolean);
  is(moves.filter((move) => !engine.apply(move) || engine.happened().violated !== undefined), [], `story ${name}: each move is possible`);
}
for (const [label, bound, moves] of PRESETS) {
  engine.start(bound);
  is(moves.split(' ').filter((move) => move && !engine.apply(move)), [], `preset "${label}": each move is possible`);
}

// ---- random walks ----

difference = '';
count.moves = 0;
const walkAtRandom = (software) => new Promise((resolve, reject) => {
  c.engine_set_software(software ? 1 : 0);
  const walk = spawn(model, [...(software ? ['software'] : []), 'walk', SEED, MOVES_IN_EACH_BOUND], { stdio: ['ignore', 'pipe', 'inherit'] });
  let rest = Buffer.alloc(0);
  walk.stdout.on('data', (chunk) => {
    const all = Buffer.concat([rest, chunk]);
    const whole = all.length - (all.length % RECORD);
    followAll(all.subarray(0, whole));
    rest = all.subarray(whole);
  });
  walk.on('error', reject);
  walk.on('close', (status) => {
    is([status, rest.length], [0, 0], `the model walks without a violation${software ? ', in software' : ''}`);
    resolve();
  });
});
await walkAtRandom(false);
await walkAtRandom(true);
is(difference, '', 'random moves: equal after each');
ok(count.moves >= 1000000, 'there were a million of them', count.moves);
note(`ENGINE moves=${count.moves} starts=${count.starts}`);
done();
