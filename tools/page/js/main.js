// Puts the page together: the views, the keys, the link, the colours.

import { PageData } from './data.js';
import { byId, h } from './dom.js';
import { Session } from './session.js';
import { Machine } from './machine.js';
import { HappenedPanel } from './happened.js';
import { SourcePanel } from './source.js';
import { Timeline } from './timeline.js';
import { StoryView } from './storyview.js';
import { CompareView } from './compare.js';
import { PuzzleView } from './puzzles.js';
import { TraceView } from './traceview.js';
import { Predict } from './predict.js';
import { PlayBar, keysHelp } from './playbar.js';
import { moveOfKey } from './controls.js';
import { parseLink, playLink } from './link.js';

const VIEWS = [['story', 'Story'], ['play', 'Play'], ['compare', 'Compare'], ['puzzle', 'Puzzles'], ['run', 'Run']];

class Page {
  constructor(data, engine) {
    this.own = this.session = new Session(engine); // a puzzle has a session of its own
    this.predict = new Predict(this.own, (move) => this.own.apply(move));
    this.machine = new Machine(engine.about, (move) => this.move(move));
    this.happened = new HappenedPanel(data, engine.about);
    this.source = new SourcePanel(data.sources);
    this.timeline = new Timeline(this.session);
    this.story = new StoryView(this.own, () => this.open('play'), () => this.setLink());
    this.bar = new PlayBar(this.own, () => this.copyLink(), this.predict.toggle);
    this.compare = new CompareView(data, this.own, this.machine, () => this.setLink());
    this.puzzle = new PuzzleView(data, (session) => this.use(session));
    this.run = new TraceView(data, this.source);
    this.tabs = VIEWS.map(([name, label]) => h('button', { type: 'button', 'data-view': name, click: () => this.open(name) }, label));
    byId('views').append(...this.tabs);
    this.top = h('div', { class: 'above' });
    this.left = h('div', { class: 'left' });
    this.right = h('div', { class: 'right' });
    byId('main').append(this.top, this.left, this.right, keysHelp());
    this.own.onChange(() => this.show());
    document.addEventListener('keydown', (event) => this.key(event));
    window.addEventListener('hashchange', () => this.follow());
    byId('keys-button').addEventListener('click', () => byId('keys').showModal());
    byId('theme').addEventListener('click', () => this.toggleTheme());
  }

  show() {
    const { session } = this;
    const group = session.group();
    this.machine.show(session.now, session.before(), group);
    this.happened.show(session.now, group);
    this.source.show(group);
    this.timeline.show();
    if (this.view === 'compare') this.compare.show();
    this.setLink();
  }

  move(move) {
    if (this.view === 'play') this.predict.move(move);
    else this.own.apply(move);
  }

  use(session) {
    if (session !== this.session && session !== this.own) session.onChange(() => this.show());
    this.session = this.timeline.session = session;
  }

  // ---- views and links ----

  // What stands where: above both columns, in the left one, in the right one.
  placesOf(view) {
    const { bar, machine, timeline, source, happened } = this;
    return {
      story: [[], [machine, source, timeline], [this.story, happened]],
      play: [[], [bar, machine, timeline], [this.predict, happened, source]],
      compare: [[this.compare], [{ box: this.ours }, machine, happened, timeline], [{ box: this.compare.place }, source]],
      puzzle: [[], [machine, timeline], [this.puzzle, happened]],
      run: [[this.run], [{ box: this.run.place }], [{ box: this.run.told }, source]],
    }[view];
  }

  setView(view) {
    this.view = view;
    this.happened.secret = view === 'puzzle';
    if (view !== 'puzzle') this.use(this.own);
    document.body.dataset.view = view;
    this.ours ??= h('h2', { class: 'machine-name' }, 'Pinwheel');
    [this.top, this.left, this.right].forEach((place, i) => place.replaceChildren(...this.placesOf(view)[i].map((it) => it.box)));
    for (const tab of this.tabs) tab.setAttribute('aria-pressed', String(tab.dataset.view === view));
  }

  async open(view) {
    this.setView(view);
    if (view === 'story') this.story.open(this.story.story.name, this.story.index);
    else if (view === 'compare') await this.compare.choose(this.compare.name, !this.compare.twin);
    else if (view === 'puzzle') await this.puzzle.open(this.puzzle.index);
    else if (view === 'run') await this.openRun();
    else this.show();
  }

  get link() {
    const view = this[this.view];
    return `#${view?.link ?? playLink(this.session)}`;
  }

  setLink() {
    if (location.hash !== this.link) history.replaceState(null, '', this.link);
  }

  async follow() {
    if (location.hash && this.view && location.hash === this.link) return;
    const link = parseLink(location.hash);
    this.setView(link.view);
    if (link.view === 'story') this.story.open(link.name, link.step);
    else if (link.view === 'run') await this.openRun();
    else if (link.view === 'puzzle') await this.puzzle.open(link.number - 1);
    else if (link.view === 'compare') await this.compare.choose(link.name, !this.own.has(link.bound), link.bound, link.moves);
    else this.followMoves(link);
  }

  // The run that is open, or the sample.
  async openRun() {
    if (this.run.engine) this.run.go(this.run.engine.at);
    else await this.run.openLog(this.run.data.sample);
    this.setLink();
  }

  followMoves({ bound, moves }) {
    const made = this.own.has(bound) ? this.own.load(bound, moves) : this.own.load('reroute', []);
    if (made < moves.length) this.bar.say(`"${moves[made]}" is not possible here: the link's moves end before it.`);
  }

  async copyLink() {
    try {
      await navigator.clipboard.writeText(location.href);
      this.bar.say('Copied.');
    } catch {
      this.bar.say('The link is in the address bar.');
    }
  }

  // ---- keys and colours ----

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    if (byId('keys').open) return;
    const act = this.action(event.key);
    if (!act) return;
    event.preventDefault();
    act();
  }

  action(key) {
    const { session, story } = this;
    if (key === '?') return () => byId('keys').showModal();
    if (this.view === 'run') return this.run.key(key);
    if (this.view === 'story') return { ArrowRight: () => story.next(), ArrowLeft: () => story.previous() }[key];
    const inTime = {
      ArrowRight: () => session.go(session.at + 1), ArrowLeft: () => session.go(session.at - 1),
      Home: () => session.go(0), End: () => session.go(session.records.length - 1),
    }[key];
    if (inTime || this.view === 'puzzle') return inTime;
    const move = moveOfKey(key);
    if (move) return () => this.move(move);
    return { z: () => session.go(session.at - 1), g: () => session.runVcpu(0), h: () => session.runVcpu(1), a: () => session.runAll() }[key];
  }

  toggleTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    if (this.view === 'run') this.run.lanes.draw();
    else this.show();
  }
}

// In a frame, of the book for example, there is no room for the header.
if (window.self !== window.top) document.documentElement.classList.add('framed');

const pageData = await PageData.load();
const wholePage = new Page(pageData, await pageData.engineOf(null));
await wholePage.follow();
window.page = wholePage;
