// Test results as TAP, for prove.

let count = 0;
let failed = 0;

export function ok(good, name, why = '') {
  count++;
  if (!good) failed++;
  console.log(`${good ? 'ok' : 'not ok'} ${count} - ${name}`);
  if (!good && why) console.log(String(why).replace(/^/gm, '# '));
  return good;
}

export function is(got, expected, name) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
  return ok(a === b, name, `got ${a}, expected ${b}`);
}

export function note(text) {
  console.error(text);
}

export function done() {
  console.log(`1..${count}`);
  process.exitCode = failed ? 1 : 0;
}
