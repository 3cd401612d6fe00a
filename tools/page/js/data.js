// What the build has put into the page: the engine, the sources that it was made from, the invariants,
// the mutants. Binary data is deflated and in base64.

import { Engine } from './engine.js';
import { byId } from './dom.js';

async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export class PageData {
  static async load() {
    const it = new PageData();
    Object.assign(it, JSON.parse(byId('page-data').textContent));
    it.wasm = await inflate(it.engine);
    it.engines = new Map();
    return it;
  }

  // An engine of its own for each caller.
  engineOf(mutant) {
    return mutant ? this.mutantEngine(mutant) : Engine.load(this.wasm);
  }

  // A mutant differs from the engine in a few pieces: [from, length] copies, a text is base64.
  async mutantEngine(name) {
    const { delta } = this.mutants.find((it) => it.name === name);
    const parts = JSON.parse(new TextDecoder().decode(await inflate(delta))).map((part) =>
      typeof part === 'string' ? Uint8Array.from(atob(part), (c) => c.charCodeAt(0))
        : this.wasm.subarray(part[0], part[0] + part[1]));
    return Engine.load(new Uint8Array(await new Blob(parts).arrayBuffer()));
  }

  invariant(number) {
    return this.invariants.find((it) => it.number === number);
  }
}
