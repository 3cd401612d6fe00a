/* Lab 01: hello, and the first exit.
 *
 * A guest runs on the processor itself. It notices nothing of the hypervisor until an instruction
 * must not act on the real machine: then the processor leaves the guest, the hypervisor does
 * something in its place, and enters again. Which instructions exit, and how many exits does one
 * line of output cost?
 *
 * Read on: exit_table in vmm/vcpu/exits.c. SDM Vol. 3C, "Instructions That Cause VM Exits". */
#include "guest/labs/lab.h"
#include "guest/lib/console.h"
#include "guest/lib/start.h"

#define ROUNDS 100
#define HELLO  "Hello, exits.\n"

static void read_the_clock(void) {
    rdtsc();
}

/* CR8 is the task priority of the local APIC, bits 7:4. The virtual-APIC page has it. */
static void write_the_priority(void) {
    write_cr8(0);
}

/* What a processor can do is what the hypervisor says that it can do. */
static void ask_for_features(void) {
    cpuid(0, 0);
}

/* Port 80H belongs to no device; programs write to it to wait a little. */
static void write_a_port(void) {
    outb(0x80, 0);
}

static void call_the_hypervisor(void) {
    vmcall(HYPERCALL_NOTHING);
}

static void say_hello(void) {
    print("%s", HELLO);
}

/* The exits of this many calls. The second VMCALL counts itself. */
static uint32_t exits_of(void (*instruction)(void), uint32_t rounds) {
    uint32_t before = vm_exits();

    for (uint32_t i = 0; i < rounds; i++)
        instruction();
    return vm_exits() - before - 1;
}

void guest_main(void) {
    lab_begin("01: hello, and the first exit", 1);

    print("01.1  Exits of %u RDTSC: %u\n", ROUNDS, exits_of(read_the_clock, ROUNDS));
    print("01.2  Exits of %u MOV to CR8: %u\n", ROUNDS, exits_of(write_the_priority, ROUNDS));
    print("01.3  Exits of %u CPUID: %u\n", ROUNDS, exits_of(ask_for_features, ROUNDS));
    print("01.4  Exits of %u OUT: %u\n", ROUNDS, exits_of(write_a_port, ROUNDS));
    print("01.5  Exits of %u VMCALL: %u\n", ROUNDS, exits_of(call_the_hypervisor, ROUNDS));

    /* For each character: is the UART ready (IN), then the character itself (OUT). */
    uint32_t exits = exits_of(say_hello, 1);
    print("01.6  Exits of printing %u characters: %u\n", (uint32_t)sizeof(HELLO) - 1, exits);
}
