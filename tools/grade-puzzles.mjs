// Marks answers to the puzzles of the page: the engine of each is asked at which move it violates which
// invariant. tools/grade calls this.
//
//     node tools/grade-puzzles.mjs BUILD NUMBER:MOVE:INVARIANT...
//
// Prints the number of puzzles, then "NUMBER MARKS WORDS" for each answer.
import { readFileSync } from 'node:fs';
import { Engine } from './page/js/engine.js';
import { puzzleOrder } from './page/js/puzzle_order.js';
import { readMutants } from './page/mutants.mjs';
import { restored } from './page/delta.mjs';

const [build, ...answers] = process.argv.slice(2);
const wasm = readFileSync(`${build}/page/engine.wasm`);
const puzzles = puzzleOrder(readMutants(`${build}/page`));

// The move, counted from 1, at which an invariant is violated for the first time, and its number.
async function solve({ engine: parts, replay: [bound, ...moves] }) {
  const engine = await Engine.load(restored(wasm, parts));
  engine.start(bound);
  for (let made = 0; made < moves.length && engine.apply(moves[made]); made++) {
    const { violated } = engine.happened();
    if (violated !== undefined) return { move: made + 1, violated };
  }
  throw new Error('the puzzle violates nothing');
}

console.log(puzzles.length);
for (const answer of answers) {
  const [number, move, invariant] = answer.split(':').map(Number);
  const puzzle = puzzles[number - 1];
  if (!puzzle) {
    console.log(`${number} 0 there is no such puzzle`);
    continue;
  }
  const right = await solve(puzzle);
  const rightMove = move === right.move, rightInvariant = invariant === right.violated;
  const when = rightMove ? 'the move is right' : `it happens ${move < right.move ? 'later' : 'earlier'} than at move ${move}`;
  console.log(`${number} ${Number(rightMove) + Number(rightInvariant)} ${when}; ${rightInvariant ? 'the invariant is right' : `it is not invariant ${invariant}`}`);
}
