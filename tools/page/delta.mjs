// What differs between two files, as a list: [from, length] is copied from the first one, a text is
// new bytes in base64. The page undoes it (js/data.js).

const WINDOW = 12;
const SHORTEST = 24; // a shorter copy costs more than it saves

function windows(base) {
  const places = new Map();
  for (let at = 0; at + WINDOW <= base.length; at++) {
    const key = base.toString('latin1', at, at + WINDOW);
    if (!places.has(key)) places.set(key, []);
    places.get(key).push(at);
  }
  return places;
}

// The longest copy that begins here, and of these the one nearest to where the last one ended.
function longest(base, file, at, places, near) {
  let best = { from: 0, length: 0 };
  const candidates = places.get(file.toString('latin1', at, at + WINDOW)) ?? [];
  for (const from of candidates.slice(0, 64).concat(near)) {
    let length = 0;
    while (from + length < base.length && at + length < file.length && base[from + length] === file[at + length]) length++;
    if (length > best.length) best = { from, length };
  }
  return best;
}

export function differences(base, files) {
  const places = windows(base);
  return files.map((file) => {
    const parts = [];
    let fresh = [];
    let near = 0;
    const flush = () => {
      if (fresh.length) parts.push(Buffer.from(fresh).toString('base64'));
      fresh = [];
    };
    for (let at = 0; at < file.length;) {
      const { from, length } = longest(base, file, at, places, near);
      if (length < SHORTEST) {
        fresh.push(file[at++]);
        near++;
        continue;
      }
      flush();
      parts.push([from, length]);
      at += length;
      near = from + length;
    }
    flush();
    return parts;
  });
}

export function restored(base, parts) {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'base64') : base.subarray(part[0], part[0] + part[1]))));
}
