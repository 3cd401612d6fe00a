/* Input from the machine's serial port: see console_input.h. */
#include "vmm/vm/console_input.h"

#include "arch/instructions.h"
#include "drivers/console.h"
#include "drivers/tsc.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vm.h"
#include "vmm/vm/console_keys.h"
#include "vmm/vm/results.h"

#define BYTES_MAX    64 /* at a tick */
#define ATTENDED_S   60
#define RECORDS_MAX  16 /* of each CPU's trace */
#define ENDED_REASON "ended from the console"

static uint64_t next_tick;
static uint64_t attended; /* TSC: somebody is at the keyboard, until then */
static uint32_t selected;
static bool escaped;

static bool is_running(uint32_t index) {
    return index < vm_count && vms[index] && atomic_load(&vms[index]->state) == VM_RUNNING;
}

/* The guest that was chosen; while it does not run, the first that does; NULL: none. */
static struct vm *listener(void) {
    if (is_running(selected))
        return vms[selected];
    for (uint32_t i = 0; i < vm_count; i++) {
        if (is_running(i))
            return vms[i];
    }
    return NULL;
}

static void help(const struct vm *vm) {
    console_print("pinwheel: Ctrl-A and then: x ends all guests, c shows the counters of guest %s, "
                  "t its trace, d its registers, p presses its power button, 1 to 9 chooses which "
                  "guest gets the input, Ctrl-A "
                  "sends it a Ctrl-A\n",
                  vm->name);
}

static void choose(uint32_t index) {
    if (!is_running(index)) {
        console_print("pinwheel: guest %u does not run\n", index + 1);
        return;
    }
    selected = index;
    console_print("pinwheel: input goes to guest %s\n", vms[index]->name);
    for (unsigned i = 0; i < GUEST_CONSOLES; i++)
        guest_console_again(&vms[index]->console[i]);
}

static void command(struct vm *vm, int key) {
    if (key == 'x')
        vm_end_all(ENDED_REASON);
    else if (key == 'c')
        results_print_counters(vm);
    else if (key == 't')
        results_tell_story(vm, RECORDS_MAX);
    else if (key == 'p')
        pc_power_press(vm);
    else if (key >= '1' && key <= '9')
        choose((uint32_t)(key - '1'));
    else if (key != 'd')
        help(vm);
    for (uint32_t i = 0; key == 'd' && i < vm->vcpu_count; i++)
        vcpu_request(vm->vcpu[i], REQUEST_REGISTERS);
}

static void take(uint8_t byte) {
    struct vm *vm = listener();
    int key = console_key(&escaped, byte);

    if (!vm || key == CONSOLE_NOTHING)
        return;
    if (key >= CONSOLE_COMMAND)
        command(vm, key - CONSOLE_COMMAND);
    else
        serial_type(vm, (uint8_t)key);
}

uint64_t console_input_next(bool idle) {
    return idle || next_tick < attended ? next_tick : UINT64_MAX;
}

void console_input_tick(void) {
    uint64_t now = rdtsc();
    int byte;

    if (now < next_tick)
        return;
    next_tick = now + tsc_frequency() / 1000000 * CONSOLE_TICK_US;
    for (unsigned i = 0; i < BYTES_MAX && (byte = console_read()) >= 0; i++) {
        attended = now + tsc_frequency() * ATTENDED_S;
        take((uint8_t)byte);
    }
    struct vm *vm = listener();
    for (unsigned i = 0; vm && i < GUEST_CONSOLES; i++)
        guest_console_tick(&vm->console[i], now, now < attended);
}
