// The page as a reader meets it: from a file, without a network, by mouse and by keyboard, at two
// widths, in light and dark, and for screen readers (axe-core finds nothing).
//
//     node tests/page/browser.mjs BUILD CHROMIUM
//
// Pictures of what it has seen are in BUILD/page/screens.
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LABS } from '../../tools/page/js/labs.js';
import { STORIES } from '../../tools/page/js/stories.js';
import { done, is, note, ok } from './tap.mjs';

const [build, executablePath] = process.argv.slice(2);
const require = createRequire(resolve(build, 'page/npm/package.json'));
const { chromium } = require('playwright-core');
const axe = require.resolve('axe-core');
const address = pathToFileURL(resolve(build, 'page/pinwheel.html')).href;
const screens = resolve(build, 'page/screens');
mkdirSync(screens, { recursive: true });

const args = process.getuid() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({ executablePath, args });
const complaints = [];
const requests = new Set();

async function open(link, { width = 1280, height = 900, colorScheme = 'light' } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce', offline: true });
  const page = await context.newPage();
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => requests.add(request.url().split('#')[0]));
  await page.goto(address + link);
  await page.waitForFunction(() => window.page);
  return page;
}

const text = (page, selector) => page.locator(selector).innerText();
const vcpu0 = (page) => page.locator('section.vcpu').first();

// ---- a newcomer: the story, by its button ----

{
  const page = await open('');
  is(await text(page, '.story .label'), `The stale EOI, step 1 of ${STORIES[0].steps.length}`, 'the page opens with the story');
  for (let n = 0; n < 100 && await page.locator('.story .primary', { hasText: /Next|Show me/ }).isEnabled(); n++) {
    await page.locator('.story .primary').first().click();
  }
  is(await page.locator('.story h2').innerText(), 'Your turn', 'Next leads to its end');
  is(await vcpu0(page).locator('.counts .count').allInnerTexts(), ['0 live', '1 stale', '0 coincidental'], 'one stale exit, no coincidental one');
  await page.getByRole('button', { name: 'Go on by yourself' }).click();
  ok(await page.locator('.controls').first().isVisible(), 'then there are buttons for moves');
  await page.context().close();
}

// ---- questions ----

{
  const page = await open('#story/stale-eoi/8');
  is(await page.locator('.options button').count(), 2, 'a question has answers');
  is(await vcpu0(page).locator('.bit-stale').count(), 0, 'before the answer nothing is shown');
  await page.locator('.options button').nth(1).click();
  is(await text(page, '.verdict'), 'Right.', 'the right answer is');
  ok(await vcpu0(page).locator('.bit-stale').isVisible(), 'and the bit is shown as stale');
  ok((await text(page, '.code')).includes('eoi_map_scan'), 'beside eoi_map_scan()');
  ok(await page.locator('.line.ran').count() > 5, 'with the lines that ran');
  await page.context().close();
}

// ---- play: by keyboard, links, undo ----

{
  const page = await open('#play/reroute');
  for (const key of ['1', 'k', 'g', 'd']) await page.keyboard.press(key);
  ok(page.url().endsWith('#play/reroute+line0+kick0+step0+step0+step0+step0+step0+deliver0'), 'moves by keys make a link');
  const link = new URL(page.url()).hash;
  const shown = await text(page, '.machine');
  const again = await open(link);
  is(await text(again, '.machine'), shown, 'the link leads to the same state');
  await again.keyboard.press('z');
  ok(!again.url().endsWith('deliver0'), 'undo takes a move back');
  await again.keyboard.press('ArrowRight');
  is(await text(again, '.machine'), shown, 'and a step forward makes it again');
  await again.getByRole('button', { name: 'EOI of 0x31' }).click();
  ok((await text(again, '.happened')).includes('writes its EOI register'), 'a button makes its move');
  ok(await again.locator('[data-move="eoi0"]').isDisabled(), 'and what is not possible is disabled');
  await again.locator('#preset').selectOption({ label: 'A stale bit' });
  ok(await vcpu0(again).locator('.bit-stale').isVisible(), 'a preset shows a stale bit');
  await again.keyboard.press('Tab');
  ok(await again.evaluate(() => document.activeElement !== document.body), 'Tab moves the focus');
  await page.context().close();
  await again.context().close();
}

// ---- predict, then reveal ----

