/* The PC that a guest sees: where its devices are. One place, for the devices themselves, for the
 * ACPI tables that tell the guest, and for the loaders. guest-physical addresses, I/O ports, and
 * IRQ numbers, which are pins of the I/O APIC (IRQ 0: pin 2). What is older has the addresses of
 * every PC, in its own header. vmm/devices/dsdt.asl includes this too: its numbers have no suffix.
 */
#pragma once

/* 16550 UART. Level-triggered by the MADT, unlike on old PCs. */
#define PC_UART_PORT 0x3f8
#define PC_UART_IRQ  4

/* Real-time clock: index and data, and where its memory has the century. */
#define PC_RTC_PORT    0x70
#define PC_RTC_IRQ     8
#define PC_RTC_CENTURY 0x32

/* virtio-mmio transports, one page each; slot s interrupts on PC_VIRTIO_IRQ + s, level-triggered.
 * A slot whose guest has no such device reads device ID 0, which drivers pass over. */
#define PC_VIRTIO_BASE   0xfeb00000
#define PC_VIRTIO_STRIDE 0x1000
#define PC_VIRTIO_SLOTS  3
#define PC_VIRTIO_IRQ    16
#ifndef __ASSEMBLER__
enum pc_virtio_slot { PC_VIRTIO_BLOCK, PC_VIRTIO_RNG, PC_VIRTIO_CONSOLE };
#endif

/* Hardware-reduced ACPI's registers, one byte each. ACPI 6.5, "Sleep Control and Status Registers",
 * "Reset Register". */
#define PC_SLEEP_CONTROL    0x600
#define PC_SLEEP_STATUS     0x601
#define PC_SLEEP_TYPE_S5    5
#define PC_SLEEP_TYPE_SHIFT 2
#define PC_SLEEP_ENABLE     0x20
#define PC_RESET_PORT       0x602
#define PC_RESET_VALUE      1

/* The power button. A read tells whether it was pressed (bit 0); to write that bit says that it was
 * seen. Its interrupt is level-triggered. */
#define PC_BUTTON_PORT 0x603
#define PC_BUTTON_IRQ  19

/* ACPI's power management timer: a counter of 24 bits that one read of 4 bytes gives. ACPI 6.5,
 * "Power Management Timer". */
#define PC_PM_TIMER    0x608
#define PC_PM_TIMER_HZ 3579545

/* Where a guest's kernel says that it is done for: QEMU's "pvpanic" device, one byte. It reads as
 * the events that may be written, bits too. */
#define PC_PANIC_PORT     0x505
#define PC_PANIC_PANICKED 1

/* Where ACPI tables are: what was the BIOS ROM, and where an RSDP is looked for. */
#define PC_ACPI_BASE 0xe0000u
#define PC_ACPI_SIZE 0x20000u

/* F000:FFF0, where an 8086 began, and where an operating system jumps to reset a PC. */
#define PC_RESET_SEGMENT 0xf000u
#define PC_RESET_OFFSET  0xfff0u
#define PC_RESET_VECTOR  0xffff0u
