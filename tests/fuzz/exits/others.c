/* What other CPUs do while a vCPU of the guest runs: see exits.h. */
#include "drivers/lapic.h"
#include "tests/fuzz/exits/exits.h"
#include "vmm/pc/ports.h"
#include "vmm/vcpu/virq.h"

static struct vcpu *pick_vcpu(void) {
    return guest->vcpu[input_byte() % guest->vcpu_count];
}

/* Few vectors, so that they collide. */
static uint8_t pick_vector(void) {
    static const uint8_t vectors[] = {0x31, 0x51, 0x51, 0x5f, 0xc0, 0x0f};

    return vectors[input_below(sizeof(vectors))];
}

static void send_message(void) {
    uint8_t choice = input_byte();
    struct apic_message message = {
        .vector = pick_vector(),
        .delivery_mode = choice & 0x40 ? choice & 7 : APIC_DELIVERY_FIXED,
        .logical = choice & 8,
        .wide = choice & 16,
        .destination = choice & 32 ? input_byte() : input_below(4),
    };

    routing_send(&guest->routing, &message);
}

static void scribble(void) {
    uint64_t address = input_address();

    if (address < guest->ram_size)
        guest->ram[address] = input_byte();
}

/* What takes no lock: another CPU can do it at any time. */
static void act_without_lock(void) {
    switch (input_below(6)) {
    case 0:
        vcpu_send_nmi(pick_vcpu());
        break;
    case 1:
        lapic_send_nmi(self->host->cpu.apic_id); /* a late kick */
        break;
    case 2:
        if (input_below(4) == 0)
            vcpu_send_init(pick_vcpu());
        else
            vcpu_send_sipi(pick_vcpu(), input_byte());
        break;
    case 3:
        scribble();
        break;
    default:
        send_message();
        break;
    }
}

/* Another vCPU of the guest reroutes a pin; level, and enabled, more often than not. */
static void reroute(void) {
    uint8_t choice = input_byte(), pin = choice & 3;
    uint32_t low = pick_vector() | (choice & 16 ? 0 : (uint32_t)RTE_LEVEL);

    if (choice >= 0xe0)
        low = (uint32_t)input_number();
    routing_ioapic_write(&guest->routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + 1 + 2u * pin);
    routing_ioapic_write(&guest->routing, IOAPIC_DATA, 4, (uint32_t)input_below(4) << 24);
    routing_ioapic_write(&guest->routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + 2u * pin);
    routing_ioapic_write(&guest->routing, IOAPIC_DATA, 4, low);
}

static void act(void) {
    uint8_t choice = input_byte();

    switch (choice & 7) {
    case 0:
    case 1:
        irq_lines_set(&guest->pc, IRQ_SOURCE_TEST, choice >> 3 & 7, choice & 64);
        break;
    case 2:
    case 3:
        reroute();
        break;
    case 4:
        pc_port_out(&guest->pc, choice & 8 ? 0x20 : 0x21, 1, input_byte());
        break;
    case 5:
        serial_type(&guest->pc, input_byte());
        break;
    case 6:
        if (choice == 0xfe && input_below(4) == 0)
            vm_exit(guest, "exit", input_byte());
        else
            vcpu_request(pick_vcpu(), REQUEST_REGISTERS);
        break;
    default:
        act_without_lock();
        break;
    }
}

void others_act(void) {
    unsigned now = machine.now;

    machine.now = MACHINE_CPUS - 1;
    act();
    machine.now = now;
}

void others_act_later(void) {
    machine.meanwhile = act_without_lock;
    machine.meanwhile_at = input_byte();
    machine.instructions = 0;
}