{
  const page = await open('#play/reroute+line0+kick0+step0+step0+step0+step0+step0+deliver0+write0.to1+kick0+step0+step0+step0');
  await page.getByRole('button', { name: 'Ask me first' }).click();
  await page.keyboard.press('q');
  ok((await text(page, '.predict')).includes('For which vectors does an EOI exit afterwards?'), 'before a scan there is a question');
  is(await vcpu0(page).locator('.bit-stale').count(), 0, 'and nothing is shown');
  await page.getByRole('button', { name: '0x31, 0x35', exact: true }).click();
  ok((await text(page, '.predict')).includes('Right.'), 'the answer is graded');
  is(await vcpu0(page).locator('.bit-stale').count(), 1, 'and the move is made');
  for (const key of ['g', 'e']) await page.keyboard.press(key);
  await page.locator('.predict .options button', { hasText: 'No' }).click();
  ok((await text(page, '.predict')).includes('Not so: Yes.'), 'a wrong answer is corrected');
  await page.keyboard.press('q');
  await page.locator('.predict .options button', { hasText: 'stale' }).click();
  ok((await text(page, '.predict')).includes('2 of 3 so far.'), 'answers are counted');
  await page.context().close();
}

// ---- side by side ----

{
  const page = await open('#compare/rescan_off');
  ok((await text(page, '.compare .verdict')).includes('Invariant 8 is violated'), 'the mutant violates its invariant');
  await page.getByRole('button', { name: /^Then 10 edges/ }).click();
  const counts = await page.locator('.tally tbody td:nth-child(5)').allInnerTexts();
  ok(counts[0] === '0' && Number(counts[1]) >= 10, 'without the rescan each later EOI exits, with it none', counts);
  ok(await page.locator('.twin .differs').count() > 0, 'what differs is marked');
  await page.locator('#mutant').selectOption('guessed_in_flight');
  await page.waitForFunction(() => document.querySelector('.twin h2').textContent === 'guessed_in_flight');
  ok(page.url().includes('#compare/guessed_in_flight/shared+'), 'the comparison is a link');
  await page.context().close();
}

// ---- puzzles ----

{
  const page = await open('#puzzle/5');
  const { where, violated } = await page.evaluate(() => {
    const { puzzle } = window.page;
    return { where: puzzle.where, violated: puzzle.session.records[puzzle.where].happened.violated };
  });
  await page.locator('#violated').selectOption(String(violated));
  await page.getByRole('button', { name: 'It is this move' }).click();
  ok((await text(page, '.answer')).includes('The invariant is right'), 'a half right answer is told so');
  for (let n = 0; n < where; n++) await page.getByRole('button', { name: 'Step forward' }).click();
  is(await page.locator('.violation').count(), 0, 'the violation is not told');
  await page.getByRole('button', { name: 'It is this move' }).click();
  ok((await text(page, '.answer')).startsWith('Solved.'), 'the right answer solves it');
  is(await page.locator('.puzzle-list .solved').count(), 1, 'and is remembered');
  await page.getByRole('button', { name: 'Copy my answers' }).click();
  is((await text(page, '.answers')).trim(), `puzzle 5 = move ${where}, invariant ${violated}`, 'and copied for make grade');
  await page.context().close();
  const file = readFileSync(resolve(build, 'page/pinwheel.html'), 'utf8');
  const told = readdirSync('tests/model/mutants').map((name) => readFileSync(`tests/model/mutants/${name}`, 'utf8').split('\n')[0]).filter((it) => file.includes(it));
  is(told, [], 'the page has no list of solutions to read');
}

// ---- the labs ----

for (const [lab, preset] of Object.entries(LABS)) {
  const page = await open(`#lab/${lab}`);
  await page.waitForFunction(() => !location.hash.startsWith('#lab/'));
  is(decodeURIComponent(new URL(page.url()).hash), `#${preset}`, `lab ${lab}: all moves of its preset are possible`);
  await page.context().close();
}

// ---- a run ----

{
  const page = await open('#run');
  ok(/^\d+ records of 4 CPUs: run and model agree on each\.$/.test(await text(page, '.run .verdict')), 'the sample is replayed');
  await page.getByRole('button', { name: 'Next stale EOI' }).click();
  ok((await text(page, '.happened')).includes('exits, stale'), 'one can go to a stale EOI');
  const shown = await text(page, '.run-machine');
  await page.keyboard.press('End');
  await page.keyboard.press('Home');
  await page.getByRole('button', { name: 'Next stale EOI' }).click();
  is(await text(page, '.run-machine'), shown, 'and to the end, and back');
  const log = readFileSync('tests/page/sample.log', 'utf8').replace(/^(TRACE 11 .*) (\d+ \d+)$/m, (line, rest, end) => line.replace(/ [\da-f]+ 0 (\d+ \d+)$/, ' 7fffff 0 $1'));
  await page.locator('#log').setInputFiles({ name: 'changed.log', mimeType: 'text/plain', buffer: Buffer.from(log) });
  await page.waitForFunction(() => document.querySelector('.run .verdict').textContent.includes('differ'));
  ok((await text(page, '.run .verdict')).includes('Run and model differ'), 'a run that was changed differs');
  await page.locator('#log').setInputFiles({ name: 'none.txt', mimeType: 'text/plain', buffer: Buffer.from('nothing') });
  await page.waitForFunction(() => document.querySelector('.run .verdict').textContent.includes('no trace'));
  ok(true, 'a file without a trace is told so');
  await page.context().close();
}

