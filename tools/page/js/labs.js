// Where the page shows what a lab (docs/labs.md) is about: `#lab/06` leads there.

const ENTER = 'step0+step0+step0+step0+step0';
const STALE = `line0+kick0+${ENTER}+deliver0+write0.to1+kick0+${ENTER}+step0+line0+eoi0+step0+step0+${ENTER}+step0+step0`;

export const LABS = {
  '02': 'play/reroute+self0.62+deliver0+eoi0',
  '03': `play/nested+line1+kick0+${ENTER}`,
  '04': `play/edges+line0+kick0+${ENTER}+deliver0`,
  '05': 'play/shared+self0.31+deliver0+eoi0+step0',
  '06': 'story/stale-eoi/0',
  '07': `compare/rescan_off/reroute+${STALE}`,
  '08': `compare/highest_stale/nested+deliver0+write0.to1+line1+write1.to1+kick0+${ENTER}+step0+eoi0+step0+step0+${ENTER}`,
  '09': 'compare/words_after_rvi/reroute+write0.to1+kick1+step1+line0+step1',
  '10': 'play/logical+write0.lowest+line0',
  '11': 'story/stale-eoi/7',
};
