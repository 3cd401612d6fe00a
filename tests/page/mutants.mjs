// Each mutant of the engine violates, at the end of its replay, the invariant that docs/model.md names,
// and the engine itself does not. The page contains the mutants as differences from the engine; they
// are restored here as the page does it.
//
//     node tests/page/mutants.mjs BUILD
import { readFileSync } from 'node:fs';
import { Engine } from '../../tools/page/js/engine.js';
import { readMutants } from '../../tools/page/mutants.mjs';
import { restored } from '../../tools/page/delta.mjs';
import { done, is, note, ok } from './tap.mjs';

const build = process.argv[2];
const wasm = readFileSync(`${build}/page/engine.wasm`);
const mutants = readMutants(`${build}/page`);
const table = new Map([...readFileSync('docs/model.md', 'utf8').matchAll(/^\| (\w+) \| [^|]* \| (\d+) \|$/gm)]
  .map((match) => [match[1], Number(match[2])]));

// Follows a replay; returns the number of moves that were made and the first violation, if there is one.
function follow(engine, [bound, ...moves]) {
  engine.start(bound);
  for (let made = 0; made < moves.length; made++) {
    if (!engine.apply(moves[made])) return { made };
    const { violated } = engine.happened();
    if (violated !== undefined) return { made: made + 1, violated };
  }
  return { made: moves.length };
}

ok(mutants.length >= 34, 'there are enough mutants');
for (const { name, engine, replay } of mutants) {
  const length = replay.length - 1;
  // A mutant that has parted may be able to make moves that the engine cannot make there.
  is(follow(await Engine.load(wasm), replay).violated, undefined, `${name}: the engine follows the replay, and violates nothing`);
  is(follow(await Engine.load(restored(wasm, engine)), replay), { made: length, violated: table.get(name) }, `${name}: the mutant violates at its end`);
}
note(`MUTANTS in the page: ${mutants.length}, bytes of differences: ${mutants.reduce((sum, it) => sum + JSON.stringify(it.engine).length, 0)}`);
done();
