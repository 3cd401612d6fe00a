// The invariants as docs/interrupts.md states them: { number, title, text }.

const plain = (markdown) => markdown.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '').replace(/\s+/g, ' ').trim();

// Each begins with its number, an anchor and a title in bold; the first paragraph is its text.
export function readInvariants(page) {
  const found = [];
  for (const match of page.matchAll(/^(\d+)\. <a id="invariant-\d+"><\/a>\*\*(.+?)\*\*([\s\S]*?)\n\n/gm)) {
    const number = Number(match[1]);
    const title = plain(match[2]).replace(/\.$/, '');
    found.push({ number, title, text: plain(`${match[2]}${match[3]}`) });
  }
  if (found.some(({ number }, i) => number !== i + 1) || found.length < 24) throw new Error('docs/interrupts.md: the invariants are not numbered from 1');
  return [{ number: 0, title: 'The order of work, and the lock', text: 'The steps before an entry come in their order, and the lock is held where it has to be.' }, ...found];
}
