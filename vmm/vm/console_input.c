/* Input from the machine's serial port and its keyboard: see console_input.h. */
#include "vmm/vm/console_input.h"

#include "arch/instructions.h"
#include "drivers/console.h"
#include "drivers/keyboard.h"
#include "drivers/tsc.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vm.h"
#include "vmm/vm/console_keys.h"
#include "vmm/vm/guests.h"
#include "vmm/vm/results.h"

#define BYTES_MAX    64 /* per tick */
#define ATTENDED_S   60 /* after a byte, the port is polled more often for so long */
#define ENDED_REASON "ended from the console"

static uint64_t next_tick;
static uint64_t attended; /* TSC: until then somebody is typing */
static bool busy; /* the last poll found that the next one should not wait for a turn's end */
static uint32_t selected;
static bool escaped;

static bool is_running(uint32_t index) {
    return index < guest_count && guests[index] && atomic_load(&guests[index]->state) == VM_RUNNING;
}

/* The guest that receives the input: the selected one, or the first that runs if the selected one
 * does not; NULL: no guest runs. */
static struct vm *console_input_guest(void) {
    if (is_running(selected))
        return guests[selected];
    for (uint32_t i = 0; i < guest_count; i++) {
        if (is_running(i))
            return guests[i];
    }
    return NULL;
}

static void console_input_help(const struct vm *vm) {
    console_print(
        "pinwheel: keys after Ctrl-A: x ends all guests; 1 to 9 selects the guest that receives "
        "the input; for guest %s: c prints its counters, t its last interrupts, d its registers, v "
        "its text screen; p presses its power button; Ctrl-A sends it a Ctrl-A\n",
        vm->name);
}

static void console_input_select(uint32_t index) {
    if (!is_running(index)) {
        console_print("pinwheel: guest %u is not running\n", index + 1);
        return;
    }
    selected = index;
    console_print("pinwheel: input goes to guest %s\n", guests[index]->name);
    for (unsigned i = 0; i < PC_CONSOLES; i++)
        guest_console_again(&guests[index]->console[i]);
}

static void console_input_command(struct vm *vm, int key) {
    switch (key) {
    case 'x':
        guests_end_all(ENDED_REASON);
        break;
    case 'c':
        results_request_counters(vm);
        break;
    case 't':
        results_request_story(vm);
        break;
    case 'd': /* each vCPU prints its registers, on its own CPU */
        for (uint32_t i = 0; i < vm->vcpu_count; i++)
            vcpu_request(vm->vcpu[i], REQUEST_REGISTERS);
        break;
    case 'v':
        if (!results_print_screen(vm))
            console_print("pinwheel: the text screen of guest %s is blank\n", vm->name);
        break;
    case 'p':
        pc_power_press(&vm->pc);
        break;
    case '1' ... '9':
        console_input_select((uint32_t)(key - '1'));
        break;
    default:
        console_input_help(vm);
        break;
    }
}

static void console_input_byte(uint8_t byte) {
    struct vm *vm = console_input_guest();
    int key = console_key(&escaped, byte);

    if (!vm || key == CONSOLE_NOTHING)
        return;
    if (key >= CONSOLE_COMMAND)
        console_input_command(vm, key - CONSOLE_COMMAND);
    else
        serial_type(&vm->pc, (uint8_t)key);
}

static int next_byte(void) {
    int byte = console_read();

    return byte >= 0 ? byte : keyboard_read();
}

uint64_t console_input_next(bool idle) {
    return idle || busy ? next_tick : TIME_NEVER;
}

void console_input_tick(void) {
    uint64_t now = rdtsc();
    int byte;

    if (now < next_tick)
        return;
    next_tick = now + tsc_ticks(CONSOLE_TICK_US);
    console_step();
    guests_print_results();
    for (unsigned i = 0; i < BYTES_MAX && (byte = next_byte()) >= 0; i++) {
        attended = now + tsc_frequency() * ATTENDED_S;
        console_input_byte((uint8_t)byte);
    }
    struct vm *vm = console_input_guest();
    busy = next_tick < attended || console_waits() || results_wait();
    for (unsigned i = 0; vm && i < PC_CONSOLES; i++)
        guest_console_tick(&vm->console[i], now, now < attended);
}
