// The puzzles are the mutants in a fixed order in which the names mean nothing. Also for make grade.
export function puzzleOrder(mutants) {
  const weigh = (name) => [...name].reduce((sum, c) => (sum * 33 + c.charCodeAt(0)) % 9973, 7);
  return mutants.filter((it) => it.engine).sort((a, b) => weigh(a.name) - weigh(b.name));
}
