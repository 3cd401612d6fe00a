// The book as a reader meets it: from files, without a network, at two widths, in light and dark, and
// for screen readers (axe-core finds nothing). Each state of the page that the book shows is one.
//
//     node tests/book/browser.mjs BUILD CHROMIUM
//
// Pictures of what it has seen are in BUILD/book/screens.
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { done, is, note, ok } from '../page/tap.mjs';

const [build, executablePath] = process.argv.slice(2);
const require = createRequire(resolve(build, 'page/npm/package.json'));
const { chromium } = require('playwright-core');
const axe = require.resolve('axe-core');
const book = resolve(build, 'book');
const screens = `${book}/screens`;
mkdirSync(screens, { recursive: true });

const args = process.getuid() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({ executablePath, args });
const complaints = [];
const requests = new Set();

async function open(name, { width = 1280, height = 900, colorScheme = 'light' } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce', offline: true });
  const page = await context.newPage();
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(`${name}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`${name}: ${error.message}`));
  page.on('request', (request) => requests.add(request.url().split('#')[0]));
  await page.goto(pathToFileURL(`${book}/${name.split('#')[0]}`).href + (name.includes('#') ? name.replace(/^[^#]*/, '') : ''));
  return page;
}

// ---- every page, both widths, light and dark ----

const pages = readdirSync(book).filter((name) => name.endsWith('.html') && !['pinwheel.html', 'styles.html'].includes(name));
for (const name of pages) {
  const chapter = /^(index|\d)/.test(name); // the others are the pages of docs/: once
  const all = /^(index|0[68])/.test(name);
  for (const [width, height, colorScheme] of [[380, 800, 'dark'], ...chapter ? [[1280, 900, 'light']] : [], ...all ? [[1280, 900, 'dark'], [380, 800, 'light']] : []]) {
    const what = `${name.replace('.html', '')}-${width}-${colorScheme}`;
    const page = await open(name, { width, height, colorScheme });
    is(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0, `${what}: nothing is cut off at the side`);
    await page.addScriptTag({ path: axe });
    const { violations } = await page.evaluate(() => window.axe.run({ iframes: false }));
    is(violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.target).join(' ')}`), [], `${what}: axe finds nothing`);
    if (chapter) await page.screenshot({ path: `${screens}/${what}.png`, fullPage: true });
    await page.context().close();
  }
}

// ---- from the first page to the last, by the links ----

{
  const page = await open('index.html');
  let turned = 0;
  for (; await page.locator('a[rel="next"]').count(); turned++) await page.locator('a[rel="next"]').click();
  is(turned, pages.filter((name) => /^\d/.test(name)).length, 'the links lead through all chapters');
  await page.context().close();
}

// ---- what moves ----

const shown = new Map();
for (const name of pages) {
  for (const [, state] of readFileSync(`${book}/${name}`, 'utf8').matchAll(/<iframe src="pinwheel\.html(#[^"]*)"/g)) shown.set(state, name);
}
for (const [state, name] of shown) {
  const page = await open(`pinwheel.html${state}`);
  await page.waitForFunction(() => window.page);
  await page.waitForTimeout(0);
  is(await page.evaluate(() => decodeURIComponent(window.location.hash).split(/[+/]/).length >= 2), true, `${name} shows ${state}: a state`);
  const moves = state.split('+').slice(1);
  const made = await page.evaluate(() => window.page.session.moves);
  if (state.startsWith('#play/')) is(made, moves, 'and each of its moves can be made');
  await page.context().close();
}
ok(shown.size >= 4, 'the book shows the page in its place', shown.size);
{
  const [, name] = [...shown][0];
  const page = await open(name);
  const frame = page.locator('figure.page iframe').first();
  await frame.scrollIntoViewIfNeeded();
  ok(await frame.contentFrame().locator('.machine').first().isVisible(), 'where it runs');
  await page.context().close();
}

is(complaints, [], 'no error in the console');
const inside = pathToFileURL(book).href;
is([...requests].filter((url) => !url.startsWith(inside) && !url.startsWith('data:')), [], 'nothing but the files of the book is read');
await browser.close();
note(`BOOK screens=${screens}`);
done();
