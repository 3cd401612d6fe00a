// What the build has put into the page: the engine, the sources that it was made from, the invariants,
// the mutants. Binary data is deflated and in base64.

import { Engine } from './engine.js';
import { byId } from './dom.js';

async function inflate(base64) {
  const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

// The engine as it is, with the rescan off: not a mistake in the code, a setting.
const RESCAN_OFF = {
  name: 'rescan_off', says: 'The last EOI of a stale vector requests no scan: stale_rescan = off in the configuration.',
  replay: ['reroute', ...('line0 kick0 step0 step0 step0 step0 step0 deliver0 write0.to1 kick0 step0 step0 step0 step0 step0 step0 line0 eoi0 '
    + 'step0 step0 step0 step0 step0 step0 step0 step0 step0').split(' ')],
};

export class PageData {
  static async load() {
    const it = new PageData();
    Object.assign(it, JSON.parse(byId('page-data').textContent));
    it.wasm = await inflate(it.engine);
    it.traceWasm = await inflate(it.trace);
    it.sample = new TextDecoder().decode(await inflate(it.sample));
    it.mutants = [RESCAN_OFF, ...JSON.parse(new TextDecoder().decode(await inflate(it.mutants)))];
    return it;
  }

  mutant(name) {
    return this.mutants.find((it) => it.name === name);
  }

  // A new engine: the production code, or a mutant of it, which differs in a few pieces (delta.mjs).
  async engineOf(name) {
    const parts = this.mutant(name)?.engine;
    if (!parts) {
      const engine = await Engine.load(this.wasm);
      engine.c.engine_set_rescan(name === RESCAN_OFF.name ? 0 : 1);
      return engine;
    }
    const pieces = parts.map((part) => (typeof part === 'string' ? bytesOf(part) : this.wasm.subarray(part[0], part[0] + part[1])));
    return Engine.load(await new Blob(pieces).arrayBuffer());
  }

  invariant(number) {
    return this.invariants.find((it) => it.number === number);
  }
}
