// The mutants of tests/model/mutants/ for the page: what is wrong, in which lines, how the engine
// differs, and the moves that show it (tests/model/replays/).
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { differences, restored } from './delta.mjs';

const read = (path) => readFileSync(path, 'utf8');

function readMutant(name) {
  const [, says, file, old, replaced] = /^([\s\S]*?)^--- (\S+)\n([\s\S]*?)^\+\+\+\n([\s\S]*)$/m.exec(read(`tests/model/mutants/${name}.mutant`));
  return { name, says: says.trim().replace(/\s+/g, ' '), file, old, new: replaced };
}

// [bound, move, ...]. Mutants of delivery in software are shown with it.
function readReplay(name) {
  const path = `tests/model/replays/${name}`;
  if (!existsSync(path)) throw new Error(`${path} is missing: the story of "make mutants M=${name}" ends with its words`);
  const [bound, ...moves] = read(path).split('\n').find((line) => line && !line.startsWith('#')).split(' ');
  return [name.startsWith('software_') ? `software ${bound}` : bound, ...moves];
}

export function readMutants(build) {
  // The page has no posted interrupts.
  const names = readdirSync('tests/model/mutants').map((it) => it.replace(/\.mutant$/, '')).filter((it) => !it.startsWith('posted_')).sort();
  const base = readFileSync(join(build, 'engine.wasm'));
  const engines = names.map((name) => readFileSync(join(build, 'mutants', name, 'engine.wasm')));
  const deltas = differences(base, engines);
  deltas.forEach((parts, i) => {
    if (!restored(base, parts).equals(engines[i])) throw new Error(`${names[i]}: the difference is wrong`);
  });
  return names.map((name, i) => ({ ...readMutant(name), replay: readReplay(name), engine: deltas[i] }));
}
