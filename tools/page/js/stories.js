// The guided stories. Each step makes moves (the words of `model replay`) and says what they show. A
// step with a question is shown in two halves: first the question, then the moves and the answer.

const ENTER0 = 'step0 step0 step0 step0 step0';

export const STORIES = [
  {
    name: 'stale-eoi',
    title: 'The stale EOI',
    bound: 'reroute',
    steps: [
      {
        title: 'Interrupts without exits',
        text: 'Two vCPUs run a guest. With VT-x the processor delivers a guest\'s interrupts and performs its EOIs by itself, without a VM exit.',
        look: 'Both vCPUs: "in guest mode".',
      },
      {
        title: 'One kind of EOI must exit',
        text: 'Pin 0 is level-triggered and sends vector 0x31 to vCPU 0. The I/O APIC must receive the EOI of such an interrupt, so the hypervisor has set bit 0x31 in the EOI-exit bitmap of vCPU 0: this EOI will cause a VM exit.',
        look: 'The column "EOI exits" of vCPU 0.',
      },
      {
        moves: 'line0',
        title: 'A device raises its line',
        text: 'The I/O APIC sends 0x31 to vCPU 0. The interrupt waits in the inbox. Remote IRR is set: the pin sends nothing more until its EOI has come back.',
        look: 'The dashed wire: an EOI is owed to pin 0.',
      },
      {
        moves: 'kick0 step0',
        title: 'A kick',
        text: 'vCPU 0 is in guest mode and cannot see its inbox. An NMI makes it leave, and it takes its requests.',
      },
      {
        moves: 'step0',
        title: 'Sync: from the inbox to the IRR',
        text: 'The interrupt is now requested in the virtual-APIC page. Pinwheel adds a token: this instance of 0x31 came from pin 0, and its EOI is owed to that pin.',
        look: 'IRR, TMR and the token in "Front".',
      },
      {
        moves: 'step0 step0 step0',
        title: 'Back into the guest',
        text: 'No route has changed since the last scan, so there is nothing to scan. RVI tells the processor the highest vector in the IRR, and the vCPU enters.',
      },
      {
        moves: 'deliver0',
        title: 'Delivered, without the hypervisor',
        text: 'The processor moves 0x31 from the IRR to the ISR by itself, and the guest\'s handler runs. 0x31 is in service until the handler writes its EOI.',
      },
      {
        moves: 'write0.to1',
        title: 'The route changes in flight',
        text: 'In the middle of the handler the guest sends pin 0 to vCPU 1 from now on; Linux does this when it moves an interrupt. Yet this EOI will still come from vCPU 0.',
        look: 'The wires: the route leads to vCPU 1, the EOI is owed by vCPU 0.',
      },
      {
        ask: 'vCPU 0 has to scan its routes again. No route leads 0x31 to it any more. What becomes of its EOI-exit bit?',
        options: ['It is cleared: no route explains it', 'It stays: the EOI is still owed'],
        answer: 1,
        moves: 'kick0 step0 step0 step0 step0',
        title: 'The scan',
        text: 'The bit stays because of the token, and is marked stale: needed for the EOI that is in flight, and for nothing else. If it were cleared, the EOI would not exit, Remote IRR would stay set, and the device could never interrupt again.',
      },
      {
        moves: 'step0 step0 kick1 step1 step1 step1 step1 step1 step1 step1',
        title: 'Both enter',
        text: 'vCPU 0 goes on with its handler. vCPU 1 has scanned, too: the new route has set the bit there, before the first interrupt can arrive.',
      },
      {
        moves: 'line0',
        title: 'The handler serves the device',
        text: 'The device has what it wanted and lowers its line. The I/O APIC will check the line again when the EOI comes.',
      },
      {
        ask: 'The handler of vCPU 0 ends and writes its EOI. Does this EOI exit?',
        options: ['No: the route leads elsewhere by now', 'Yes: its bit is set'],
        answer: 1,
        moves: 'eoi0',
        title: 'The stale EOI',
        text: 'The bit is set, so the processor performs the EOI and leaves the guest. Now the hypervisor has to find out what it ended.',
      },
      {
        moves: 'step0',
        title: 'The token is retired',
        text: 'The token says that this EOI is owed to pin 0. No route explains the bit any more, so the exit is counted as stale. It was needed.',
      },
      {
        moves: 'step0',
        title: 'The I/O APIC receives the EOI',
        text: 'Remote IRR is cleared: pin 0 may send again, to vCPU 1. This was the last interrupt in flight on a stale vector, so another scan is requested.',
      },
      {
        moves: 'step0 step0 step0 step0 step0',
        title: 'The bit goes',
        text: 'The scan finds neither a route nor a token for 0x31 and drops the bit, before the guest\'s next instruction. Without this scan, every later EOI of 0x31 would cost a needless exit.',
        look: 'The empty cell of 0x31 in "EOI exits".',
      },
      {
        ask: 'Now another CPU sends vCPU 0 an ordinary interrupt that happens to use 0x31. Does its EOI exit?',
        options: ['Yes', 'No'],
        answer: 1,
        moves: `step0 step0 ipi0.31 kick0 ${ENTER0} deliver0 eoi0`,
        title: 'One exit, and no more',
        text: 'Delivered and ended without the hypervisor. vCPU 0 has had exactly one EOI exit, the stale one. Invariant 15 promises this for a million of them.',
      },
      {
        title: 'Your turn',
        text: 'Everything that you saw was the hypervisor\'s own C code, compiled for the browser. Go on from here with moves of your own, or step back and try another order: what if the line stays high?',
        last: true,
      },
    ],
  },
  {
    name: 'two-stale',
    title: 'Two stale vectors',
    bound: 'nested',
    steps: [
      {
        title: 'Two at once',
        text: 'Pin 0 sends 0x31, pin 1 sends 0x62, both to vCPU 0. Line 0 is high, and 0x31 is already in the IRR.',
      },
      { moves: 'deliver0', title: '0x31 is in service', text: 'The handler of 0x31 runs on vCPU 0.' },
      {
        moves: 'write0.to1 line1 write1.to1',
        title: 'Two reroutes in flight',
        text: 'Pin 0 is sent elsewhere. Then pin 1 delivers 0x62 to vCPU 0, and is sent elsewhere, too. Two EOIs are owed by vCPU 0, and no route leads there.',
      },
      {
        moves: 'kick0 step0 step0 step0 step0',
        title: 'Two stale bits',
        text: 'One scan finds two tokens and no route: both bits stay, both are stale. KVM would note one vector, the highest.',
      },
      {
        ask: 'The EOI of 0x31 comes first, while 0x62 waits in the IRR. Which bits are left afterwards?',
        options: ['Both, until 0x62 has ended, too', 'Only 0x62'],
        answer: 1,
        moves: 'step0 step0 eoi0 step0 step0 step0 step0 step0 step0 step0',
        title: 'Each bit goes with its own EOI',
        text: 'The last token of 0x31 is retired, so its bit goes now; 0x62 keeps its own. With one marker for the highest, 0x31 would have kept its bit.',
      },
      {
        moves: 'step0 step0 deliver0 eoi0 step0 step0 step0 step0 step0 step0 step0 step0 step0',
        title: 'And the other one',
        text: 'The EOI of 0x62 exits once and drops its bit in turn. Look at the same moves on a hypervisor with a single marker: "Compare", mutant highest_stale.',
        last: true,
      },
    ],
  },
];

// The moves of the steps up to this one, and how many of them come before it.
export function movesUpTo(story, index) {
  const before = story.steps.slice(0, index).flatMap((it) => (it.moves ?? '').split(' ')).filter(Boolean);
  const own = (story.steps[index].moves ?? '').split(' ').filter(Boolean);
  return { moves: [...before, ...own], from: before.length };
}