// ---- a run with a hundred thousand records: what a frame costs does not grow with it ----

{
  const page = await open('#run');
  await page.waitForFunction(() => document.querySelector('.run .verdict').textContent.includes('agree'));
  // The work of going through the whole run in 50 frames, as one who scrubs does.
  const scrub = () => page.evaluate(async () => {
    const { run } = window.page;
    const work = { steps: 0, marks: 0, shown: 0 };
    const count = (object, name, what) => {
      const own = object[name];
      object[name] = function counted(...given) {
        work[what]++;
        return own.apply(this, given);
      };
      return () => { object[name] = own; };
    };
    const undo = [count(run.engine, 'step', 'steps'), count(CanvasRenderingContext2D.prototype, 'fillRect', 'marks'), count(run, 'go', 'shown')];
    const most = { steps: 0, marks: 0, shown: 0 };
    for (let frame = 50; frame >= 0; frame--) {
      for (const key of Object.keys(work)) work[key] = 0;
      for (let input = 0; input < 10; input++) { // the mouse is faster than the frames
        run.range.value = Math.round(((frame + input / 10) * run.engine.end) / 51);
        run.range.dispatchEvent(new Event('input'));
      }
      await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); });
      for (const key of Object.keys(work)) most[key] = Math.max(most[key], work[key]);
    }
    undo.forEach((it) => it());
    return { ...most, nodes: document.querySelectorAll('*').length, lanes: run.lanes.lanes.length, width: run.lanes.width };
  });
  const short = await scrub();
  const lines = readFileSync('tests/page/sample.log', 'utf8').split('\n');
  lines.length = lines.findIndex((line) => line.startsWith('TRACE end')) + 1;
  const exits = lines.filter((line) => line.startsWith('TRACE 21 ') && !/^TRACE 21 \d+ 2d /.test(line)).length;
  const repeats = Math.ceil(100000 / exits); // other exits than those of an EOI may come again and again
  const long = lines.map((line) => (/^TRACE 21 \d+ 2d /.test(line) ? line : line.replace(/^(TRACE 21 .*) \d+ (\d+)$/, `$1 ${repeats} $2`)));
  await page.locator('#log').setInputFiles({ name: 'long.log', mimeType: 'text/plain', buffer: Buffer.from(long.join('\n')) });
  await page.waitForFunction(() => /^\d{6} records .* agree on each/.test(document.querySelector('.run .verdict').textContent));
  ok(await page.evaluate(() => window.page.run.engine.end) >= 100000, 'a run of a hundred thousand records is replayed');
  const all = await scrub();
  is(all.shown, 1, 'a frame shows one record, however many were asked for');
  ok(all.steps <= 2 * 2048, 'and replays a bounded number of records', all.steps);
  ok(all.marks <= all.lanes * (all.width / 2 + 2) + 2, 'and draws at most one mark for two columns of pixels and lane', all.marks);
  is(all.nodes <= short.nodes + 20, true, 'the page has no more parts than with a short run');
  const lanes = await page.evaluate(() => [0.5, 0.5, 0.5, 2, 2].map((factor) => {
    window.page.run.lanes.zoom(factor);
    return window.page.run.lanes.count;
  }));
  ok(lanes[2] < lanes[0] && lanes[4] > lanes[2], 'and it is zoomed', lanes);
  note(`PAGE records=${await page.evaluate(() => window.page.run.engine.end)} steps_a_frame=${all.steps} marks_a_frame=${all.marks}`);
  await page.context().close();
}

// ---- at two widths, light and dark; screen readers ----

const VIEWS = {
  story: '#story/stale-eoi/7', question: '#story/stale-eoi/8', compare: '#compare/highest_stale', puzzle: '#puzzle/7', run: '#run',
  play: '#play/reroute+line0+kick0+step0+step0+step0+step0+step0+deliver0+write0.to1',
};
for (const [view, link] of Object.entries(VIEWS)) {
  for (const [width, height] of [[1280, 900], [380, 800]]) {
    for (const colorScheme of ['light', 'dark']) {
      const name = `${view}-${width}-${colorScheme}`;
      const page = await open(link, { width, height, colorScheme });
      is(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0, `${name}: nothing is cut off at the side`);
      await page.addScriptTag({ path: axe });
      const { violations } = await page.evaluate(() => window.axe.run());
      is(violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.target).join(' ')}`), [], `${name}: axe finds nothing`);
      await page.screenshot({ path: `${screens}/${name}.png`, fullPage: true });
      await page.context().close();
    }
  }
}

is(complaints, [], 'no error in the console');
is([...requests].filter((url) => url !== address && !url.startsWith('data:')), [], 'nothing but the file is read');
await browser.close();
note(`PAGE screens=${screens}`);
done();
