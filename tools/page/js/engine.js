// One engine: the model checker's world in WebAssembly (tools/page/engine.h), and what it says as
// JavaScript values. Every state has the engine's 40 bytes beside it, so any state can be set again.

const STATE_SIZE = 40;

export class Engine {
  // exports: those of an instance of build/page/engine.wasm, or of a mutant of it.
  constructor(exports) {
    this.c = exports;
    this.c.engine_init();
    this.about = JSON.parse(this.text(this.c.engine_describe()));
    this.number = new Map(this.about.moves.map((name, i) => [name, i]));
  }

  static async load(bytes) {
    return new Engine((await WebAssembly.instantiate(bytes, {})).instance.exports);
  }

  // The zero-terminated text at an address.
  text(address) {
    const memory = new Uint8Array(this.c.memory.buffer);
    return new TextDecoder().decode(memory.subarray(address, memory.indexOf(0, address)));
  }

  has(bound) {
    return this.about.bounds.some((it) => it.name === bound.replace(/^software /, ''));
  }

  // bound: its name, after "software " with delivery in software.
  start(bound) {
    const number = this.about.bounds.findIndex((it) => it.name === bound.replace(/^software /, ''));
    if (number < 0) throw new Error(`no bound "${bound}"`);
    this.c.engine_set_software(bound.startsWith('software ') ? 1 : 0);
    this.c.engine_start(number);
  }

  // move: its name. False: it is not possible.
  apply(move) {
    const number = this.number.get(move);
    return number !== undefined && this.c.engine_apply(number) === 1;
  }

  sentence(move) {
    return this.text(this.c.engine_sentence(this.number.get(move)));
  }

  state() {
    return JSON.parse(this.text(this.c.engine_state()));
  }

  // What the last move did: events, EOI exits, the violation if there is one.
  happened() {
    return JSON.parse(this.text(this.c.engine_happened()));
  }

  // The lines of C that the last move ran, in their order: [file's number, line].
  lines() {
    const ids = new Uint32Array(this.c.memory.buffer, this.c.engine_lines(), this.c.engine_line_count());
    return Array.from(ids, (id) => [id >> 12, id & 0xfff]);
  }

  // The names of the moves that are possible, in the order in which the model lists them.
  possible() {
    const [low, high] = new Uint32Array(this.c.memory.buffer, this.c.engine_possible(), 2);
    return this.about.moves.filter((_, i) => ((i < 32 ? low >>> i : high >>> (i - 32)) & 1) === 1);
  }

  bytes() {
    return new Uint8Array(this.c.memory.buffer, this.c.engine_bytes(), STATE_SIZE).slice();
  }

  restore(bytes) {
    new Uint8Array(this.c.memory.buffer, this.c.engine_bytes(), STATE_SIZE).set(bytes);
  }
}
