// A guided story: Next, Back, and now and then a question before the answer is shown. It drives the
// session that the machine shows; "Go on by yourself" leaves it to the reader.

import { h, setClass } from './dom.js';
import { LABS } from './labs.js';
import { STORIES, movesUpTo } from './stories.js';

export class StoryView {
  // leave(): the reader wants to play on. onStep(): the link has changed.
  constructor(session, leave, onStep) {
    this.session = session;
    this.onStep = onStep;
    this.score = new Map();
    this.choice = h('div', { class: 'choice', role: 'group', 'aria-label': 'Stories' }, STORIES.map((story) =>
      h('button', { type: 'button', 'data-story': story.name, click: () => this.open(story.name, 0) }, story.title)));
    this.labs = h('p', { class: 'labs' }, 'Labs (docs/labs.md): ', Object.keys(LABS).sort().flatMap((lab) => [h('a', { href: `#lab/${lab}` }, lab), ' ']));
    this.dots = h('ol', { class: 'dots', 'aria-hidden': 'true' });
    this.count = h('p', { class: 'label' });
    this.title = h('h2', { tabindex: '-1' });
    this.text = h('div', { class: 'text', 'aria-live': 'polite' });
    this.back = h('button', { type: 'button', title: '←', click: () => this.previous() }, 'Back');
    this.forth = h('button', { type: 'button', class: 'primary', title: '→', click: () => this.next() }, 'Next');
    this.leave = h('button', { type: 'button', class: 'quiet', click: leave }, 'Go on by yourself');
    this.box = h('section', { class: 'card story', 'aria-label': 'Story' }, this.choice, this.count, this.title, this.text,
      h('div', { class: 'buttons' }, this.back, this.forth, this.leave), this.dots, this.labs);
    this.story = STORIES[0];
    this.index = 0;
  }

  get step() {
    return this.story.steps[this.index];
  }

  get link() {
    return `story/${this.story.name}/${this.index}`;
  }

  open(name, index, asked = Boolean(STORIES.find((it) => it.name === name)?.steps[index]?.ask)) {
    this.story = STORIES.find((it) => it.name === name) ?? STORIES[0];
    this.index = Math.max(0, Math.min(index, this.story.steps.length - 1));
    this.asking = asked && Boolean(this.step.ask);
    const { moves, from } = movesUpTo(this.story, this.index);
    if (this.asking) this.session.load(this.story.bound, moves.slice(0, from));
    else this.session.load(this.story.bound, moves);
    if (!this.asking && moves.length > from) this.session.go(this.session.at, from);
    this.show();
    this.onStep();
  }

  next() {
    if (this.asking) this.answer(-1);
    else if (this.index + 1 < this.story.steps.length) this.open(this.story.name, this.index + 1);
  }

  previous() {
    if (this.index > 0) this.open(this.story.name, this.index - 1, false);
  }

  answer(number) {
    const right = number === this.step.answer;
    if (number >= 0 && !this.score.has(this.link)) this.score.set(this.link, right);
    this.open(this.story.name, this.index, false);
    if (number >= 0) this.text.prepend(h('p', { class: right ? 'verdict right' : 'verdict wrong' }, right ? 'Right.' : 'Not so.', this.scoreText()));
  }

  scoreText() {
    const answers = [...this.score.values()];
    return answers.length > 1 ? ` ${answers.filter(Boolean).length} of ${answers.length} so far.` : '';
  }

  show() {
    const { step, story, index } = this;
    for (const button of this.choice.children) button.setAttribute('aria-pressed', String(button.dataset.story === story.name));
    this.count.textContent = `${story.title}, step ${index + 1} of ${story.steps.length}`;
    this.title.textContent = this.asking ? 'What do you think?' : step.title;
    this.text.replaceChildren(...(this.asking ? this.question() : this.told()));
    this.back.disabled = index === 0;
    this.forth.disabled = !this.asking && index === story.steps.length - 1;
    this.forth.textContent = this.asking ? 'Show me' : 'Next';
    setClass(this.leave, 'primary', step.last);
    this.dots.replaceChildren(...story.steps.map((_, i) => h('li', { class: i === index ? 'on' : i < index ? 'done' : '' })));
  }

  told() {
    const { step } = this;
    return [h('p', {}, step.text), step.look ? h('p', { class: 'look' }, h('b', {}, 'Look at: '), step.look) : null].filter(Boolean);
  }

  question() {
    const { step } = this;
    return [h('p', {}, step.ask), h('div', { class: 'options' }, step.options.map((option, i) =>
      h('button', { type: 'button', click: () => this.answer(i) }, option)))];
  }
}
