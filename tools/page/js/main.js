// Puts the page together: the views, the keys, the link, the colours.

import { PageData } from './data.js';
import { byId, h } from './dom.js';
import { Session } from './session.js';
import { Machine } from './machine.js';
import { HappenedPanel } from './happened.js';
import { SourcePanel } from './source.js';
import { Timeline } from './timeline.js';
import { StoryView } from './storyview.js';
import { PlayBar, keysHelp } from './playbar.js';
import { moveOfKey } from './controls.js';
import { parseLink, playLink } from './link.js';

const VIEWS = [['story', 'Story'], ['play', 'Play']];

class Page {
  constructor(data, engine) {
    this.session = new Session(engine);
    this.machine = new Machine(engine.about, (move) => this.session.apply(move));
    this.happened = new HappenedPanel(data, engine.about);
    this.source = new SourcePanel(data.sources);
    this.timeline = new Timeline(this.session);
    this.story = new StoryView(this.session, () => this.open('play'), () => this.setLink());
    this.bar = new PlayBar(this.session, () => this.copyLink());
    this.tabs = VIEWS.map(([name, label]) => h('button', { type: 'button', 'data-view': name, click: () => this.open(name) }, label));
    byId('views').append(...this.tabs);
    this.left = h('div', { class: 'left' }, this.bar.box, this.machine.box, this.timeline.box);
    this.right = h('div', { class: 'right' }, this.story.box, this.happened.box);
    byId('main').append(this.left, this.right, keysHelp());
    this.session.onChange(() => this.show());
    document.addEventListener('keydown', (event) => this.key(event));
    window.addEventListener('hashchange', () => this.follow());
    byId('keys-button').addEventListener('click', () => byId('keys').showModal());
    byId('theme').addEventListener('click', () => this.toggleTheme());
    this.follow();
  }

  show() {
    const { session } = this;
    const group = session.group();
    this.machine.show(session.now, session.before(), group);
    this.happened.show(session.now, group);
    this.source.show(group);
    this.timeline.show();
    this.setLink();
  }

  // ---- views and links ----

  setView(view) {
    this.view = view;
    document.body.dataset.view = view;
    (view === 'story' ? this.left : this.right).append(this.source.box); // where there is room for 100 columns
    for (const tab of this.tabs) tab.setAttribute('aria-pressed', String(tab.dataset.view === view));
  }

  open(view) {
    this.setView(view);
    if (view === 'story') this.story.open(this.story.story.name, this.story.index);
    else this.show();
  }

  setLink() {
    const link = `#${this.view === 'story' ? this.story.link : playLink(this.session)}`;
    this.link = link;
    if (location.hash !== link) history.replaceState(null, '', link);
  }

  follow() {
    if (location.hash && location.hash === this.link) return;
    const link = parseLink(location.hash);
    this.setView(link.view);
    if (link.view === 'story') {
      this.story.open(link.name, link.step);
      return;
    }
    const made = this.session.engine.about.bounds.some((it) => it.name === link.bound) ? this.session.load(link.bound, link.moves) : this.session.load('play', []);
    if (made < link.moves.length) this.bar.say(`"${link.moves[made]}" is not possible here: the link's moves end before it.`);
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
    if (this.view === 'story') {
      return { ArrowRight: () => story.next(), ArrowLeft: () => story.previous() }[key];
    }
    const move = moveOfKey(key);
    if (move) return () => session.apply(move);
    return {
      ArrowRight: () => session.go(session.at + 1), ArrowLeft: () => session.go(session.at - 1), z: () => session.go(session.at - 1),
      Home: () => session.go(0), End: () => session.go(session.records.length - 1),
      g: () => session.runVcpu(0), h: () => session.runVcpu(1), a: () => session.runAll(),
    }[key];
  }

  toggleTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    this.show();
  }
}

const pageData = await PageData.load();
window.page = new Page(pageData, await pageData.engineOf(null));
