// Makes the page, one file: the modules in the order of their imports, the style, and the data.
//
//     node tools/page/bundle.mjs BUILD OUTPUT SOURCE...
//
// BUILD/engine.wasm is the engine; the sources are in the order of its file numbers. The modules become
// one script, so their names at the top level must differ; this is checked.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { readInvariants } from './invariants.mjs';
import { readMutants } from './mutants.mjs';

const [build, output, ...sources] = process.argv.slice(2);
const home = dirname(process.argv[1]);
const IMPORT = /^import \{[^}]*\} from '\.\/([\w.]+)';\n/gm;

const read = (path) => readFileSync(path, 'utf8');
const pack = (bytes) => deflateSync(bytes, { level: 9 }).toString('base64');

// A module's text after those that it imports, each once.
function modules(name, seen = new Set()) {
  if (seen.has(name)) return '';
  seen.add(name);
  const text = read(join(home, 'js', name));
  const before = [...text.matchAll(IMPORT)].map((match) => modules(match[1], seen)).join('');
  return `${before}// ---- ${name} ----\n${text.replace(IMPORT, '').replace(/^export /gm, '')}`;
}

function checkNames(script) {
  const names = [...script.matchAll(/^(?:async )?(?:function|class|const|let) (\w+)/gm)].map((match) => match[1]);
  const twice = names.filter((name, i) => names.indexOf(name) !== i);
  if (twice.length) throw new Error(`these names are used in two modules: ${twice.join(' ')}`);
}

const data = {
  engine: pack(readFileSync(join(build, 'engine.wasm'))),
  trace: pack(readFileSync(join(build, 'trace.wasm'))),
  sample: pack(readFileSync('tests/page/sample.log')),
  sources: sources.map((path) => ({ path, text: read(path) })),
  invariants: readInvariants(read('docs/interrupts.md')),
  mutants: pack(JSON.stringify(readMutants(build))),
};

const script = modules('main.js');
checkNames(script);
const parts = {
  '/* STYLE */': read(join(home, 'page.css')),
  '/* DATA */': JSON.stringify(data).replaceAll('<', '\\u003c'),
  '/* SCRIPT */': script,
};
const page = read(join(home, 'page.html')).replace(/\/\* (?:STYLE|DATA|SCRIPT) \*\//g, (name) => parts[name]);
writeFileSync(output, page);
