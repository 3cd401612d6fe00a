// Why: which invariant stands behind an event of the trace (vmm/interrupts/trace.h), and what each
// step of a vCPU is for. The texts of the invariants come from docs/interrupts.md.

// By number of the event.
const INVARIANTS_OF = {
  2: (e) => (/mask|active|no change/.test(e.says) && !/destination|vector|trigger|level|priority/.test(e.says) ? [12, 18] : [2, 18]),
  3: (e) => (/no local APIC/.test(e.says) ? [4] : [14]),
  4: () => [16],
  5: (e) => (/waits behind/.test(e.says) ? [16] : [24]),
  6: () => [18],
  7: (e) => (/stale/.test(e.says) ? [1, 7] : [2]),
  8: () => [3],
  9: () => [1, 6],
  10: () => [19],
  11: () => [5],
  12: () => [6, 9],
  13: () => [9, 15],
  14: (e) => (/cleared/.test(e.says) ? [5] : [4]),
  15: () => [10],
  16: () => [8, 18],
  18: () => [20],
  19: () => [22],
  20: () => [13],
};

// The short name of a vCPU's next step, and why it is there; by the name of its position.
export const STEPS = {
  out: ['Take requests', 'The vCPU is armed first and takes its requests afterwards: a request that comes in between finds it armed, and its NMI is not lost.'],
  taken: ['Sync', 'What was posted moves from the inbox to the IRR. Here, outside guest mode, IRR and ISR are exact, so the token is exact, too.'],
  synced: ['Compare', 'Without a change of the routes since the last scan there is nothing to scan.'],
  scan: ['Scan', 'Under the lock, accept once more, then scan: every level interrupt that the IRR shows has its EOI-exit bit.'],
  scanned: ['Write words', 'The EOI-exit words are written before RVI, so no interrupt can be delivered before its bit is set.'],
  written: ['Write RVI, SVI', 'From RVI the processor knows which vector to deliver next, from SVI which one the next EOI ends.'],
  ready: ['Enter', 'From here on the processor delivers by itself.'],
  eoi: ['Retire', 'The tokens of this instance, and of no other, are retired. This tells a live exit from a stale or a coincidental one.'],
  retired: ['Send EOI', 'The I/O APIC clears Remote IRR and checks the line again.'],
  renamed: ['Announce', 'A new logical ID, or a LAPIC that was software-disabled or enabled, changes which entries send to this vCPU: every vCPU scans again.'],
};

const MOVE_INVARIANTS = { scanned: [2], written: [2], eoi: [9], retired: [5] };

// The invariants behind a group of records, each once, the most telling first.
export function invariantsOf(records, phases) {
  const numbers = [];
  for (const { happened, move, before } of records) {
    for (const event of [...happened.events].reverse()) {
      const of = INVARIANTS_OF[event.event];
      if (of) numbers.push(...of(event));
    }
    const step = /^step(\d)$/.exec(move);
    if (step && before) numbers.push(...(MOVE_INVARIANTS[phases[before.vcpu[step[1]].phase]] ?? []));
  }
  return [...new Set(numbers)].slice(0, 4);
}
