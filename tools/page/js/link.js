// A state is a link: what is shown, in the fragment of the address.
//
//     #story/NAME/STEP
//     #play/BOUND+MOVE+MOVE...      the words of `model replay`

export function parseLink(fragment) {
  const [view, ...rest] = decodeURIComponent(fragment.replace(/^#/, '')).split('/');
  if (view === 'story') return { view, name: rest[0], step: Number(rest[1] ?? 0) || 0 };
  if (view === 'play') {
    const [bound, ...moves] = (rest[0] ?? '').split(/[+ ]/).filter(Boolean);
    return { view, bound: bound ?? 'play', moves };
  }
  return { view: 'story', name: undefined, step: 0 };
}

export function playLink(session) {
  return `play/${[session.bound, ...session.moves].join('+')}`;
}
