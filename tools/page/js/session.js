// The history of one engine: the moves that were made, and what each has done. A record is
//   { move, sentence, state, bytes, happened, lines, counts, possible }
// The first one is the start of the bound and has no move. counts: EOI exits from the start on.

function add(counts, happened) {
  const sum = {};
  for (const kind of ['live', 'stale', 'coincidental']) {
    sum[kind] = happened[kind].map((perVcpu, v) => perVcpu.map((n, k) => n + (counts ? counts[kind][v][k] : 0)));
  }
  return sum;
}

export class Session {
  constructor(engine) {
    this.engine = engine;
    this.listeners = [];
    this.reset('reroute');
  }

  // What is to be called after each change; it gets the session.
  onChange(listener) {
    this.listeners.push(listener);
  }

  changed() {
    for (const listener of this.listeners) listener(this);
  }

  get now() {
    return this.records[this.at];
  }

  get moves() {
    return this.records.slice(1, this.at + 1).map((it) => it.move);
  }

  take(move, sentence, before) {
    const { engine } = this;
    const happened = engine.happened();
    return {
      move, sentence, happened, lines: move ? engine.lines() : [], state: engine.state(),
      bytes: engine.bytes(), possible: engine.possible(), counts: add(before && before.counts, happened),
    };
  }

  reset(bound) {
    this.bound = bound;
    this.engine.start(bound);
    this.records = [this.take('', 'Nothing has happened yet.', null)];
    this.at = 0;
    this.from = 0; // the record with which the current one is compared
  }

  // Makes one move after the current record; what came after it is dropped. False: not possible.
  push(move) {
    if (this.at < this.records.length - 1) this.engine.restore(this.now.bytes);
    const sentence = this.engine.sentence(move);
    if (!this.engine.apply(move)) return false;
    this.records.length = this.at + 1;
    this.records.push(this.take(move, sentence, this.now));
    this.at++;
    return true;
  }

  // Makes moves as one group: what has changed is marked since before the first one. Returns how many
  // of them were possible.
  apply(...moves) {
    const from = this.at;
    let made = 0;
    while (made < moves.length && this.push(moves[made])) made++;
    if (made) this.from = from;
    this.changed();
    return made;
  }

  go(at, from = at - 1) {
    this.at = Math.max(0, Math.min(at, this.records.length - 1));
    this.from = Math.max(0, Math.min(from, this.at));
    this.engine.restore(this.now.bytes);
    this.changed();
  }

  has(bound) {
    return Boolean(bound) && this.engine.has(bound);
  }

  // Starts again and makes these moves; stops at the first one that is not possible.
  load(bound, moves) {
    this.reset(bound);
    let made = 0;
    while (made < moves.length && this.push(moves[made])) made++;
    this.from = Math.max(0, this.at - 1);
    this.changed();
    return made;
  }

  // The records of the last group of moves, each with the state before it.
  group() {
    return this.records.slice(this.from + 1, this.at + 1)
      .map((record, i) => ({ ...record, before: this.records[this.from + i].state }));
  }

  before() {
    return this.records[this.from];
  }

  // The moves that bring a vCPU into guest mode; those that leave nothing to do for either.
  runVcpu(v) {
    this.runWhile(() => this.workOf(v));
  }

  runAll() {
    this.runWhile(() => this.workOf(0) ?? this.workOf(1));
  }

  workOf(v) {
    const { possible, state } = this.now;
    if (state.vcpu[v].kick && possible.includes(`kick${v}`)) return `kick${v}`;
    return possible.includes(`step${v}`) ? `step${v}` : undefined;
  }

  runWhile(next) {
    const from = this.at;
    for (let n = 0; n < 100; n++) {
      const move = next();
      if (!move || !this.push(move)) break;
    }
    this.from = from;
    this.changed();
  }
}
