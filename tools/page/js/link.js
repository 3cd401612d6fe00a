// A state is a link: what is shown, in the fragment of the address.
//
//     #story/NAME/STEP
//     #play/BOUND+MOVE+MOVE...      the words of `model replay`
//     #compare/MUTANT/BOUND+MOVE...
//     #puzzle/NUMBER
//     #lab/NUMBER                    what labs.js has for it
//     #run                           a log has to be dropped again

import { LABS } from './labs.js';

export function parseLink(fragment) {
  const [view, ...rest] = decodeURIComponent(fragment.replace(/^#/, '')).split('/');
  if (view === 'story') return { view, name: rest[0], step: Number(rest[1] ?? 0) || 0 };
  if (view === 'play') return { view, ...path(rest[0]) };
  if (view === 'compare') return { view, name: rest[0], ...path(rest[1]) };
  if (view === 'puzzle') return { view, number: Number(rest[0] ?? 1) || 1 };
  if (view === 'run') return { view };
  if (view === 'lab' && LABS[rest[0]]) return parseLink(LABS[rest[0]]);
  return { view: 'story', name: undefined, step: 0 };
}

function path(words = '') {
  const [, bound, rest] = /^((?:software[+ ])?[^+ ]*)(.*)$/.exec(words);
  return { bound: bound.replace('+', ' '), moves: rest.split(/[+ ]/).filter(Boolean) };
}

// The bound and the moves, as `model replay` takes them.
export function pathLink(session) {
  return [session.bound.replace(' ', '+'), ...session.moves].join('+');
}

export function playLink(session) {
  return `play/${pathLink(session)}`;
}
