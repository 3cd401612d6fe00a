// The wires between the I/O APIC and the vCPUs: where each pin is routed now, and from where an EOI is
// owed to it. After a reroute in flight the two lead to different vCPUs: that is the stale EOI.

import { svg } from './dom.js';

const DELIVER = 3;
const REMOTE_IRR = 14;

// From left to right and back, both as curves; t: how far from the middle of a box the wire ends.
function curve(x0, y0, x1, y1) {
  const middle = (x0 + x1) / 2;
  return `M${x0},${y0} C${middle},${y0} ${middle},${y1} ${x1},${y1}`;
}

function owes(vcpu, p) {
  return [...vcpu.posted, ...vcpu.front, ...vcpu.behind].some((pins) => (pins >> p) & 1);
}

function events(group, number, p) {
  return group.some(({ happened }) => happened.events.some((it) => it.event === number && it.pin === p));
}

function arrow(id, kind) {
  return svg('marker', { id, viewBox: '0 0 10 10', refX: 9, refY: 5, markerWidth: 10, markerHeight: 10, markerUnits: 'userSpaceOnUse', orient: 'auto-start-reverse' },
    svg('path', { d: 'M0,0 L10,5 L0,10 z', class: `tip ${kind}` }));
}

let drawings = 0;

export function drawWires(box, { pins, vcpus, numbers }, { record, before, group }) {
  const area = box.getBoundingClientRect();
  if (!area.width || getComputedStyle(box).display === 'none') return;
  const id = `wires-${drawings++}`;
  const y = (element) => {
    const it = element.getBoundingClientRect();
    return it.top - area.top + Math.min(it.height / 2, 74);
  };
  const drawing = svg('svg', { width: area.width, height: area.height },
    svg('defs', {}, [0, 1].map((p) => arrow(`${id}-${p}`, `pin-${p}`)), arrow(`${id}-owed`, 'owed')));
  record.state.pin.forEach((pin, i) => {
    const p = numbers[i]; // bits and events name the pin, the list is of those that are shown
    const colour = p & 1;
    const from = y(pins[i].box) - 8;
    record.state.vcpu.forEach((vcpu, v) => {
      const to = y(vcpus[v].box) + 22 * colour - 26;
      if ((pin.targets >> v) & 1) {
        const delivered = events(group, DELIVER, p) ? ' active' : '';
        const moved = before.state.pin[i].targets !== pin.targets ? ' moved' : '';
        drawing.append(svg('path', { class: `wire pin-${colour}${pin.masked ? ' is-masked' : ''}${delivered}${moved}`,
          d: curve(2, from, area.width - 2, to), 'marker-end': `url(#${id}-${colour})` }));
      }
      const was = owes(before.state.vcpu[v], p);
      const sent = was && !owes(vcpu, p) && events(group, REMOTE_IRR, p);
      if (owes(vcpu, p) || sent) {
        const elsewhere = (pin.targets >> v) & 1 ? '' : ' elsewhere';
        drawing.append(svg('path', { class: `wire owed${elsewhere}${sent ? ' active' : ''}`,
          d: curve(area.width - 2, to + 11, 4, from + 20), 'marker-end': `url(#${id}-owed)` }));
      }
    });
  });
  box.replaceChildren(drawing);
}
